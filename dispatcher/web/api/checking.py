"""What those who check take away: how far the log is sealed, and the reports that were made with their figures."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from dispatcher.accounts import FIRST
from dispatcher.signing import open_signing_key
from dispatcher.store import reports, seals
from dispatcher.web.api.gate import Call, Entry, Here
from dispatcher.web.api.people import RowId
from dispatcher.web.door import MissingError
from dispatcher.web.rights import Action


class Sealed(BaseModel):
    """The seals are over the rows of all organisations; the checkpoint's text is signed with the key."""

    seals: int
    rows: int
    waiting: int
    checkpoint: str | None
    key: str


class Made(BaseModel):
    """A report that was made; `figures` are in `/reports/{report}`."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    slug: str
    year: int
    starts: date
    ends: date
    document_sha256: str
    made_by: str
    made_at: datetime


class Told(Made):
    figures: dict[str, Any]


async def sealed(call: Here) -> Sealed:
    """How far the log is sealed, with the last checkpoint, to be kept elsewhere."""
    count, rows = await seals.totals(call.connection)
    waiting = sum(source.rows for source in await seals.unsealed(call.connection))
    key = open_signing_key(call.runtime.settings.signing_path, create=True).public.written
    return Sealed(
        seals=count, rows=rows, waiting=waiting, checkpoint=await seals.last_checkpoint(call.connection), key=key
    )


async def listing(call: Here) -> list[Made]:
    """The reports that were made, newest first; they are those of the whole installation."""
    return [Made.model_validate(made) for made in await _made(call)]


async def show(call: Here, report: RowId) -> Told:
    """A report that was made, with its figures."""
    made = next((one for one in await _made(call) if one.id == report), None)
    figures = await reports.figures(call.connection, report) if made else None
    if made is None or figures is None:
        raise MissingError("There is no such report of your organisation.")
    return Told(**Made.model_validate(made).model_dump(), figures=figures)


async def _made(call: Call) -> list[reports.Made]:
    """None for organisations but the first: the installation's reports are its."""
    return await reports.made(call.connection) if call.token.user.organisation == FIRST else []


ENTRIES = (
    Entry("GET", "/seals", Action.SEE_SEALS, sealed),
    Entry("GET", "/reports", Action.SEE_REPORTS, listing),
    Entry("GET", "/reports/{report}", Action.SEE_REPORTS, show),
)
