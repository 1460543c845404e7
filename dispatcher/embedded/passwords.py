"""The passwords of the embedded servers, and the files that only their owner may read."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError


class Passwords(BaseModel):
    """One password for each that speaks to a server."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    postgres: str
    processes: str
    valkey: str


def read_passwords(path: Path) -> Passwords | None:
    """The passwords in `path`; None when it is missing or unreadable, and new ones have to be set."""
    try:
        return Passwords.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def write_private(path: Path, text: str) -> None:
    """Replace `path` in one step by a file of mode 600."""
    descriptor, staging = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(staging).rename(path)
