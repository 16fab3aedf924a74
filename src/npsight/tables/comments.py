"""What is read out of comments: length, sentiment and themes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from npsight.config.specs import ProjectSpec
from npsight.tables.engine import MEASURE, fresh_name

if TYPE_CHECKING:
    import pyarrow as pa
    from ibis.backends.duckdb import Backend

_BATCH = 5_000


def with_comment_measures(responses: ir.Table, project: ProjectSpec, backend: Backend) -> ir.Table:
    """Add `comment_length` (characters), `sentiment` (−1 to 1) and `theme_<name>` (0 or 1).

    All are null where there is no comment. Sentiment is the polarity of TextBlob's English
    lexicon, scored once for each distinct comment; null throughout where nobody writes English.
    """
    if not project.comments.scores_sentiment:
        return measured(responses, project, None)
    name = fresh_name("sentiment")
    scores = sentiment_table(name, backend)
    distinct = distinct_comments(responses)
    # All are fetched first: one connection cannot stream and insert at the same time.
    for scored in scored_comments(distinct.to_pyarrow().to_batches(max_chunksize=_BATCH)):
        backend.insert(name, scored)
    return measured(responses, project, scores)


def measured(responses: ir.Table, project: ProjectSpec, scores: ir.Table | None) -> ir.Table:
    """The answers with what is measured in comments; `scores` has those of each comment."""
    comment = responses.comment
    told = responses.mutate(
        comment_length=comment.length().cast(MEASURE),
        **{
            f"theme_{theme}": comment.re_search(theme_pattern(words)).cast(dt.int8).cast(MEASURE)
            for theme, words in project.themes.items()
        },
    )
    if scores is None:
        return told.mutate(sentiment=ibis.null(MEASURE))
    return told.left_join(scores, told.comment == scores.scored_comment).drop("scored_comment")


def theme_pattern(words: Sequence[str]) -> str:
    """A pattern (RE2) that finds any of the words at the beginning of a word, in any case."""
    escaped = "|".join(re.sub(r"([^\w\s])", r"\\\1", word) for word in words)
    return rf"(?i)(?:^|[^\p{{L}}\p{{N}}_])(?:{escaped})"


def sentiment_table(name: str, backend: Backend) -> ir.Table:
    """A table for what `scored_comments` gives, empty."""
    schema = ibis.schema({"scored_comment": dt.string, "sentiment": MEASURE})
    return backend.create_table(name, schema=schema)


def distinct_comments(responses: ir.Table) -> ir.Table:
    """Each comment once."""
    return responses.filter(responses.comment.notnull()).select("comment").distinct()


def scored_comments(batches: Sequence[Any]) -> Iterator[pa.Table]:
    """The comments of each Arrow batch with their sentiment."""
    import pyarrow as pa

    kind = pa.schema([("scored_comment", pa.string()), ("sentiment", pa.decimal128(18, 6))])
    for batch in batches:
        comments = batch.column(0).to_pylist()
        columns: Mapping[str, list[Any]] = {
            "scored_comment": comments,
            "sentiment": [polarity(comment) for comment in comments],
        }
        yield pa.Table.from_pydict(columns, schema=kind)


def polarity(comment: str) -> Decimal:
    """TextBlob's polarity, from −1 to 1, rounded to six digits so that it sums exactly."""
    from textblob import TextBlob

    score = cast(float, TextBlob(comment).sentiment.polarity)
    return Decimal(str(round(score, 6))).quantize(Decimal("0.000001"))
