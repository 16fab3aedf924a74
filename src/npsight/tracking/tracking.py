"""Runs and model versions of one project."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from npsight.errors import ModelIntegrityError, NotFoundError, RegistryRefusedError
from npsight.tracking.artifacts import OWN, get_files, put_files
from npsight.tracking.cache import FOLDER, SERVED, read_cached
from npsight.tracking.client import DATABASE, mendable, open_client, quiet_mlflow, sqlite_uri
from npsight.tracking.flat import LONGEST_DIGEST, finite_metrics, flat_params
from npsight.tracking.lock import exclusive
from npsight.tracking.process import is_orphan, process_tags
from npsight.tracking.versions import CHALLENGER, CHAMPION, DIGEST_TAG, VersionInfo

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

BUNDLE = "bundle"
LOCK = "aliases.lock"
PROMOTION_TAG = "npsight.promotion"
PROJECT_TAG = "npsight.project"
BATCH = 100
Status = Literal["FINISHED", "FAILED", "KILLED"]


class Tracking:
    """MLflow, as far as npsight uses it; connects on first use.

    Parameters
    ----------
    project
        Experiment and registered model are called `npsight-<project>`.
    state_dir
        Holds `mlflow.db` and `mlartifacts` unless `tracking_uri` is given, and the cached champion.
    tracking_uri
        An MLflow server or database of one's own; it then keeps the artifacts too.
    config
        The project file, for messages that name a command.

    Every method raises StateError where the registry cannot be used.
    """

    def __init__(
        self,
        project: str,
        state_dir: Path,
        tracking_uri: str | None = None,
        config: Path | str = "FILE",
    ) -> None:
        quiet_mlflow()
        self.project = project
        self.state_dir = state_dir
        self.tracking_uri = tracking_uri
        self.config = config
        self.uri = tracking_uri or sqlite_uri(state_dir / DATABASE)
        self.name = f"npsight-{project}"

    def ensure_writable(self) -> None:
        """Raise now what a long job would otherwise learn at its end: of a registry elsewhere.

        Raises
        ------
        RegistryAwayError
            It does not answer.
        RegistryRefusedError
            This user may not write to the project's experiment, or to its model.
        """
        from mlflow.exceptions import MlflowException

        if self.tracking_uri is None:
            return
        with mendable(self.uri):
            self._client.set_experiment_tag(self._experiment_id, PROJECT_TAG, self.project)
            try:
                self._client.get_registered_model(self.name)
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
            else:
                self._client.set_registered_model_tag(self.name, PROJECT_TAG, self.project)

    def start_run(
        self, name: str, params: Mapping[str, Any], tags: Mapping[str, str] | None = None
    ) -> str:
        """Start a run; returns its id. Nested params become dotted names, long values are cut."""
        from mlflow.entities import Param

        with mendable(self.uri):
            run = self._client.create_run(
                self._experiment_id, run_name=name, tags={**process_tags(), **(tags or {})}
            )
            pairs = [Param(key, value) for key, value in flat_params(params).items()]
            for start in range(0, len(pairs), BATCH):
                self._client.log_batch(run.info.run_id, params=pairs[start : start + BATCH])
        return str(run.info.run_id)

    def log_metrics(self, run_id: str, metrics: Mapping[str, Any], step: int = 0) -> None:
        """Log numbers; None, NaN and infinities are left out."""
        from mlflow.entities import Metric

        now = time.time_ns() // 1_000_000
        points = [Metric(k, v, now, step) for k, v in finite_metrics(metrics).items()]
        with mendable(self.uri):
            for start in range(0, len(points), BATCH):
                self._client.log_batch(run_id, metrics=points[start : start + BATCH])

    def log_dataset(self, run_id: str, digest: str, source: str, size: Mapping[str, Any]) -> None:
        """Name the data that a run learned from, as MLflow's pages show them; no row is kept.

        `digest` is cut to MLflow's 36 characters; `source` is where the data are declared.
        """
        from mlflow.entities import Dataset, DatasetInput, InputTag

        data = Dataset(
            name=self.project,
            digest=digest[:LONGEST_DIGEST],
            source_type="npsight",
            source=json.dumps({"project_file": source}),
            profile=json.dumps(dict(size)),
        )
        context = InputTag("mlflow.data.context", "training")
        with mendable(self.uri):
            self._client.log_inputs(run_id, [DatasetInput(data, [context])])

    def describe(self, run_id: str, text: str) -> None:
        """The sentence that MLflow's page of a run begins with; Markdown is shown as such."""
        with mendable(self.uri):
            self._client.set_tag(run_id, "mlflow.note.content", text)

    def log_figure_bytes(self, run_id: str, path: str, png: bytes) -> None:
        """Keep a picture under `path`, such as `figures/calibration.png`."""
        self._put(run_id, {path: png})

    def log_text(self, run_id: str, path: str, text: str) -> None:
        """Keep a text under `path`."""
        self._put(run_id, {path: text.encode()})

    def log_files(self, run_id: str, folder: str, files: Mapping[str, bytes]) -> None:
        """Keep files under `folder`."""
        self._put(run_id, {f"{folder}/{name}": content for name, content in files.items()})

    def finish(self, run_id: str, status: Status = "FINISHED") -> None:
        """End a run."""
        with mendable(self.uri):
            self._client.set_terminated(run_id, status)

    def register(self, run_id: str, files: Mapping[str, bytes], description: str = "") -> int:
        """Store a bundle with its run and register it; returns the version. Sets no alias."""
        self.log_files(run_id, BUNDLE, files)
        with mendable(self.uri):
            self._ensure_registered_model()
            version = self._client.create_model_version(
                name=self.name,
                source=f"runs:/{run_id}/{BUNDLE}",
                run_id=run_id,
                tags={DIGEST_TAG: _claimed_digest(files)},
                description=description or None,
                await_creation_for=0,
            )
        return int(version.version)

    def set_alias(self, alias: str, version: int) -> None:
        """Point an alias to a version; the digests of a new champion are verified first.

        The cache is not written: that is for who has proved the files (see `write_cached`).

        Raises
        ------
        NotFoundError
            There is no such version.
        ModelIntegrityError
            The files of the champion to be are damaged; the alias stays as it was.
        """
        with mendable(self.uri):
            self._client.get_model_version(self.name, str(version))
        if alias == CHAMPION:
            self._verified(version)
        with mendable(self.uri):
            self._client.set_registered_model_alias(self.name, alias, str(version))

    def drop_alias(self, alias: str) -> None:
        """Have an alias point nowhere; nothing happens where it does not exist."""
        if self.alias_version(alias) is not None:
            with mendable(self.uri):
                self._client.delete_registered_model_alias(self.name, alias)

    @contextmanager
    def aliases_held(self) -> Iterator[None]:
        """Hold the right to move aliases, so that none moves between reading and setting one.

        It holds among processes that share the state folder; others are not kept off.
        """
        self.state_dir.mkdir(parents=True, exist_ok=True)
        with exclusive(self.state_dir / LOCK):
            yield

    def note_promotion(self, version: int, how: Literal["passed", "forced"]) -> None:
        """Keep with a version how it came to be promoted."""
        with mendable(self.uri):
            self._client.set_model_version_tag(self.name, str(version), PROMOTION_TAG, how)

    def alias_version(self, alias: str) -> int | None:
        """The version an alias points to; None where it points nowhere."""
        found = self._aliases().get(alias)
        return None if found is None else int(found)

    def load_bundle(self, version: int | str) -> tuple[int, dict[str, bytes]]:
        """Version and files, unverified, of a version or an alias.

        Where its run or its files are gone from the registry, the copy of this machine counts, if
        it has one of the registered digest.

        Raises
        ------
        NotFoundError
            No such version, or nothing under the alias.
        ModelIntegrityError
            The version is registered, but its files are gone.
        """
        number = version if isinstance(version, int) else self._number(version)
        with mendable(self.uri):
            found = self._client.get_model_version(self.name, str(number))
            run = self._run(str(found.run_id))
            files = {} if run is None else get_files(self._client, run, BUNDLE, self._own)
        files = files or self._kept(number, str(found.tags.get(DIGEST_TAG, "")))
        if not files:
            gone = "its run was deleted from MLflow" if run is None else f"none in {found.run_id}"
            raise ModelIntegrityError(
                f"version {number} of {self.name} has no files: {gone}\n"
                "  → restore the artifact store, or promote another version: npsight models lists "
                "them"
            )
        return number, files

    def _run(self, run_id: str) -> Run | None:
        """A run; None where it is gone. A server with users says then that it is forbidden."""
        try:
            with mendable(self.uri):
                return self._client.get_run(run_id)
        except (NotFoundError, RegistryRefusedError):
            return None

    def _kept(self, version: int, digest: str) -> dict[str, bytes]:
        """The files of a version as this machine keeps them; none where they are not the same."""
        for kind in (FOLDER, SERVED):
            with suppress(ModelIntegrityError):
                kept = read_cached(self.state_dir, kind)
                if kept and kept[0] == version and digest and _claimed_digest(kept[1]) == digest:
                    return kept[1]
        return {}

    def load_champion(self) -> tuple[int, dict[str, bytes]]:
        """Version and files of the champion, their digests verified.

        Raises
        ------
        NotFoundError
            There is no champion yet.
        ModelIntegrityError
            Its files are damaged.
        """
        version = self._number(CHAMPION)
        return version, self._verified(version)

    def versions(self) -> list[VersionInfo]:
        """All registered versions, newest first."""
        with mendable(self.uri):
            found = self._client.search_model_versions(f"name = '{self.name}'")
            # A search does not tell aliases.
            aliases = self._aliases() if found else {}
            infos = [self._info(version, aliases) for version in found]
        return sorted(infos, key=lambda info: -info.version)

    def newest_of_digest(self, digest: str) -> int | None:
        """The newest version whose model has this digest; None where there is none."""
        with mendable(self.uri):
            found = self._client.search_model_versions(f"name = '{self.name}'")
        same = [int(v.version) for v in found if v.tags.get(DIGEST_TAG) == digest]
        return max(same, default=None)

    def reap_dead_runs(self, older_than: timedelta = timedelta(days=1)) -> int:
        """Mark runs KILLED whose process on this host is gone, or that started too long ago.

        Returns how many.
        """
        oldest = (datetime.now(UTC) - older_than).timestamp() * 1000
        with mendable(self.uri):
            running = self._client.search_runs(
                [self._experiment_id], "attributes.status = 'RUNNING'"
            )
            dead = [r for r in running if r.info.start_time < oldest or is_orphan(r.data.tags)]
            for run in dead:
                self._client.set_terminated(run.info.run_id, "KILLED")
        return len(dead)

    @property
    def _own(self) -> Path | None:
        """Where a registry in the state folder keeps files; None for one elsewhere."""
        return None if self.tracking_uri else (self.state_dir / OWN).resolve()

    @cached_property
    def _client(self) -> MlflowClient:
        return open_client(self.state_dir, self.tracking_uri)

    @cached_property
    def _experiment_id(self) -> str:
        found = self._client.get_experiment_by_name(self.name)
        if found is None:
            return self._create_experiment()
        if found.lifecycle_stage == "deleted":
            self._client.restore_experiment(found.experiment_id)
        return str(found.experiment_id)

    def _create_experiment(self) -> str:
        from mlflow.exceptions import MlflowException

        try:
            location = None if self._own is None else self._own.as_uri()
            return str(self._client.create_experiment(self.name, location))
        except MlflowException:
            # Another process was faster.
            found = self._client.get_experiment_by_name(self.name)
            if found is None:
                raise
            return str(found.experiment_id)

    def _ensure_registered_model(self) -> None:
        from mlflow.exceptions import MlflowException

        try:
            self._client.create_registered_model(self.name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def _aliases(self) -> dict[str, str]:
        try:
            with mendable(self.uri):
                return dict(self._client.get_registered_model(self.name).aliases)
        except NotFoundError:
            return {}

    def _number(self, version: str) -> int:
        if version.isdecimal():
            return int(version)
        number = self.alias_version(version)
        if number is None:
            remedy = "npsight models lists versions and aliases"
            if version == CHAMPION:
                remedy = f"train one: npsight train -c {self.config}"
                if self._aliases().get(CHALLENGER):
                    remedy = (
                        f"its challenger has not been promoted; npsight promote -c {self.config} "
                        "does it, or says what speaks against it"
                    )
            raise NotFoundError(f"{self.name} has no {version} yet\n  → {remedy}")
        return number

    def _verified(self, version: int) -> dict[str, bytes]:
        from npsight.models.bundle import verify

        files = self.load_bundle(version)[1]
        verify(files)
        return files

    def _info(self, version: Any, aliases: Mapping[str, str]) -> VersionInfo:
        run = self._run(str(version.run_id))
        deleted = run is None or run.info.lifecycle_stage == "deleted"
        return VersionInfo(
            version=int(version.version),
            run_id=str(version.run_id),
            created_at=datetime.fromtimestamp(version.creation_timestamp / 1000, UTC),
            aliases=tuple(sorted(a for a, v in aliases.items() if str(v) == str(version.version))),
            digest=str(version.tags.get(DIGEST_TAG, "")),
            metrics={} if run is None else dict(run.data.metrics),
            status="" if run is None else str(run.info.status),
            promotion=str(version.tags.get(PROMOTION_TAG, "")),
            params={} if run is None else dict(run.data.params),
            run_deleted=deleted,
        )

    def _put(self, run_id: str, files: Mapping[str, bytes]) -> None:
        with mendable(self.uri):
            put_files(self._client, run_id, files, self._own)


def _claimed_digest(files: Mapping[str, bytes]) -> str:
    try:
        return str(json.loads(files["manifest.json"])["model_digest"])
    except (KeyError, ValueError, TypeError):
        return ""
