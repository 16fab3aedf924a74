"""The tables of a project file, each with its key there."""

from __future__ import annotations

from collections.abc import Iterator

from npsight.config.schema import Source, Tables
from npsight.config.yamlfile import KeyPath


def named_sources(tables: Tables) -> Iterator[tuple[KeyPath, Source]]:
    """Every table with its key in the project file."""
    if tables.accounts:
        yield ("tables", "accounts"), tables.accounts
    for index, response in enumerate(tables.responses):
        yield ("tables", "responses", index), response
    for name, activity in tables.activity.items():
        yield ("tables", "activity", name), activity
    if tables.subscriptions:
        yield ("tables", "subscriptions"), tables.subscriptions
    if tables.churn:
        yield ("tables", "churn"), tables.churn
    if tables.merges:
        yield ("tables", "merges"), tables.merges
