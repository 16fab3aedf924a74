"""Tables behind a connection string -> raw tables of the working DuckDB, streamed in batches."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from npsight.config.checks import suggest
from npsight.config.schema import Place
from npsight.errors import Problem
from npsight.tables.engine import fresh_name, name_literal, run
from npsight.tables.files import numbered
from npsight.tables.raw import RawTable, UnusableTableError

if TYPE_CHECKING:
    from ibis.backends import BaseBackend
    from ibis.backends.duckdb import Backend

_EXTRAS = {"postgres": "npsight[postgres]", "postgresql": "npsight[postgres]"}


def read_connection(source: Place, key: str, backend: Backend) -> RawTable:
    """Copy a table through Ibis; the connection string is never shown, nor an error's text.

    Raises
    ------
    UnusableTableError
        The variable is not set, the driver is missing, or the database does not answer or has no
        such table.
    """
    variable, table = str(source.connection), str(source.table)
    url = os.environ.get(variable, "")
    remote = _open(url, variable, key)
    try:
        available = remote.list_tables()
        if table not in available:
            raise UnusableTableError(
                [
                    Problem(
                        f"the connection has no table `{table}`",
                        suggest(table, available),
                        f"${variable}",
                        f"{key}.table",
                    )
                ]
            )
        name = fresh_name("raw")
        reader = remote.table(table).to_pyarrow_batches(chunk_size=100_000)
        stream = fresh_name("stream")
        backend.con.register(stream, reader)
        run(backend, f"CREATE TABLE {name_literal(name)} AS SELECT * FROM {name_literal(stream)}")
        backend.con.unregister(stream)
    except UnusableTableError:
        raise
    except Exception as error:  # drivers raise what they like; their text may hold the address
        raise _failed(error, variable, key, f"reading `{table}` failed") from None
    finally:
        remote.disconnect()
    return RawTable(name, numbered(backend, name), has_order=False)


def _open(url: str, variable: str, key: str) -> BaseBackend:
    import ibis

    if not url:
        remedy = f"export {variable}=… with the Ibis connection string"
        what = f"the environment variable `{variable}` is not set"
        raise UnusableTableError([Problem(what, remedy, f"${variable}", key)])
    scheme = url.partition(":")[0].partition("+")[0].lower()
    try:
        return ibis.connect(url)
    except ImportError as error:
        package = _EXTRAS.get(scheme, f"ibis-framework[{scheme}]")
        what = f"the driver for {scheme} is not installed ({type(error).__name__})"
        problem = Problem(what, f"pip install '{package}'", f"${variable}", key)
        raise UnusableTableError([problem]) from None
    except Exception as error:  # see above: nothing of the address may be shown
        raise _failed(error, variable, key, "the connection failed") from None


def _failed(error: Exception, variable: str, key: str, what: str) -> UnusableTableError:
    problem = Problem(
        f"{what} ({type(error).__name__})",
        "try the connection string with the database's own client: address, user, password, rights",
        f"${variable}",
        key,
    )
    return UnusableTableError([problem])
