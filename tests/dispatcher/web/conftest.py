"""The application in this process, over a database of the test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from starlette.applications import Starlette

from dispatcher.runtime import Addresses
from dispatcher.settings import Settings
from dispatcher.web.app import new_app


@pytest.fixture
async def app(settings: Settings, addresses: Addresses) -> AsyncIterator[Starlette]:
    app = new_app(settings, addresses)
    async with app.router.lifespan_context(app):
        yield app
