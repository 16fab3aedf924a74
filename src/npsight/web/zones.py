"""Time zones to choose from."""

from __future__ import annotations

from functools import lru_cache
from zoneinfo import available_timezones

PLACES = (
    "Africa",
    "America",
    "Antarctica",
    "Arctic",
    "Asia",
    "Atlantic",
    "Australia",
    "Europe",
    "Indian",
    "Pacific",
)


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    return frozenset(available_timezones())


def is_zone(name: str) -> bool:
    """Whether it is an IANA name that this machine knows."""
    return name in _known()


@lru_cache(maxsize=1)
def zones_by_place() -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """Part of the world to the zones in it, each as IANA name and as people read it."""
    return tuple(
        (
            place,
            tuple(
                (name, name.removeprefix(f"{place}/").replace("_", " ").replace("/", ", "))
                for name in sorted(_known())
                if name.startswith(f"{place}/")
            ),
        )
        for place in PLACES
    )
