"""What a running process is told, and how it is told to work."""

from __future__ import annotations

import gc

import pytest

from npsight.config.runtime import cycles_left_alone


@pytest.mark.parametrize("searched", [True, False])
def test_the_search_for_cycles_pauses_and_goes_on_as_before(searched):
    before = gc.isenabled()
    gc.enable() if searched else gc.disable()
    try:
        with cycles_left_alone():
            assert not gc.isenabled()
        assert gc.isenabled() == searched
        with pytest.raises(ValueError, match="a fault"), cycles_left_alone():
            raise ValueError("a fault")
        assert gc.isenabled() == searched
    finally:
        gc.enable() if before else gc.disable()
