"""What every process begins with: its settings, its routes tried, its logs."""

from __future__ import annotations

import asyncio
import gc

from dispatcher import logs
from dispatcher.runtime import try_routes
from dispatcher.settings import Settings, load_settings


def service(*, as_json: bool) -> Settings:
    """Settings and routes that the process can work with, or a sentence that says what is wrong with them."""
    settings = settings_of(as_json=as_json)
    asyncio.run(try_routes(settings))
    return settings


def settings_of(*, as_json: bool) -> Settings:
    settings = load_settings()
    logs.configure("json" if as_json else settings.log_format)
    return settings


def collect_rarely() -> None:
    """Look for dead cycles seldom, and never among what was loaded: as often as Python does it took a seventh of a call."""
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)
