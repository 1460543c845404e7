"""Files of keys: written whole or not at all, for their owner's eyes only."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_once(path: Path, content: str) -> None:
    """Put `content` at `path`, mode 600, unless another process has just done so: its keys are in use already."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = _drafted(path, content)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def overwrite(path: Path, content: str) -> None:
    """Put `content` at `path`, mode 600, whole or not at all, in the place of what is there."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = _drafted(path, content)
    try:
        draft.replace(path)
    except OSError:
        draft.unlink()
        raise


def _drafted(path: Path, content: str) -> Path:
    # A process id is no name for a draft: containers all have the same one, and the killed leave theirs behind.
    descriptor, name = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return Path(name)
