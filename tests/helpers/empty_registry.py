"""MLflow's empty database, made once in a run: its hundred migrations take seconds of work."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from npsight.tracking import client

BEGUN = "sqlite:///"


@contextmanager
def begun_as_copies(folder: Path) -> Iterator[None]:
    """Have a new registry of this process begin as a copy of the empty one in `folder`.

    Whoever comes first makes that one as npsight does. Everything else is done as ever: the new
    file is made aside, MLflow opens it and sees that nothing is left to migrate, and it is put in
    place. Processes that a test starts make theirs from nothing.
    """
    really = client._client

    def opened(uri: str) -> Any:
        new = Path(uri.removeprefix(BEGUN))
        if uri.startswith(BEGUN) and new.suffix == ".new" and not new.exists():
            with mock.patch.object(client, "_client", really):
                client._create_database(folder)
            shutil.copyfile(folder / client.DATABASE, new)
        return really(uri)

    with mock.patch.object(client, "_client", opened):
        yield
