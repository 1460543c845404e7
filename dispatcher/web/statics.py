"""Our own style sheet, script and pictures: their address has their hash, so a browser keeps them for a year."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

KINDS = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
FOR_A_YEAR = {"cache-control": "public, max-age=31536000, immutable", "x-content-type-options": "nosniff"}


@cache
def _files() -> dict[str, bytes]:
    folder = files("dispatcher.web") / "static"
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.name.rpartition(".")[2] in KINDS}


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def address(name: str) -> str:
    """Where a file of `static/` is served. Raises KeyError."""
    return f"/static/{_digest(_files()[name])}/{name}"


async def serve(request: Request) -> Response:
    name = request.path_params["name"]
    content = _files().get(name)
    if content is None or _digest(content) != request.path_params["digest"]:
        return PlainTextResponse("not found", 404)
    return Response(content, media_type=KINDS[name.rpartition(".")[2]], headers=FOR_A_YEAR)
