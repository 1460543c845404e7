"""The application in this process, over a database of the test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from starlette.applications import Starlette

from dispatcher.runtime import Addresses
from dispatcher.settings import Settings
from dispatcher.signing import SigningKey, open_signing_key
from dispatcher.web.app import new_app


@pytest.fixture
async def app(settings: Settings, addresses: Addresses) -> AsyncIterator[Starlette]:
    app = new_app(settings, addresses)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
def elsewhere(tmp_path: Path) -> SigningKey:
    """The key of an installation that is not here."""
    return open_signing_key(tmp_path / "elsewhere.pem", create=True)
