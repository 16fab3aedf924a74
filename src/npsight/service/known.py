"""Every problem the service can answer, as data: `docs/errors.md`, types and the specs follow."""

from __future__ import annotations

from dataclasses import dataclass

TYPE_PREFIX = "/problems/"
"""Before a code: the `type` of a problem, a URI reference that does not change with versions."""


@dataclass(frozen=True)
class Known:
    """One problem: what it is called, and what its reader can do.

    Attributes
    ----------
    code
        For programs; never renamed once released.
    status, also
        HTTP status that it comes with, and others that it may come with.
    title
        The same for each occurrence (RFC 9457, 3.1.3).
    cause, remedy
        Sentences for `docs/errors.md`.
    """

    code: str
    status: int
    title: str
    cause: str
    remedy: str
    also: tuple[int, ...] = ()

    @property
    def statuses(self) -> tuple[int, ...]:
        """Every HTTP status that it may come with."""
        return (self.status, *self.also)

    @property
    def type(self) -> str:
        """The problem's `type`."""
        return TYPE_PREFIX + self.code


KNOWN = (
    Known(
        "bad-request",
        400,
        "The request cannot be read",
        "The request is not HTTP as the service understands it.",
        "Send it with an ordinary HTTP client.",
    ),
    Known(
        "malformed-json",
        400,
        "The body is not JSON",
        "The body is not UTF-8, not JSON, nested too deeply, has a key twice in one object, or "
        "holds NaN, an infinity or a number that no double can hold.",
        "`detail` says where. Write `null` for a missing value.",
    ),
    Known(
        "incomplete-body",
        400,
        "The body ended early",
        "The connection ended before as many bytes came as `Content-Length` announced.",
        "Send the request again.",
    ),
    Known(
        "invalid-parameter",
        400,
        "A query parameter is wrong",
        "A parameter of the query is unknown, stands twice, or has a value it cannot have.",
        "`errors` names each parameter; mend them.",
    ),
    Known(
        "missing-key",
        401,
        "A key is needed",
        "The request carries no key.",
        "Send `X-API-Key: KEY` or `Authorization: Bearer KEY`. `npsight keys create` makes one.",
    ),
    Known(
        "malformed-key",
        401,
        "This is no key",
        "What was sent as a key cannot be one: characters are missing or were changed.",
        "Copy the key anew, whole and without spaces. It was shown once, when it was made.",
    ),
    Known(
        "unknown-key",
        401,
        "The key is not known",
        "The key looks right, but this project has no such key.",
        "Check that address and key belong together; make a key with `npsight keys create`.",
    ),
    Known(
        "expired-key",
        401,
        "The key has expired",
        "The key was made for a limited time, which is over.",
        "Make a new one with `npsight keys create`. Two keys of one name may live at once, so the "
        "next can be put in place before this happens.",
    ),
    Known(
        "revoked-key",
        401,
        "The key was revoked",
        "Somebody ran `npsight keys revoke` for this key.",
        "Use another key, and ask why it was revoked.",
    ),
    Known(
        "bad-signature",
        401,
        "HubSpot's signature does not hold",
        "The signature is missing parts, older than five minutes, or is of another body, address "
        "or secret; or the service was not told HubSpot's secret and its own public address.",
        "`detail` says which. See docs/crm/hubspot.md.",
    ),
    Known(
        "insufficient-scope",
        403,
        "The key may not do this",
        "The key is good, but lacks the scope that the endpoint needs.",
        "`detail` names the scope. Make a key with it; a key's scopes do not change.",
    ),
    Known(
        "not-found",
        404,
        "There is no such thing",
        "The path is unknown, or the account or job in it is.",
        "Check the path and the key in it; in a path, write `/` within a key as `%2F`. An account "
        "is known once the project was scored with it.",
    ),
    Known(
        "method-not-allowed",
        405,
        "The path takes another method",
        "The path exists, but not with this method.",
        "Use a method that the header `Allow` and `detail` name.",
    ),
    Known(
        "body-too-slow",
        408,
        "The body came too slowly",
        "The body was not whole in time; the connection is closed.",
        "Send the body at once, over a connection that can carry it.",
    ),
    Known(
        "fact-conflict",
        409,
        "Another fact has this id",
        "Other content was kept under the id, and the table has no versions; or a correction is "
        "known no later than what it corrects.",
        "`detail` names what differs. Send a new fact under an id of its own.",
    ),
    Known(
        "follow-up-conflict",
        409,
        "The follow-up is not as it was thought",
        "Its state does not allow the step, the account has an open one already, or somebody was "
        "quicker than the version that was sent.",
        "`detail` says how it stands. Read it with `GET /v1/follow-ups`, then send the step that "
        "fits.",
    ),
    Known(
        "cursor-expired",
        410,
        "The list that the cursor goes through is gone",
        "The run was removed, or the job started over with a new run or model.",
        "Start again without a cursor.",
    ),
    Known(
        "body-too-large",
        413,
        "The body is too large",
        "The body has more bytes than the service takes.",
        "Send the rows in parts, or use `POST /v1/jobs/score` for many accounts.",
    ),
    Known(
        "unsupported-media-type",
        415,
        "The body is not sent as JSON",
        "`Content-Type` is not `application/json`, or the body is compressed.",
        "Send `Content-Type: application/json` and no `Content-Encoding`.",
    ),
    Known(
        "invalid-body",
        422,
        "The body has faults",
        "The body is JSON, but not what the endpoint takes.",
        "`errors` lists every fault with a JSON pointer to its place; mend them all at once.",
    ),
    Known(
        "invalid-idempotency-key",
        422,
        "The idempotency key cannot be used",
        "The key is too long or holds other characters than printable ASCII; the header is empty; "
        "or two headers, or header and body, have different ones. What is wrong with headers alone "
        "is answered 400, all else 422.",
        "Send 1 to 200 printable ASCII characters without spaces, such as a UUID, in the header "
        "`Idempotency-Key` or the field `idempotency_key`.",
        also=(400,),
    ),
    Known(
        "idempotency-key-reused",
        422,
        "The idempotency key belongs to another request",
        "The same key came before, to the same endpoint, with another body.",
        "Make a new key for each new request; keep it only when the same request is repeated.",
    ),
    Known(
        "too-many-requests",
        429,
        "Too many requests",
        "The key made more requests a minute than it may.",
        "Wait `retry_after` seconds; send many accounts in one request rather than one in each.",
    ),
    Known(
        "too-many-jobs",
        429,
        "Too many jobs are waiting",
        "The project has as many unfinished jobs as it may have.",
        "Repeat when some of them are done, or send more accounts in one job.",
    ),
    Known(
        "internal-error",
        500,
        "The service failed",
        "A defect of the service. Nothing of the request is shown; the log has the `request_id`.",
        "Tell whoever runs the service the `request_id`. Repeat reads; repeat writes with the "
        "same idempotency key.",
    ),
    Known(
        "cannot-score",
        503,
        "The service cannot score",
        "The model that is served cannot score the stored inputs; `detail` says why.",
        "Whoever runs the service mends what `detail` names; `GET /readyz` tells when it is done.",
    ),
    Known(
        "deadline-exceeded",
        503,
        "The answer took too long",
        "No answer was ready within the time of `service.deadline_seconds`.",
        "Send fewer rows, ask without drivers, or use `POST /v1/jobs/score`. A write may have been "
        "done all the same: send it again as it was, ids and idempotency key included.",
    ),
    Known(
        "in-progress",
        503,
        "The same request is under way",
        "A request with this idempotency key is being answered right now, or was cut off when a "
        "process of the service died.",
        "Wait `retry_after` seconds, at most half a minute, and send the same again: it gets the "
        "first one's answer, or is done then.",
    ),
    Known(
        "store-unavailable",
        503,
        "The store is busy",
        "The service's database is locked, full or cannot be reached.",
        "Repeat after the seconds of `retry_after`.",
    ),
    Known(
        "model-mismatch",
        503,
        "Model and stored inputs do not fit",
        "The served model reads features that the stored inputs do not have.",
        "Whoever runs the service scores the project again: `npsight score`.",
    ),
)

BY_CODE = {known.code: known for known in KNOWN}
