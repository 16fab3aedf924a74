"""`npsight copy-store`: from the SQLite file into the database that the project file names."""

from __future__ import annotations

from contextlib import closing

from npsight.cli.common import DEFAULT_CONFIG, Config, make_console, steps


def copy_store_command(config: Config = DEFAULT_CONFIG) -> None:
    """Copy all state from SQLite into the database that the project file names now.

    For a team that moves to PostgreSQL: follow-ups, users, keys, posted facts and the audit log
    come along. The database must be empty. Stop `npsight serve` first.

    Example: npsight copy-store -c configs/demo.yaml
    """
    from npsight.config.load import load_project
    from npsight.errors import ConfigError, NotFoundError, Problem
    from npsight.store import open_project_store, open_store, store_file
    from npsight.store.copying import copy_project

    console = make_console()
    project = load_project(config)
    if project.database is None:
        problem = Problem(
            "`database` is not set, so scores and follow-ups stay in SQLite",
            "write `database: NPSIGHT_STORE` and export that variable with the database's address",
        )
        raise ConfigError(f"{config}: there is no database to copy into", [problem])
    file = store_file(project.state_dir)
    if not file.exists():
        raise NotFoundError(
            f"{file}: there is no SQLite store to copy from\n"
            "  → nothing to do: npsight score writes into the database that is named"
        )
    with (
        closing(open_store(file)) as source,
        closing(open_project_store(project)) as target,
        steps(console) as step,
    ):
        counts = copy_project(source, target, project.name, step)
    rows = sum(counts.values())
    filled = sum(count > 0 for count in counts.values())
    console.print(f"Copied {rows:,} rows of {filled} tables. {file} is unchanged:", highlight=False)
    console.print("keep it until you have seen that all is there.", highlight=False)
