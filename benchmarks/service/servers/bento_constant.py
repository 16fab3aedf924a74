"""BentoML as its documentation begins: one API method, no settings; it returns a constant."""

from __future__ import annotations

import bentoml


@bentoml.service
class Constant:
    """One endpoint."""

    @bentoml.api
    async def score(self, features: list[float]) -> dict[str, float]:
        """Always the same."""
        return {"risk": 0.5}
