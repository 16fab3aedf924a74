"""Why a simulation was refused."""

from collections.abc import Sequence
from pathlib import Path

from npsight.errors import NpsightError

__all__ = ["DirectoryRefusedError", "SimulationSettingsError"]


class SimulationSettingsError(NpsightError, ValueError):
    """One or more settings cannot be used; `problems` holds a sentence for each."""

    exit_code = 2

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("unusable simulation settings: " + "; ".join(problems))


class DirectoryRefusedError(NpsightError, FileExistsError):
    """The target holds something the simulator did not write; nothing was touched."""

    exit_code = 2

    def __init__(self, directory: Path, marker: str) -> None:
        self.directory = directory
        super().__init__(
            f"{directory} exists, is not an empty directory and holds no {marker}, so it was not "
            f"made by the simulator; choose another directory, or empty it yourself"
        )
