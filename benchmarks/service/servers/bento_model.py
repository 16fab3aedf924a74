"""BentoML calling LightGBM directly, with a caller who has all features at hand."""

from __future__ import annotations

import bentoml

from benchmarks.service.servers.model import Scorer


@bentoml.service
class Model:
    """One endpoint."""

    def __init__(self) -> None:
        self.scorer = Scorer()

    @bentoml.api
    async def score(self, features: list[float]) -> dict[str, float]:
        """The risk of one account."""
        return {"risk": self.scorer.risk(features)}
