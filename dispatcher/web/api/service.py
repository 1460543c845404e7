"""All that programs may ask, in one list, and its description (OpenAPI 3.1)."""

from __future__ import annotations

import re
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.datastructures import State
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from dispatcher.web.api import (
    broadcasting,
    campaigns,
    checking,
    complaining,
    exporting,
    hooks,
    ordering,
    people,
    problems,
    record,
    statements,
)
from dispatcher.web.api.gate import LONGEST_KEY, PROVEN, Entry, gated
from dispatcher.web.api.meter import Meter
from dispatcher.web.api.problems import Problem
from dispatcher.web.rights import Action

PREFIX = "/api/v1"
ENTRIES: tuple[Entry, ...] = tuple(
    entry
    for part in (campaigns, broadcasting, people, complaining, ordering, record, exporting, statements, checking, hooks)
    for entry in part.ENTRIES
)

KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "New for each new act; a request that is repeated with it is answered as the first one was.",
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": r"^[!-~]+$"},
}
CODE = {
    "name": "Dispatcher-Code",
    "in": "header",
    "required": True,
    "description": "A code of the second factor of the token's person.",
    "schema": {"type": "string", "pattern": r"^\d{6}$"},
}
BYTES = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
BODY = {"required": True, "content": BYTES}


def new_service(state: State) -> FastAPI:
    """The application of programs; `state` is that of the pages."""
    service = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    service.state = state
    service.state.meter = Meter()
    service.include_router(_router())
    service.add_route("/openapi.json", _described, include_in_schema=False)
    service.add_exception_handler(HTTPException, not_served)
    return service


def _router() -> APIRouter:
    router = APIRouter()
    for entry in ENTRIES:
        router.add_api_route(
            entry.path,
            entry.endpoint,
            methods=[entry.method],
            status_code=entry.status,
            response_class=FileResponse if entry.hands_out else JSONResponse,
            route_class_override=gated(entry),
            operation_id=_name(entry),
            tags=[entry.path.split("/")[1]],
            responses={**problems.documented(*_statuses(entry)), **_file(entry)},
            openapi_extra=_extra(entry),
        )
    return router


def _name(entry: Entry) -> str:
    """pause_campaigns_edition"""
    return "_".join((entry.endpoint.__name__, *re.findall(r"\w+", entry.path)))


def _statuses(entry: Entry) -> list[int]:
    sending = [400, 413] if entry.method == "POST" else []
    missing = [404] if "{" in entry.path else []
    return sorted([401, 403, 409, 422, 429, 500, 503, *sending, *missing])


def _file(entry: Entry) -> dict[int | str, dict[str, Any]]:
    return {entry.status: {"description": "The file", "content": BYTES}} if entry.hands_out else {}


def _extra(entry: Entry) -> dict[str, Any]:
    parameters = [*([KEY] if entry.acts else ()), *([CODE] if entry.action in PROVEN and entry.acts else ())]
    return {
        "security": [{"token": []}],
        **({"x-right": entry.action.value} if entry.action is not Action.INSIDE else {}),
        **({"parameters": parameters} if parameters else {}),
        **({"requestBody": BODY} if entry.file else {}),
    }


def description() -> dict[str, Any]:
    """What programs may ask, as OpenAPI 3.1."""
    made = get_openapi(
        title="Dispatcher",
        version="1",
        description="Campaigns, audiences and the delivery log for programs. Errors are problems (RFC 9457).",
        routes=_router().routes,
        servers=[{"url": PREFIX}],
    )
    schemas = made["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    schemas["Problem"] = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= schemas["Problem"].pop("$defs", {})
    made["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    return made


async def _described(_: Request) -> Response:
    return JSONResponse(description())


async def not_served(_: Request, error: Exception) -> Response:
    """A problem for what no entry answers."""
    if not isinstance(error, HTTPException):
        raise error
    return problems.of_exception(error)
