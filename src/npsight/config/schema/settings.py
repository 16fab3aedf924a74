"""How rows are judged, models are trained, accounts are ranked."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from npsight.config.schema.base import Days, Name, Section, as_list


def _code(language: str) -> str:
    if re.fullmatch("[a-z]{2}", language) is None:
        said = "must be the two letters of a language's code (ISO 639-1); it is `{language}`"
        raise PydanticCustomError("language_code", said, {"language": language[:40]})
    return language


Language = Annotated[str, AfterValidator(_code)]


class Quarantine(Section):
    """How many bad rows are tolerated."""

    max_share: float = Field(
        0.05,
        ge=0,
        le=1,
        description="A job stops when a larger share of a table's rows is bad (0.05 = 5 %). An "
        "account of which only an attribute, the revenue or the renewal cannot be read stays, "
        "without that value; it counts here all the same.",
    )


class Comments(Section):
    """What is read out of comments."""

    language: Annotated[list[Language], BeforeValidator(as_list)] = Field(
        ["en"],
        description="In which language people write, such as `de`, or a list of several. Themes "
        "are built in for `en`, `de`, `fr` and `es`; sentiment is scored where `en` is among them.",
    )
    themes: dict[Name, list[str]] | None = Field(
        None,
        description="Theme to the word beginnings that reveal it. Default: "
        "[six themes](#themes-of-comments) of the languages (support, price, reliability, "
        "usability, features, onboarding).",
    )

    @property
    def scores_sentiment(self) -> bool:
        """Whether sentiment is scored: its lexicon is English."""
        return "en" in self.language


ListedBand = Literal["detractor", "passive", "promoter", "silent"]


def _listed_bands() -> list[ListedBand]:
    return ["detractor", "passive", "silent"]


class Worklist(Section):
    """How accounts are ranked for the week."""

    policy: Literal["revenue_at_risk", "churn_loss", "risk"] = Field(
        "revenue_at_risk",
        description="`revenue_at_risk`: risk × revenue. `churn_loss`: churn risk × revenue. "
        "`risk`: risk alone. Nearness of renewal weighs in with the first two, an expected fall "
        "with each.",
    )
    target: Literal["detractor", "churn"] | None = Field(
        None, description="Which risk ranks. Default: detractor where there is one, else churn."
    )
    bands: list[ListedBand] = Field(
        default_factory=_listed_bands,
        description="Bands (by the last answer) that are listed; `silent` never answered.",
    )
    high_risk: float = Field(0.5, gt=0, lt=1, description="Risk from which it is called high.")
    medium_risk: float = Field(0.25, gt=0, lt=1, description="… and from which medium.")
    renewal_within_days: Days = Field(
        120, description="Nearness of renewal counts from this many days ahead."
    )
    renewal_weight: float = Field(
        1.0, ge=0, description="An account that renews today counts (1 + this) times."
    )
    slide_weight: float = Field(
        0.25,
        ge=0,
        description="An account whose next answer is expected a band lower counts (1 + this) "
        "times, two bands lower (1 + 2 × this).",
    )
    capacity: Days = Field(12, description="Accounts an owner can call in a week.")
    contacts: list[Name] = Field(
        default_factory=list,
        description="Activity tables whose rows are contacts of the team with an account, such as "
        "calls: they give the days since the last contact.",
    )
    contacted_days: Days = Field(
        21, description="An account that was contacted steps back for so many days."
    )
    hold_out: float = Field(
        0.0,
        ge=0,
        le=0.5,
        description="Share of the listed accounts that is left out of the week's calls at random, "
        "for a period each, so that the effect of calling can be measured; see docs/impact.md.",
    )


class Gates(Section):
    """What a model must show before it can become the champion. See docs/gates.md."""

    confidence: float = Field(
        0.95,
        ge=0.5,
        lt=1,
        description="A model is refused when it did worse than its prior, or than the champion, "
        "beyond what chance explains with this confidence.",
    )
    calibration: float = Field(
        0.03,
        ge=0,
        le=1,
        description="Calibration error (0.03 = 3 percentage points) allowed beyond what chance "
        "shows on as many rows. Levels drift, so a good model has some.",
    )
    min_events: int = Field(
        20, ge=2, description="Least positives, and negatives, a target was learned from."
    )
    rows: int = Field(
        24,
        ge=1,
        le=10_000,
        description="Training rows computed once more, one by one as scoring would, to be "
        "equal in every value.",
    )


class Training(Section):
    """How models are trained and compared."""

    first_as_of: date | None = Field(
        None, description="First training day. Default: one period after the first fact."
    )
    period_days: Days = Field(
        90, description="The survey rhythm; backtest origins are this far apart."
    )
    step_days: Days = Field(30, description="Days between training as_of dates.")
    origins: int = Field(4, ge=1, le=24, description="Backtest origins (periods looked back at).")
    seed: int = Field(7, ge=0, description="Seed of everything random.")
    threads: int = Field(
        2, ge=1, le=256, description="Threads; part of what makes a run repeatable."
    )
    max_trees: int = Field(200, ge=10, le=5000, description="Most trees a model may have.")
    tune_trials: int = Field(
        0,
        ge=0,
        le=1000,
        description="Settings of the trees that are tried, with Optuna (`pip install "
        "'npsight[tune]'`), on what was known before the first origin. 0: the defaults, which "
        "are made for small noisy panels.",
    )
    min_events: int = Field(
        20,
        ge=2,
        description="Fewer positives (or negatives) than this and a target is not learned.",
    )
    gates: Gates = Field(default_factory=Gates, description="What a champion must show.")


class AuditSettings(Section):
    """What the leakage audit looks at, and from where on it stops a training."""

    rows: int = Field(
        40,
        ge=1,
        le=10_000,
        description="Accounts whose features are computed again, on each of the days; `npsight "
        "train` takes a few of them.",
    )
    as_ofs: int = Field(
        3,
        ge=1,
        le=50,
        description="Days on which they are: the oldest, the newest and some between. "
        "`npsight train` takes two.",
    )
    too_good_auc: float = Field(
        0.95,
        gt=0.5,
        le=1,
        description="A feature that alone tells the outcome at least this well, out of time and "
        "with 95 % confidence, is a leak.",
    )
    suspicious_auc: float = Field(
        0.90, gt=0.5, le=1, description="… and from here on it is worth a look."
    )
    accepted: dict[str, Annotated[str, Field(min_length=10)]] = Field(
        default_factory=dict,
        description="Feature, or `table.column`, to the reason why what the audit finds of it is "
        "no leak. It is still printed, and written into the model card.",
    )


class Engine(Section):
    """Where features are computed; tables are read and checked by DuckDB in any case."""

    kind: Literal["duckdb", "spark", "postgres"] = Field(
        "duckdb",
        description="`duckdb`: in this process. `spark`: on a Spark cluster, or in one of this "
        "machine. `postgres`: inside a PostgreSQL server. See docs/engines.md.",
    )
    memory: str = Field(
        "4GB",
        pattern=r"^\d+(\.\d+)?(MB|GB)$",
        description="Most memory DuckDB may take; for Spark also the driver's.",
    )
    threads: int = Field(
        2, ge=1, le=256, description="Threads DuckDB, and Spark on this machine, may use."
    )
    address: str | None = Field(
        None,
        pattern=r"^(local(\[[0-9*]+\])?|yarn|(spark|k8s)://\S+)$",
        description="Spark's master: `local[4]`, `spark://host:7077`, `yarn`, `k8s://…`. "
        "Default: this machine with `threads`.",
    )
    exchange: str | None = Field(
        None,
        description="Folder in which facts are handed to Spark; every worker must see it under "
        "the same path. Relative to the project file. Default: `exchange` under `state`.",
    )
    options: dict[Annotated[str, Field(pattern=r"^spark\.\S+$")], str] = Field(
        default_factory=dict,
        description="More of Spark's settings, such as `spark.executor.memory: 8g`.",
    )
    connection: str | None = Field(
        None,
        pattern=r"^[A-Z][A-Z0-9_]*$",
        description="For `postgres`: name of the environment variable that holds the connection "
        "string, such as `postgresql://user:password@host/database`.",
    )

    @property
    def memory_bytes(self) -> int:
        """`memory` in bytes."""
        return round(float(self.memory[:-2]) * {"MB": 10**6, "GB": 10**9}[self.memory[-2:]])

    @property
    def master(self) -> str:
        """Spark's master, with the default filled in."""
        return self.address or f"local[{self.threads}]"

    @property
    def title(self) -> str:
        """What a summary calls it, such as `spark local[2]`; never an address with a secret."""
        if self.kind == "spark":
            return f"spark {self.master}"
        return f"postgres (${self.connection})" if self.kind == "postgres" else "duckdb"
