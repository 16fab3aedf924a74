"""What is written back into a CRM: which accounts, which record each is, and which values.

Nothing here opens a connection; `npsight.outgoing` sends what is planned here.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from npsight.config.schema import HubspotWriteback, SalesforceWriteback
from npsight.config.specs import ProjectSpec
from npsight.store import ScoreRow, ScoreRun, Store, open_project_store, written_digests
from npsight.tables.crmids import CrmIds, read_crm_ids

System = Literal["salesforce", "hubspot"]

DIGITS = {"predicted_nps": 1, "nps_low_80": 1, "nps_high_80": 1, "priority": 2}
"""Decimals that are written; 4 for everything else. Less would call no difference a change."""
SALESFORCE_ID = re.compile(r"[A-Za-z0-9]{15}([A-Za-z0-9]{3})?")
HUBSPOT_ID = re.compile(r"[0-9]{1,20}")
MAX_ID_LENGTH = 255


@dataclass(frozen=True)
class Record:
    """One account as the CRM will hold it.

    `values` has one text for each planned field, None for "no value": it empties the field.
    """

    account: str = field(repr=False)
    id: str = field(repr=False)
    values: tuple[str | None, ...] = field(repr=False)
    digest: str = field(repr=False)


@dataclass(frozen=True)
class Plan:
    """What there is to write.

    Attributes
    ----------
    fields
        API names, in the order of each record's values.
    unchanged
        Accounts that the CRM already has as they are.
    without_id
        Accounts without a usable record id; `several` and `shared` are the others left out
        (see `CrmIds`).
    """

    run: ScoreRun
    system: System
    object: str
    fields: tuple[str, ...]
    records: tuple[Record, ...]
    unchanged: int = 0
    without_id: int = 0
    several: int = 0
    shared: int = 0


def plan_writeback(project: ProjectSpec, system: System, everything: bool = False) -> Plan:
    """The newest scores of accounts that differ from what the CRM has of them.

    With `everything`, what the CRM has is disregarded.

    Raises
    ------
    NotFoundError
        The project was never scored.
    DataError
        The column with the ids cannot be read.
    """
    with closing(open_project_store(project)) as store:
        return plan_from(store, project, system, everything)


def plan_from(store: Store, project: ProjectSpec, system: System, everything: bool) -> Plan:
    """The same, from an open store."""
    settings = settings_of(project, system)
    run = store.latest_run(project.name)
    rows = store.scores(run.id)
    ids = _ids(project, settings, rows)
    known = {} if everything else written_digests(store, project.name, system)
    names = {str(source): str(name) for source, name in settings.fields.items()}
    usable = _id_form(settings)
    records: list[Record] = []
    unchanged = without = 0
    for row in rows:
        record_id = ids.ids.get(row.account, "")
        if not usable(record_id):
            without += 1
            continue
        record = _record(row, run, settings, names, record_id)
        if known.get(row.account) == record.digest:
            unchanged += 1
        else:
            records.append(record)
    left_out = ids.several + ids.shared
    return Plan(
        run=run,
        system=system,
        object=settings.object,
        fields=tuple(names.values()),
        records=tuple(records),
        unchanged=unchanged,
        without_id=max(0, without - left_out),
        several=ids.several,
        shared=ids.shared,
    )


def settings_of(project: ProjectSpec, system: System) -> SalesforceWriteback | HubspotWriteback:
    """The CRM's section of the project file."""
    return getattr(project.writeback, system)  # type: ignore[no-any-return]


def _ids(
    project: ProjectSpec,
    settings: SalesforceWriteback | HubspotWriteback,
    rows: Iterable[ScoreRow],
) -> CrmIds:
    if settings.id_column:
        return read_crm_ids(project, settings.id_column)
    return CrmIds({row.account: row.account for row in rows})


def _id_form(settings: SalesforceWriteback | HubspotWriteback) -> Callable[[str], bool]:
    """What an id must look like: the CRM's own form, unless a field of the user's holds it."""
    if isinstance(settings, SalesforceWriteback) and settings.id_field == "Id":
        return lambda text: SALESFORCE_ID.fullmatch(text) is not None
    if isinstance(settings, HubspotWriteback) and settings.id_property is None:
        return lambda text: HUBSPOT_ID.fullmatch(text) is not None
    return lambda text: 0 < len(text) <= MAX_ID_LENGTH


def _record(
    row: ScoreRow,
    run: ScoreRun,
    settings: SalesforceWriteback | HubspotWriteback,
    names: Mapping[str, str],
    record_id: str,
) -> Record:
    values = tuple(written(source, row, run) for source in names)
    # Without as_of and version: that a score is of a later day is no change of the score.
    told = {
        name: value
        for (source, name), value in zip(names.items(), values, strict=True)
        if source not in ("as_of", "model_version")
    }
    text = json.dumps([settings.object, record_id, sorted(names.values()), told], sort_keys=True)
    digest = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
    return Record(row.account, record_id, values, digest)


def written(source: str, row: ScoreRow, run: ScoreRun) -> str | None:
    """A value as text for a CRM; None for missing."""
    top = row.drivers[0] if row.drivers else (row.churn_drivers or [{}])[0]
    derived: dict[str, Any] = {
        "as_of": row.as_of,
        "model_version": run.model_version,
        "top_driver": top.get("label"),
        "top_driver_sentence": top.get("sentence"),
        "play": top.get("play"),
    }
    value = derived[source] if source in derived else getattr(row, source)
    return text_of(value, DIGITS.get(source, 4))


def text_of(value: Any, digits: int) -> str | None:
    """Plain text: numbers without exponent and without `-0`, instants in UTC, no blank text."""
    if value is None or (isinstance(value, float) and value != value):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        text = f"{round(value, digits) + 0.0:.{digits}f}".rstrip("0").rstrip(".")
        return "0" if text in ("-0", "") else text
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    # NUL is no text, and line ends are LF whatever the source had.
    text = str(value).replace("\0", "").replace("\r\n", "\n").replace("\r", "\n").strip()
    return text or None
