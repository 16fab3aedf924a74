"""FastAPI on uvicorn calling LightGBM directly, with a caller who has all features at hand."""

from __future__ import annotations

from fastapi import FastAPI
from pydantic import BaseModel

from benchmarks.service.servers.model import Scorer


class Row(BaseModel):
    """The features of one account, in the model's order."""

    features: list[float]


app = FastAPI()
scorer = Scorer()


@app.post("/score")
async def score(row: Row) -> dict[str, float]:
    """The risk of one account."""
    return {"risk": scorer.risk(row.features)}
