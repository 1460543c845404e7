"""All pages of all rooms, in one list; what is not in it is not served."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from dispatcher.web import (
    articles,
    auditing,
    broadcasting,
    campaign,
    choosing,
    complaining,
    doubts,
    live,
    managing,
    neighbours,
    ordering,
    overview,
    programs,
    rehearsing,
    reporting,
    sealing,
    signing,
    statements,
    statics,
    uploading,
    writing,
)
from dispatcher.web.door import Page, stranger

ROOMS = (
    signing,
    overview,
    reporting,
    sealing,
    statements,
    writing,
    choosing,
    live,
    doubts,
    rehearsing,
    campaign,
    broadcasting,
    articles,
    uploading,
    neighbours,
    complaining,
    ordering,
    auditing,
    managing,
    programs,
)
PAGES: tuple[Page, ...] = tuple(page for room in ROOMS for page in room.PAGES)


def routes() -> list[Route]:
    return [Route("/static/{digest}/{name}", statics.serve), *(page.route() for page in PAGES)]


async def not_served(request: Request, error: Exception) -> Response:
    """A page for people; carriers and programs get a word."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 404 and "text/html" in request.headers.get("accept", ""):
        return await stranger(request, "missing.html", 404, {"message": ""})
    headers = error.headers if isinstance(error, HTTPException) else None
    return PlainTextResponse(str(getattr(error, "detail", "")), status, dict(headers or {}))
