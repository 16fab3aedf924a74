"""Who is measured: how each is started, and what each is asked."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.service.load import post
from benchmarks.service.workspace import Account, Workspace
from npsight.service.entrance import command as npsight_command
from npsight.web.entrance import FACTORY

SERVERS = "benchmarks.service.servers"
HOST = "127.0.0.1"

Command = Callable[[Workspace, int], list[str]]
Ask = Callable[[Workspace, Account], str]


@dataclass(frozen=True)
class Server:
    """A process that listens.

    Attributes
    ----------
    command
        Workspace and port -> what is run.
    ready
        A path that answers with a status below 500 once it serves.
    config
        The file, beside the company, that npsight serves.
    """

    name: str
    command: Command
    ready: str
    config: str = "demo.yaml"


@dataclass(frozen=True)
class Row:
    """One row of the table: a server, what it is asked, and of whom.

    Attributes
    ----------
    scores
        Whether the answer depends on the account.
    fresh
        Whether each account is asked for only once.
    """

    title: str
    server: Server
    ask: Ask
    expected: str
    scores: bool = True
    fresh: bool = False


def _python(*arguments: str) -> list[str]:
    return [sys.executable, "-m", *arguments]


def _uvicorn(module: str) -> Command:
    def command(_workspace: Workspace, port: int) -> list[str]:
        app = f"{SERVERS}.{module}:app"
        quiet = ("--no-access-log", "--log-level", "warning")
        return _python("uvicorn", app, "--host", HOST, "--port", str(port), *quiet)

    return command


def _bentoml(target: str) -> Command:
    def command(_workspace: Workspace, port: int) -> list[str]:
        return _python("bentoml", "serve", f"{SERVERS}.{target}", "-p", str(port), "--host", HOST)

    return command


def _mlflow(workspace: Workspace, port: int) -> list[str]:
    served = ("models", "serve", "-m", str(workspace.mlflow_model), "--env-manager", "local")
    return _python("mlflow", *served, "-h", HOST, "-p", str(port), "-w", "1")


def _npsight(_workspace: Workspace, port: int) -> list[str]:
    return npsight_command(HOST, port, factory=FACTORY)


STARLETTE = Server("Starlette", _uvicorn("bare_starlette"), "/score")
CONSTANT = Server("BentoML, constant", _bentoml("bento_constant:Constant"), "/readyz")
BENTO = Server("BentoML, LightGBM", _bentoml("bento_model:Model"), "/readyz")
FASTAPI = Server("FastAPI", _uvicorn("fastapi_model"), "/docs")
MLFLOW = Server("MLflow", _mlflow, "/ping")
NPSIGHT = Server("npsight", _npsight, "/readyz")
LAZY = Server("npsight, nothing ahead", _npsight, "/readyz", "lazy.yaml")
SERVING = (STARLETTE, CONSTANT, BENTO, FASTAPI, MLFLOW, NPSIGHT, LAZY)


def _features(_workspace: Workspace, account: Account) -> str:
    return post("/score", {"features": account.features})


def _split(workspace: Workspace, account: Account) -> str:
    frame = {"columns": workspace.names, "data": [account.features]}
    return post("/invocations", {"dataframe_split": frame})


def _scored(workspace: Workspace, account: Account) -> str:
    return post("/v1/score", {"accounts": [account.key]}, workspace.headers)


def _explained(workspace: Workspace, account: Account) -> str:
    body = {"accounts": [account.key], "drivers": True}
    return post("/v1/score", body, workspace.headers)


LIMIT = "Starlette, constant: the limit"
DEFAULT = "BentoML as it comes, constant"
WARM = "npsight, asked before"
COLD = "npsight, never asked before"
DRIVERS = "npsight with drivers, asked before"
UNMADE = "npsight without `score_ahead`, never asked before"
COLD_DRIVERS = "npsight with drivers, never asked before"
OK = '"status":"ok"'
ROWS = (
    Row(LIMIT, STARLETTE, _features, "risk", scores=False),
    Row(DEFAULT, CONSTANT, _features, "risk", scores=False),
    Row("BentoML, LightGBM directly", BENTO, _features, "risk"),
    Row("FastAPI on uvicorn, LightGBM directly", FASTAPI, _features, "risk"),
    Row("mlflow models serve", MLFLOW, _split, "predictions"),
    Row(COLD, NPSIGHT, _scored, OK, fresh=True),
    Row(UNMADE, LAZY, _scored, OK, fresh=True),
    Row(WARM, NPSIGHT, _scored, OK),
    Row(COLD_DRIVERS, NPSIGHT, _explained, OK, fresh=True),
    Row(DRIVERS, NPSIGHT, _explained, OK),
)
