"""Alerts must name channels that there are, a zone that exists, and hours that are some."""

from __future__ import annotations

from collections.abc import Iterator

from npsight.config.checks import Finding, known_zone, near_zone, suggest
from npsight.config.schema import Alerts
from npsight.config.yamlfile import KeyPath


def check_alerts(alerts: Alerts) -> Iterator[Finding]:
    """Addresses are looked up when something is sent; here only names are compared."""
    key: KeyPath = ("alerts",)
    named: list[tuple[KeyPath, list[str]]] = [((*key, "default"), alerts.default)]
    named += [((*key, "owners", owner), names) for owner, names in alerts.owners.items()]
    for place, names in named:
        for name in names:
            if name not in alerts.channels:
                yield Finding(
                    place, f"there is no channel `{name}`", suggest(name, alerts.channels)
                )
    used = {name for _, names in named for name in names}
    for name in alerts.channels:
        if name not in used:
            yield Finding(
                (*key, "channels", name),
                "nobody is told anything on this channel",
                "name it in `default` or under `owners`, or drop it",
            )
    if alerts.timezone is not None and not known_zone(alerts.timezone):
        yield Finding(
            (*key, "timezone"),
            f"`{alerts.timezone}` is no time zone",
            near_zone(alerts.timezone),
        )
    quiet = alerts.quiet
    if quiet is not None and quiet.start == quiet.end and not quiet.weekends:
        yield Finding(
            (*key, "quiet"),
            "starts when it ends, and weekends are not quiet: nothing is",
            "give two different times, or drop `quiet`",
        )
