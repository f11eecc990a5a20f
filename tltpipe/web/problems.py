"""Errors as application/problem+json (RFC 9457): ``title``, ``status``, ``detail``, and ``hint``, what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from tltpipe.errors import DataError, HostError, ModelError, TltpipeError, UsageError

MEDIA_TYPE = "application/problem+json"
STATUSES: Mapping[type[TltpipeError], HTTPStatus] = {
    UsageError: HTTPStatus(422),
    DataError: HTTPStatus(422),
    ModelError: HTTPStatus(500),
    HostError: HTTPStatus(503),
}
"""By class; an error of another one is a 500."""


class RequestProblem(TltpipeError):
    """A request that is refused with ``status``; ``headers`` go with the answer (Retry-After, WWW-Authenticate)."""

    def __init__(
        self, status: int, what: str, *, hint: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(what, hint=hint)
        self.status = HTTPStatus(status)
        self.headers = dict(headers or {})


@dataclass(frozen=True)
class Problem:
    """What an answer says about an error."""

    status: HTTPStatus
    detail: str
    hint: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, str | int]:
        told: dict[str, str | int] = {"title": self.status.phrase, "status": int(self.status), "detail": self.detail}
        return told | ({"hint": self.hint} if self.hint else {})


def problem(error: TltpipeError) -> Problem:
    """``error`` as an answer; paths of this machine (``error.where``) are left out of it."""
    if isinstance(error, RequestProblem):
        return Problem(error.status, error.what, error.hint, error.headers)
    status = next((code for kind, code in STATUSES.items() if isinstance(error, kind)), HTTPStatus(500))
    return Problem(status, error.what, error.hint)
