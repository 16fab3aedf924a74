"""Invitations to answer, read from the rows of answers: one fact an invitation."""

from __future__ import annotations

from typing import cast

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from npsight.tables.contract import STATED
from npsight.temporal.instants import INSTANT


def invitations_of(answers: ir.Table) -> ir.Table:
    """Every invitation sent; it ends with its answer, and that is known when the answer is.

    Versions of one answer tell of one invitation. It ends with the first answer known; a later
    version that changes only the answer changes nothing of it. Where a version changes the
    invitation itself (account, time or touchpoint), or follows a withdrawal, another fact begins
    when that version was known, so that one counts as of any day.
    """
    if STATED not in answers.columns:
        return _each(answers)
    single = answers.filter(answers.response_id.isnull())
    versions = answers.filter(answers.response_id.notnull())
    return ibis.union(_each(single), _of_versions(versions))


def _each(answers: ir.Table) -> ir.Table:
    sent = answers.filter(answers.invited_at.notnull())
    columns = {
        "account": sent.account,
        "occurred_at": sent.invited_at,
        "known_at": sent.invitation_known_at,
        "ended_at": sent.occurred_at,
        "ended_known_at": sent.known_at,
        "touchpoint": sent.touchpoint,
    }
    if "corrected_at" in sent.columns:
        columns["corrected_at"] = sent.corrected_at
    return sent.select(**columns)


def _of_versions(versions: ir.Table) -> ir.Table:
    runs = _runs(versions)
    sent = runs.filter(runs.invited_at.notnull())
    answered = sent.occurred_at.notnull()
    by_invitation = sent.group_by("response_id", "run").aggregate(
        account=sent.account.min(),
        occurred_at=sent.invited_at.min(),
        sent_known_at=sent.invitation_known_at.argmin(sent[STATED]),
        told_at=sent[STATED].min(),
        ended_at=sent.occurred_at.argmin(sent[STATED], where=answered),
        ended_known_at=sent.known_at.argmin(sent[STATED], where=answered),
        touchpoint=sent.touchpoint.min(),
        last_corrected=sent.corrected_at.max(),
        stands=sent.corrected_at.isnull().any(),
    )
    later = ibis.greatest(by_invitation.sent_known_at, by_invitation.told_at)
    known_at = ibis.ifelse(by_invitation.run == 1, by_invitation.sent_known_at, later)
    corrected = ibis.ifelse(by_invitation.stands, ibis.null(INSTANT), by_invitation.last_corrected)
    return by_invitation.select(
        "account",
        "occurred_at",
        known_at=known_at,
        ended_at=by_invitation.ended_at,
        ended_known_at=by_invitation.ended_known_at,
        touchpoint=by_invitation.touchpoint,
        corrected_at=corrected,
    )


def _runs(versions: ir.Table) -> ir.Table:
    """The versions with `run`, from 1: those of one run tell of the same invitation."""
    order = ibis.window(group_by=versions.response_id, order_by=versions[STATED])
    told = {name: versions[name] for name in ("account", "invited_at", "touchpoint")}
    invitation = cast(ir.StructValue, ibis.struct(told))
    same = (invitation == invitation.lag().over(order)) & (
        versions.corrected_at.lag().over(order) == versions[STATED]
    )
    marked = versions.mutate(begins=(~same.fill_null(False)).cast(dt.int64))
    so_far = ibis.cumulative_window(group_by=marked.response_id, order_by=marked[STATED])
    return marked.mutate(run=marked.begins.sum().over(so_far))
