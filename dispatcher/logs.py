"""Log events as data on stderr, with numbers masked."""

from __future__ import annotations

import logging
import re
import sys
from typing import Any

import structlog

# Vietnamese mobile numbers in any of their usual spellings, spaces and dots inside, in longer text too.
NUMBER = re.compile(r"(?<![0-9a-fA-F-])(?:\+?84|0084|0)((?:[ .]?[0-9]){9})(?![0-9a-fA-F-])")
MOBILE = "35789"


def masked(text: str) -> str:
    """`text` with every mobile number shown as `0912***678`."""
    return NUMBER.sub(_masked, text)


def _masked(found: re.Match[str]) -> str:
    digits = re.sub("[^0-9]", "", found[1])
    return f"0{digits[:3]}***{digits[-3:]}" if digits[0] in MOBILE else found[0]


def _mask(_logger: Any, _method: str, event: Any) -> Any:
    return {key: _inside(value) for key, value in event.items()}


def _inside(value: Any) -> Any:
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, dict):
        return {key: _inside(item) for key, item in value.items()}
    return [_inside(item) for item in value] if isinstance(value, list | tuple) else value


def configure(form: str, *, quiet: bool = False) -> None:
    """Send structlog and the standard library's warnings to stderr; quiet: errors only.

    `form` is `json` (lines), `console` (for reading), or `auto`: for reading on a terminal, else JSON.
    """
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _mask,
    ]
    readable = form == "console" or (form == "auto" and sys.stderr.isatty())
    renderer = structlog.dev.ConsoleRenderer() if readable else structlog.processors.JSONRenderer(ensure_ascii=False)
    structlog.configure(
        processors=[*shared, renderer],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR if quiet else logging.INFO),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=logging.ERROR if quiet else logging.WARNING, force=True)
