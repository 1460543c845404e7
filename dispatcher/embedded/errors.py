"""What can go wrong with the embedded servers, said with the log that tells more."""

from __future__ import annotations

from pathlib import Path

from dispatcher.errors import UserError

TAIL_LINES = 10
TAIL_BYTES = 8192


class EmbeddedError(UserError):
    """The embedded servers cannot be used; the message says what was tried, and what the server's log says."""


def last_lines(log: Path) -> str:
    """The last ten lines of `log`, empty when there is no log."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - TAIL_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-TAIL_LINES:])


def failed(what: str, log: Path) -> EmbeddedError:
    """`what`, with the name and the end of `log`."""
    return EmbeddedError(f"{what}\nNhật ký: {log}\n{last_lines(log)}".rstrip())
