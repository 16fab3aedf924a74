"""Templates to HTML: everything is escaped; a name that is not known is an error."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from jinja2 import Environment, PackageLoader, StrictUndefined

from npsight.web.statics import version
from npsight.worklist.alertwords import counted

if TYPE_CHECKING:
    from npsight.web.page import Page

NONE = "–"
KEPT = "\u00a0"
"""A space at which no line breaks: a figure stays with its unit."""

NAVIGATION = (
    ("/worklist", "Worklist"),
    ("/follow-ups", "Follow-ups"),
    ("/segments", "Segments"),
    ("/impact", "Impact"),
    ("/model", "Model"),
)


def render(page: Page, template: str, values: Mapping[str, Any]) -> str:
    """The HTML of a template; it knows `page`, `project`, `user`, `csrf` and the values."""
    session = page.session
    zone = zone_of(session.user.time_zone if session else "UTC")
    return (
        environment()
        .get_template(template)
        .render(
            page=page,
            project=page.project,
            user=session.user if session else None,
            csrf=session.csrf if session else "",
            path=page.request.url.path,
            navigation=NAVIGATION,
            version=version(),
            zone=zone,
            **values,
        )
    )


def zone_of(name: str) -> ZoneInfo:
    """The time zone of that name; UTC where this machine knows no such zone."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The templates, and the filters that they know."""
    made = Environment(
        loader=PackageLoader("npsight.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        percent=percent,
        signed=signed,
        money=money,
        day=day,
        moment=moment,
        initials=initials,
        counted=counted,
    )
    return made


def percent(value: float | None) -> str:
    """A probability as whole per cent, `<1 %` where it is small but not 0; a dash for None."""
    if value is None:
        return NONE
    whole = f"{100 * value:.0f}"
    if whole == "0" and value > 0:
        whole = "<1"
    elif whole == "100" and value < 1:
        whole = ">99"
    return f"{whole}{KEPT}%"


def signed(value: float | None, digits: int = 0) -> str:
    """A number with its sign, a true minus; a dash for None."""
    if value is None:
        return NONE
    text = f"{value:+.{digits}f}"
    return "0" if float(text) == 0 else text.replace("-", "−")


def money(value: float | None, currency: str = "") -> str:
    """Revenue in few digits, such as `€ 1.2 M`; a dash for None."""
    if value is None:
        return NONE
    amount, unit = next(
        (
            (value / size, name)
            for size, name in ((1e9, " bn"), (1e6, " M"), (1e3, " k"))
            if abs(value) >= size
        ),
        (value, ""),
    )
    digits = 1 if unit and abs(amount) < 10 else 0
    shown = f"{currency} {amount:,.{digits}f}{unit}".strip().replace(" ", KEPT)
    return shown.replace("-", "−") if amount < 0 else shown


def day(value: date | datetime | None, zone: ZoneInfo | None = None) -> str:
    """A day such as `3 Mar 2026`, of an instant that in the zone; a dash for None."""
    if value is None:
        return NONE
    local = value.astimezone(zone) if isinstance(value, datetime) and zone else value
    return f"{local.day} {local:%b %Y}"


def moment(value: datetime | None, zone: ZoneInfo) -> str:
    """A day and time such as `3 Mar 2026, 14:05`, in the zone; a dash for None."""
    return NONE if value is None else f"{day(value, zone)}, {value.astimezone(zone):%H:%M}"


def initials(name: str) -> str:
    """One or two letters that stand for a name."""
    words = [word for word in name.split() if word[0].isalnum()] or ["?"]
    first, last = words[0][0], words[-1][0] if len(words) > 1 else ""
    return f"{first}{last}".upper()
