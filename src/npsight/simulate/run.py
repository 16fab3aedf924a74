"""Write the demo company, chunk by chunk."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from npsight.simulate.accounts import account_versions, contacts, subscriptions
from npsight.simulate.chunk import Chunk, Columns, common_state, draw_chunk
from npsight.simulate.dirt import soil_surveys, soil_tickets
from npsight.simulate.invoices import invoices
from npsight.simulate.settings import SimulationSettings, SimulationSummary
from npsight.simulate.surveys import draw_surveys, survey_columns
from npsight.simulate.tables import TABLES, as_arrow
from npsight.simulate.tickets import draw_tickets, ticket_columns
from npsight.simulate.touches import touches
from npsight.simulate.truth import truth, truth_answers
from npsight.simulate.usage import usage
from npsight.simulate.writer import TableFiles, replaced_directory, write_marker

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["simulate"]


def simulate(
    directory: Path,
    settings: SimulationSettings,
    progress: Callable[[int, int], None] | None = None,
) -> SimulationSummary:
    """Write the tables of a demo company, and its truth, into a directory.

    Parameters
    ----------
    directory : Path
        Made if missing. One that the simulator made before is replaced; files that were put
        beside the simulated ones stay. Until the end, and on any failure, it is left untouched.
    settings : SimulationSettings
        The same settings give the same values.
    progress : callable, optional
        Called after every chunk with the accounts written and the accounts in all.

    Raises
    ------
    DirectoryRefusedError
        A FileExistsError: the directory holds something and no marker of the simulator.
    """
    directory = Path(directory)
    common = common_state(settings)
    with replaced_directory(directory) as fresh:
        with TableFiles(fresh) as files:
            for index in range(settings.chunks):
                chunk = draw_chunk(settings, index, common)
                for name, rows in _tables(chunk, index):
                    files.append(TABLES[name], rows)
                if progress is not None:
                    progress(int(chunk.cohort.number[-1]), settings.accounts)
        write_marker(fresh, dict(settings.as_json()), files.rows)
    paths = {name: directory / TABLES[name].file for name in files.rows}
    return SimulationSummary(directory=directory, rows=files.rows, paths=paths)


def _tables(chunk: Chunk, index: int) -> Iterator[tuple[str, "pa.Table"]]:
    """Yield each table of a chunk in its final form."""
    for name, columns in _columns(chunk):
        rows = as_arrow(TABLES[name], columns, chunk.settings.start)
        if chunk.settings.dirt and name == "surveys":
            rows = soil_surveys(chunk.streams["dirt"], rows, index)
        if chunk.settings.dirt and name == "tickets":
            rows = soil_tickets(chunk.streams["dirt"], rows)
        yield name, rows


def _columns(chunk: Chunk) -> Iterator[tuple[str, Columns]]:
    """Yield the clean columns of each table, one table in memory at a time."""
    yield "accounts", account_versions(chunk)
    yield "contacts", contacts(chunk)
    yield "subscriptions", subscriptions(chunk)
    yield "usage", usage(chunk)
    tickets = draw_tickets(chunk)
    yield "tickets", ticket_columns(chunk, tickets)
    yield "invoices", invoices(chunk)
    yield "touches", touches(chunk)
    surveys = draw_surveys(chunk, tickets)
    yield "surveys", survey_columns(chunk, surveys)
    if chunk.settings.truth:
        yield "truth", truth(chunk)
        yield "truth_answers", truth_answers(chunk, surveys)
