"""Runs and model versions of one project."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit
from urllib.request import url2pathname

from npsight.errors import ModelIntegrityError, NotFoundError
from npsight.tracking.cache import read_folder
from npsight.tracking.client import DATABASE, mendable, open_client, quiet_mlflow, sqlite_uri
from npsight.tracking.flat import finite_metrics, flat_params
from npsight.tracking.lock import exclusive
from npsight.tracking.process import is_orphan, process_tags
from npsight.tracking.versions import CHALLENGER, CHAMPION, DIGEST_TAG, VersionInfo

if TYPE_CHECKING:
    from mlflow import MlflowClient

BUNDLE = "bundle"
LOCK = "aliases.lock"
PROMOTION_TAG = "npsight.promotion"
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

    def register(self, run_id: str, files: Mapping[str, bytes]) -> int:
        """Store a bundle with its run and register it; returns the version. Sets no alias."""
        self.log_files(run_id, BUNDLE, files)
        with mendable(self.uri):
            self._ensure_registered_model()
            version = self._client.create_model_version(
                name=self.name,
                source=f"runs:/{run_id}/{BUNDLE}",
                run_id=run_id,
                tags={DIGEST_TAG: _claimed_digest(files)},
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
            files = self._get(str(found.run_id))
        if not files:
            raise ModelIntegrityError(
                f"version {number} of {self.name} has no files in its run {found.run_id}\n"
                "  → restore the artifact store, or promote another version"
            )
        return number, files

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

        folder = (self.state_dir / "mlartifacts").resolve()
        try:
            location = None if self.tracking_uri else folder.as_uri()
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
        run = self._client.get_run(version.run_id)
        return VersionInfo(
            version=int(version.version),
            run_id=str(version.run_id),
            created_at=datetime.fromtimestamp(version.creation_timestamp / 1000, UTC),
            aliases=tuple(sorted(a for a, v in aliases.items() if str(v) == str(version.version))),
            digest=str(version.tags.get(DIGEST_TAG, "")),
            metrics=dict(run.data.metrics),
            status=str(run.info.status),
            promotion=str(version.tags.get(PROMOTION_TAG, "")),
            params=dict(run.data.params),
        )

    def _put(self, run_id: str, files: Mapping[str, bytes]) -> None:
        with mendable(self.uri), tempfile.TemporaryDirectory(prefix="npsight-") as folder:
            for name, content in files.items():
                relative = PurePosixPath(name)
                if relative.is_absolute() or ".." in relative.parts:
                    raise ValueError(f"{name!r} is no path within a run")
                path = Path(folder, *relative.parts)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            self._client.log_artifacts(run_id, folder)

    def _get(self, run_id: str) -> dict[str, bytes]:
        address = urlsplit(f"{self._client.get_run(run_id).info.artifact_uri}/{BUNDLE}")
        if address.scheme in ("", "file"):
            folder = Path(url2pathname(address.path))
            return read_folder(folder) if folder.is_dir() else {}
        with tempfile.TemporaryDirectory(prefix="npsight-") as folder_name:
            return read_folder(Path(self._client.download_artifacts(run_id, BUNDLE, folder_name)))


def _claimed_digest(files: Mapping[str, bytes]) -> str:
    try:
        return str(json.loads(files["manifest.json"])["model_digest"])
    except (KeyError, ValueError, TypeError):
        return ""
