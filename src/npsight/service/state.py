"""What a service process holds: one verified model and the store. Nothing else."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from npsight.config.load import load_project
from npsight.config.schema import Service, Worklist
from npsight.config.specs import ProjectSpec
from npsight.errors import NotFoundError
from npsight.models.bundle import check_golden, unpack, verify
from npsight.models.model import Model
from npsight.service.kept import Kept
from npsight.service.standing import Standing
from npsight.store import Store, open_project_store
from npsight.tracking.cache import SERVED, read_cached


@dataclass(frozen=True)
class ServingState:
    """A model ready to score, and where its inputs lie."""

    project: str
    model: Model
    version: int
    digest: str
    store: Store
    worklist: Worklist
    spec: ProjectSpec
    service: Service = field(default_factory=Service)
    card: str = field(default="", repr=False)


class Live:
    """What is served now; replaced in one step when a better champion was proved.

    `standing` tells what is wrong while the service goes on: see `npsight.service.watch`.
    """

    def __init__(self, state: ServingState) -> None:
        self.state = state
        self.kept: Kept | None = None
        self.generation = 0
        self.standing = Standing()

    def replace(self, state: ServingState) -> None:
        """Serve another model from now on; requests under way finish with the one they read."""
        self.state = state
        self.kept = None

    def forget(self, account: str) -> None:
        """The account's stored inputs were replaced: its next score is made of the new ones."""
        if self.kept is not None:
            self.kept.forget(account)

    def changed(self) -> None:
        """Another run is the latest, or nobody knows what another process wrote."""
        self.generation += 1
        self.kept = None

    def keep(self, kept: Kept, generation: int) -> None:
        """Keep results from now on, unless things have changed since `generation`."""
        if generation == self.generation and kept.state is self.state:
            self.kept = kept


def load_state(config: Path) -> ServingState:
    """Load the model that was proved when the service started; calls no registry.

    Without one, as in a process that was not started by `npsight serve`, the cached champion is
    loaded.

    Raises
    ------
    NotFoundError
        No champion was cached.
    ModelIntegrityError
        Its files are damaged, or it scores its golden rows differently here.
    """
    project = load_project(config)
    version, files = proved_files(project.name, project.state_dir)
    model = load_model(files)
    store = open_project_store(project)
    settle_memory()
    return serving_state(project, model, version, files, store)


def load_model(files: Mapping[str, bytes]) -> Model:
    """The model of a bundle, each booster of it in use; raises ModelIntegrityError."""
    model = unpack(files)
    # Also the first use of each booster: no two requests can race to load one.
    check_golden(model, files)
    return model


def serving_state(
    project: ProjectSpec, model: Model, version: int, files: Mapping[str, bytes], store: Store
) -> ServingState:
    """The state that serves a loaded model."""
    digest = verify(files)
    card = files["card.md"].decode()
    return ServingState(
        project.name,
        model,
        version,
        digest,
        store,
        project.worklist,
        project,
        project.service,
        card,
    )


def settle_memory() -> None:
    """Give back what nothing refers to; what stays need not be looked at by each collection."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def proved_files(project: str, state_dir: Path) -> tuple[int, dict[str, bytes]]:
    """Version and files of the model to start with, unverified."""
    found = read_cached(state_dir, SERVED) or read_cached(state_dir)
    if found is None:
        raise NotFoundError(
            f"npsight-{project} has no champion in {state_dir}\n"
            "  → npsight train -c FILE, then start the service again"
        )
    return found
