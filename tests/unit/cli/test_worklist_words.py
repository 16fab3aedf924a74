"""What `npsight worklist` says of points."""

from __future__ import annotations

import pytest

from npsight.cli.worklist import _points


@pytest.mark.parametrize(
    ("points", "said"),
    [(0.386, "+39 points"), (0.014, "+1 point"), (0.015, "+2 points"), (0.004, "+0 points")],
)
def test_points_stay_with_their_number(points, said):
    assert _points(points).replace("\u00a0", " ") == said
    assert " " not in _points(points)
