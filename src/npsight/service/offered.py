"""Which champion the service is offered: the registry's, else the one beside it on disk."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from npsight.config.specs import ProjectSpec
from npsight.errors import ModelIntegrityError, StateError
from npsight.models.bundle import MANIFEST
from npsight.service.standing import REGISTRY, Standing
from npsight.tracking.cache import FOLDER, cached_folder, read_folder
from npsight.tracking.fetch import fetch_bundle
from npsight.tracking.offer import champion_offer

log = logging.getLogger(__name__)
Files = Mapping[str, bytes]


@dataclass(frozen=True)
class Offered:
    """A champion that is offered.

    Attributes
    ----------
    version
        Its number in the registry.
    digest
        The model digest it claims; "" where none is told before its files are read.
    mark
        Differs whenever something about the offer differs; equal marks need no second look.
    from_registry
        Whether its files must be fetched from the registry, which takes seconds.
    read
        Its files, unverified; raises ModelIntegrityError or StateError.
    """

    version: int
    digest: str
    mark: str
    from_registry: bool
    read: Callable[[], Files]


def champion_offered(
    project: ProjectSpec, tracking_uri: str | None, standing: Standing
) -> Offered | None:
    """The champion to serve; None where there is none.

    The registry decides where it answers. Where it is away, the bundle that was promoted on this
    machine does, and `standing` says so.

    Raises
    ------
    ModelIntegrityError
        The bundle on disk cannot be named.
    """
    on_disk = _on_disk(project.state_dir)
    try:
        offer = champion_offer(project.name, project.state_dir, tracking_uri)
    except StateError as error:
        standing.tell(REGISTRY, "the model registry does not answer; the champion on disk counts")
        log.info("%s", error)
        return on_disk
    standing.clear(REGISTRY)
    if offer is None:
        return on_disk
    version, digest = offer.version, offer.digest
    if on_disk is not None and (version, digest or on_disk.digest) == (
        on_disk.version,
        on_disk.digest,
    ):
        return on_disk

    def fetch() -> Files:
        return fetch_bundle(project.name, project.state_dir, tracking_uri, version)

    return Offered(version, digest, f"registry {version} {digest}", True, fetch)


def _on_disk(state_dir: Path) -> Offered | None:
    found = cached_folder(state_dir, FOLDER)
    if found is None:
        return None
    version, folder = found
    mark = f"disk {version} {folder.name} {_stamp(folder)}"
    return Offered(version, _claimed(folder), mark, False, lambda: read_folder(folder))


def _stamp(folder: Path) -> str:
    """Names, sizes and times of the files, so that one still being copied is looked at again."""
    try:
        with os.scandir(folder) as entries:
            found = sorted((e.name, e.stat().st_size, e.stat().st_mtime_ns) for e in entries)
    except OSError as error:
        return type(error).__name__
    return " ".join(f"{name}:{size}:{time}" for name, size, time in found)


def _claimed(folder: Path) -> str:
    try:
        return claimed_digest({MANIFEST: (folder / MANIFEST).read_bytes()})
    except OSError:
        return ""


def claimed_digest(files: Files) -> str:
    """The model digest that a bundle's manifest claims; "" where it claims none."""
    try:
        return str(json.loads(files[MANIFEST])["model_digest"])
    except (ValueError, KeyError, TypeError):
        return ""


def unreadable(error: Exception) -> str:
    """Why an offer's files could not be had, without paths: the log has them."""
    if isinstance(error, ModelIntegrityError):
        return "its files are missing or cannot be read"
    return "its files could not be fetched from the registry"
