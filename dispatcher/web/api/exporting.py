"""Exports of the log, for programs: asked for, looked at as they go on, and fetched with what describes them."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field
from starlette.responses import FileResponse

from dispatcher import exports
from dispatcher.accounts import FIRST
from dispatcher.delivery_log import PAGE, Format
from dispatcher.exports import ExportDesk, Job, Kind, Recorded
from dispatcher.web.api.campaigns import LONGEST_REASON
from dispatcher.web.api.gate import Call, Entry, Here, may
from dispatcher.web.api.pages import Page
from dispatcher.web.api.problems import ProblemError
from dispatcher.web.api.record import Wanted
from dispatcher.web.door import MissingError
from dispatcher.web.rights import Action

KINDS = (Kind.LOG, Kind.SEALED)


class New(Wanted):
    """The messages that are looked for, as a file."""

    form: Format
    reveal: Annotated[bool, Field(description="With whole numbers: needs the right reveal too, and a reason.")] = False
    reason: Annotated[str, Field(max_length=LONGEST_REASON)] = ""


class Export(BaseModel):
    """An export, as far as it is. `total` is null where it is not known before the end; `asked` has numbers masked."""

    id: UUID
    kind: Kind
    asked: dict[str, Any]
    asked_by: str
    asked_at: datetime
    done: int
    total: int | None
    over: bool
    problem: str | None = Field(description="Why there is no file.")
    file: str | None = Field(description="The file's name, once it can be fetched.")


def _desk(call: Call) -> ExportDesk:
    desk: ExportDesk = call.request.app.state.exports
    return desk


def _told(job: Job) -> Export:
    return Export(
        id=job.id,
        kind=job.kind,
        asked=job.asked,
        asked_by=job.by,
        asked_at=job.at,
        done=int(job.done),
        total=int(job.total) or None,
        over=job.over,
        problem=job.problem,
        file=job.path.name if job.over and job.path else None,
    )


def _begun(call: Call, recorded: Recorded) -> Export:
    call.afterwards.append(recorded.begin)
    return _told(recorded.job)


async def listing(call: Here) -> Page[Export]:
    """Exports of the last day, the newest first; none outlives the program that serves them."""
    jobs = _desk(call).of(call.token.user.organisation_id)
    return Page(items=[_told(job) for job in jobs if job.kind in KINDS], next=None)


async def begin(call: Here, asked: New) -> Export:
    """Export messages; ask for it again to see how far it is. Recorded, with the reason where numbers are whole."""
    _may_see_whole(call, reveals=asked.reveal)
    wanted = exports.Wanted(asked.query(PAGE), asked.form, asked.reveal, asked.reason)
    return _begun(call, await _desk(call).log(call.connection, wanted, call.by, call.token.user.organisation_id))


def _may_see_whole(call: Call, *, reveals: bool) -> None:
    if reveals and not may(call.token, Action.REVEAL):
        raise ProblemError(403, f"This needs the right {Action.REVEAL}, of the token and of its person.")


async def begin_sealed(call: Here) -> Export:
    """Export the whole log with its seals, for others to verify; only for programs of the first organisation."""
    if call.token.user.organisation != FIRST:
        raise ProblemError(
            403, "The sealed log is that of the whole installation; only the first organisation takes it."
        )
    return _begun(call, await _desk(call).sealed(call.connection, call.by, call.token.user.organisation_id))


def _job(call: Call, id_: UUID) -> Job:
    job = _desk(call).find(call.token.user.organisation_id, id_)
    if job is None or job.kind not in KINDS:
        raise MissingError("There is no such export of your organisation, or it has expired.")
    return job


def _there(path: Path | None) -> Path:
    if path is None or not path.exists():
        raise MissingError("The file is not ready, or it has expired.")
    return path


async def show(call: Here, export: UUID) -> Export:
    """How far an export is."""
    return _told(_job(call, export))


async def file(call: Here, export: UUID) -> FileResponse:
    """The file of an export, once it is over; with whole numbers only for whoever may see them."""
    job = _job(call, export)
    _may_see_whole(call, reveals=job.reveals)
    path = _there(job.path)
    return FileResponse(path, media_type="application/octet-stream", filename=path.name)


async def manifest(call: Here, export: UUID) -> dict[str, Any]:
    """What was asked for, what came of it, and the file's hash. The sealed log has none: it proves itself."""
    document: dict[str, Any] = json.loads(_there(_job(call, export).manifest).read_text("utf-8"))
    return document


ENTRIES = (
    Entry("GET", "/exports", Action.EXPORT_LOG, listing),
    Entry("POST", "/exports", Action.EXPORT_LOG, begin, status=202),
    Entry("POST", "/exports/sealed", Action.EXPORT_LOG, begin_sealed, status=202),
    Entry("GET", "/exports/{export}", Action.EXPORT_LOG, show),
    Entry("GET", "/exports/{export}/file", Action.EXPORT_LOG, file, hands_out=True),
    Entry("GET", "/exports/{export}/manifest", Action.EXPORT_LOG, manifest),
)
