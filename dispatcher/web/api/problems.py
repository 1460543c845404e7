"""What went wrong, as programs read it (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"
TITLES = {
    400: "The request lacks something",
    401: "No token, or one that opens nothing",
    403: "Not allowed",
    404: "No such thing",
    405: "No such method here",
    409: "Not as things stand",
    413: "Too large",
    415: "Not a type that is read here",
    422: "Something in the request cannot be used",
    429: "Too many requests",
    500: "An error of this installation",
    503: "Not just now",
}


class Mistake(BaseModel):
    """One thing in the request that cannot be used, and where it stands."""

    where: str
    problem: str


class Problem(BaseModel):
    """An answer that is no success. `detail` is for people; it is Vietnamese where the rules of the product speak."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[Mistake] = Field(default_factory=list)


class ProblemError(Exception):
    """Answered as a problem of this status."""

    def __init__(self, status: int, detail: str, errors: Sequence[Mistake] = (), **headers: str) -> None:
        super().__init__(detail)
        self.problem = Problem(title=TITLES[status], status=status, detail=detail, errors=list(errors))
        self.headers = headers


def answer(status: int, detail: str, errors: Sequence[Mistake] = (), headers: dict[str, str] | None = None) -> Response:
    problem = Problem(title=TITLES[status], status=status, detail=detail, errors=list(errors))
    return Response(json.dumps(problem.model_dump()).encode(), status, headers, MEDIA_TYPE)


def of_error(error: ProblemError) -> Response:
    named = {name.replace("_", "-"): value for name, value in error.headers.items()}
    return answer(error.problem.status, error.problem.detail, error.problem.errors, named)


def of_exception(error: HTTPException) -> Response:
    """What the framework says: no such address, or a body that is no text."""
    status = error.status_code if error.status_code in TITLES else 400
    return answer(status, str(error.detail), headers=dict(error.headers or {}))


def of_validation(error: RequestValidationError) -> Response:
    """Without what was sent: it may be a number or a secret."""
    mistakes = [Mistake(where=".".join(map(str, one["loc"])), problem=str(one["msg"])) for one in error.errors()]
    return answer(422, "; ".join(f"{m.where}: {m.problem}" for m in mistakes), mistakes)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """How an operation's problems stand in the description."""
    shape = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {status: {"description": TITLES[status], "content": {MEDIA_TYPE: shape}} for status in statuses}
