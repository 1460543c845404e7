"""Log events as data on stderr, with numbers masked."""

from __future__ import annotations

import logging
import re
import sys
from typing import Any

import structlog

# Vietnamese mobile numbers in any of their usual spellings, inside longer text too.
NUMBER = re.compile(r"(?<![0-9a-fA-F-])(\+?84|0084|0)([35789]\d)(\d{4})(\d{3})(?![0-9a-fA-F-])")


def masked(text: str) -> str:
    """`text` with every mobile number shown as `0912***678`."""
    return NUMBER.sub(lambda m: f"0{m[2]}{m[3][0]}***{m[4]}", text)


def _mask(_logger: Any, _method: str, event: Any) -> Any:
    return {key: masked(value) if isinstance(value, str) else value for key, value in event.items()}


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
