"""Rehearsals that somebody asks for in the browser: one at a time, each in a process of its own beside the server."""

from __future__ import annotations

import asyncio
import re
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime

import structlog

from dispatcher import ending
from dispatcher.errors import UserError

log = structlog.get_logger()

COLOURS = re.compile(r"\x1b\[[0-9;]*m")
SHOWN_LETTERS = 1000


class RehearsalDeskError(UserError):
    """A rehearsal cannot begin now."""


@dataclass
class Played:
    """A rehearsal, as far as it is; `problem` is what the command said where it failed."""

    organisation: int
    edition: str
    by: str
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    problem: str | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def over(self) -> bool:
        return self.ended.is_set()


class RehearsalDesk:
    """Plays what it is asked for with `dispatcher campaign rehearse`, whose outcome is kept with the campaign."""

    def __init__(self) -> None:
        self._played: Played | None = None
        self._task: asyncio.Task[None] | None = None

    def of(self, organisation: int, edition: str) -> Played | None:
        """The rehearsal of that campaign that is under way, or was the last."""
        played = self._played
        return played if played and (played.organisation, played.edition) == (organisation, edition) else None

    def begin(self, organisation: int, edition: str, by: str) -> Played:
        """Begin a rehearsal. Raises `RehearsalDeskError` while another one is under way."""
        if self._played and not self._played.over:
            raise RehearsalDeskError("Máy chủ đang chạy thử một chiến dịch; chờ xong rồi bấm lại.")
        self._played = Played(organisation, edition, by)
        self._task = asyncio.create_task(self._play(self._played))
        return self._played

    async def close(self) -> None:
        """What is under way ends with the server."""
        if self._task:
            await ending.end(self._task)

    async def _play(self, played: Played) -> None:
        try:
            code, told = await _run("campaign", "rehearse", played.edition, "--by", played.by, "--json")
            if code:
                played.problem = COLOURS.sub("", told).strip()[-SHOWN_LETTERS:]
                log.warning("rehearsal.failed", campaign=played.edition, code=code)
        finally:
            played.ended.set()


async def _run(*words: str) -> tuple[int | None, str]:
    """A command of ours to its end, or to ours: how it ended, and what it said of it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "dispatcher", *words,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        _, told = await process.communicate()
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
    return process.returncode, told.decode(errors="replace")
