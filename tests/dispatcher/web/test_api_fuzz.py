"""Whatever the description of the API allows, and what it does not, asked of a real server: API_CASES=20000 asks for more."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.applications import Starlette

from dispatcher.runtime import Addresses
from dispatcher.settings import Settings
from dispatcher.web.api.service import ENTRIES, PREFIX, description
from dispatcher.web.app import new_app
from tests.dispatcher.hall import Hall
from tests.dispatcher.web.programs import Tireless, token_of

CASES = int(os.environ.get("API_CASES", "300"))
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]

Tally = Counter[tuple[str, int]]


@contextmanager
def served(app: Starlette) -> Iterator[str]:
    """The application on a port of its own, in a thread; answers its address."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started and thread.is_alive():
        thread.join(0.05)
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


def fuzz(described: dict[str, Any], url: str, token: str) -> Tally:
    """Ask every operation equally often. Raises what schemathesis finds."""
    schema = schemathesis.openapi.from_dict(described)
    schema.config.update(base_url=url + PREFIX)
    tally: Tally = Counter()
    for found in schema.get_all_operations():
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            _ask(found.ok(), mode, token, tally)
    return tally


def _ask(operation: Any, mode: GenerationMode, token: str, tally: Tally) -> None:
    @settings(
        max_examples=CASES // len(ENTRIES) // 2, deadline=None, database=None, verbosity=Verbosity.quiet,
        phases=[Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        case.headers["authorization"] = f"Bearer {token}"
        if "idempotency-key" in {name.casefold() for name in case.headers}:
            case.headers["Idempotency-Key"] = uuid4().hex  # each one a new act
        answer = case.call(timeout=60)
        tally[operation.label, answer.status_code] += 1
        case.validate_response(answer, checks=CHECKS)

    ask()


# The server is in this process, and the pools of its exports draw from `random` while requests are being made up.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module:hypothesis.errors.HypothesisDeprecationWarning")
async def test_no_request_is_answered_otherwise_than_described(
    hall: Hall, settings: Settings, addresses: Addresses
) -> None:
    await hall.planned(3)
    async with hall.runtime.pool.connection() as connection:
        _, token = await token_of(connection, "an")
    app = new_app(settings, addresses)
    app.state.meter = Tireless()
    with served(app) as url:
        tally = await asyncio.to_thread(fuzz, description(), url, token)
    table = [f"{label:45} {status} {n:7}" for (label, status), n in sorted(tally.items())]
    sys.stdout.write("\n".join([*table, f"{tally.total()} requests"]) + "\n")
    assert tally.total() > CASES * 0.5
    assert {label for label, _ in tally} == {f"{entry.method} {entry.path}" for entry in ENTRIES}
