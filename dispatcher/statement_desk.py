"""Released statements, as they wait to be fetched: in a folder of their own, for some days."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from dispatcher.statement import Released

# Papers with whole numbers are not left lying about; whoever needs them later has another request entered.
KEPT_SECONDS = 7 * 24 * 3600.0
ENDINGS = {
    "letter": ".docx",
    "printed": ".pdf",
    "extract": ".extract.jsonl",
    "checkpoint": ".checkpoint.txt",
    "key": ".pub",
}


def paper_name(request: int, paper: str) -> str:
    return f"bang-ke-{request}{ENDINGS[paper]}"


class StatementDesk:
    """The folder; everything in it is readable by its owner only."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, request: int, made: Released) -> None:
        """Put the papers of a request down. Raises OSError."""
        folder = self._folder / str(request)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        contents = made.contents()
        for paper, content in zip(ENDINGS, contents, strict=True):
            path = folder / paper_name(request, paper)
            path.touch(mode=0o600)
            path.write_bytes(content)

    def papers(self, request: int) -> dict[str, Path]:
        """Those that still lie here."""
        self._sweep()
        found = {paper: self._folder / str(request) / paper_name(request, paper) for paper in ENDINGS}
        return {paper: path for paper, path in found.items() if path.exists()}

    def _sweep(self) -> None:
        for folder in self._folder.glob("*"):
            if folder.stat().st_mtime < time.time() - KEPT_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
