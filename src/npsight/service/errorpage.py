"""docs/errors.md, made from the known problems: `python -m npsight.service.errorpage`."""

from __future__ import annotations

from itertools import groupby

from npsight.service.known import KNOWN, Known

HEAD = """\
# Errors of the HTTP API

<!-- Made by `make docs` from src/npsight/service/known.py. Do not edit it here. -->

Every error of every path is `application/problem+json` as RFC 9457 describes it. The body repeats
all that a caller needs, for many CRMs show no headers:

| field | what it is |
|---|---|
| `type` | the kind of problem; it does not change, and `GET` on it explains it |
| `title` | the same in words |
| `status` | the HTTP status |
| `code` | the last part of `type`: compare this in programs |
| `detail` | what happened this time |
| `request_id` | names this request in the log of the service |
| `retry_after` | seconds to wait, as in the header `Retry-After`; null where it is no help |
| `errors` | every fault: `pointer` (RFC 6901) to its place, and `detail`; mostly empty |

What to do by status, where `code` is not looked at: **429 and 503**: wait `retry_after` seconds and
send the same again. **500**: repeat a read; repeat a write with the same idempotency key. **Any
other 4xx**: the same request fails again; mend it first.

A batch answers 200, with a `status` for each row (`ok`, `not_found`, `invalid`, …). A row's fault
is told in its `detail` and is no error of the request.

Only what is no HTTP at all is answered by the web server, which hangs up or says 400 in plain text.
"""


def page() -> str:
    """The page, in Markdown."""
    blocks = [HEAD]
    for status, group in groupby(KNOWN, key=lambda known: known.status):
        blocks.append(f"## {status}\n")
        blocks += [_entry(known) for known in group]
    return "\n".join(blocks)


def _entry(known: Known) -> str:
    return (
        f"### {known.code}\n\n{known.title}.\n\n{known.cause}\n\n**What to do.** {known.remedy}\n"
    )


if __name__ == "__main__":
    print(page(), end="")
