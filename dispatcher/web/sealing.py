"""The auditor's room, what takes long: exports with their progress, the state of the seals, checkpoints to take away."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import UUID

from starlette.responses import FileResponse, RedirectResponse, Response

from dispatcher import exports, sealing
from dispatcher.accounts import FIRST
from dispatcher.delivery_log import PAGE, Format
from dispatcher.errors import UserError
from dispatcher.exports import ExportDesk, Job, Kind, Wanted
from dispatcher.signing import SigningKey, open_signing_key
from dispatcher.store import seals
from dispatcher.web import asking
from dispatcher.web.door import MissingError, Page, Visit
from dispatcher.web.rights import Action

EXPORT_KINDS = (Kind.LOG, Kind.SEALED)


def _desk(visit: Visit) -> ExportDesk:
    desk: ExportDesk = visit.request.app.state.exports
    return desk


def _key(visit: Visit) -> SigningKey:
    return open_signing_key(visit.runtime.settings.signing_path, create=True)


def _of_the_first(visit: Visit) -> bool:
    """The seals are over the rows of all organisations: only the first one's auditors take them away."""
    return visit.person.organisation == FIRST


async def listing(visit: Visit) -> Response:
    return await _listing(visit)


async def _listing(visit: Visit, problem: str | None = None) -> Response:
    async with visit.desk() as connection:
        choices = await asking.choices(connection, visit)
    jobs = [job for job in _desk(visit).of(visit.person.organisation_id) if job.kind in EXPORT_KINDS]
    return visit.show(
        "exports.html", 409 if problem else 200, jobs=jobs, forms=list(Format), whole_log=_of_the_first(visit),
        problem=problem, **choices,
    )  # fmt: skip


async def begin(visit: Visit) -> Response:
    """Export the messages that are asked for, or the sealed log as a whole."""
    organisation = visit.person.organisation_id
    try:
        async with visit.desk() as connection:
            if visit.given("what") == "sealed":
                if not _of_the_first(visit):
                    raise MissingError("Nhật ký niêm phong là của cả hệ thống; đơn vị của bạn xuất tin của mình.")
                launch = await _desk(visit).sealed(connection, visit.by, organisation)
            else:
                reveal, reason = bool(visit.given("reveal")), visit.given("reason")
                wanted = Wanted(asking.query(visit, PAGE), _format(visit), reveal, reason)
                launch = await _desk(visit).log(connection, wanted, visit.by, organisation)
    except UserError as error:
        return await _listing(visit, str(error))
    return RedirectResponse(f"/exports/{launch().id}", 303)


def _format(visit: Visit) -> Format:
    try:
        return Format(visit.given("form"))
    except ValueError:
        raise UserError("Chọn dạng tệp: csv, xlsx, jsonl hoặc parquet.") from None


def _job(visit: Visit) -> Job:
    try:
        found = _desk(visit).find(visit.person.organisation_id, UUID(visit.path("job")))
    except ValueError:
        found = None
    if found is None:
        raise MissingError("Không có việc này ở đơn vị của bạn, hoặc đã quá hạn lưu.")
    return found


async def job(visit: Visit) -> Response:
    found = _job(visit)
    here = "/seals" if found.kind is Kind.VERIFY else "/exports"
    return visit.show("export.html", job=found, here=here)


async def file(visit: Visit) -> Response:
    return _file(_job(visit).path)


async def manifest(visit: Visit) -> Response:
    """What was asked for, what came of it, and the file's hash."""
    return _file(_job(visit).manifest)


def _file(path: Path | None) -> Response:
    if path is None or not path.exists():
        raise MissingError("Tệp chưa xong, hoặc đã quá hạn lưu.")
    return FileResponse(path, media_type="application/octet-stream", filename=path.name)


async def state(visit: Visit) -> Response:
    async with visit.desk(snapshot=True) as connection:
        last, rows = await seals.totals(connection)
        text = await seals.last_checkpoint(connection)
        waiting = await seals.unsealed(connection)
    checks = [job for job in _desk(visit).of(visit.person.organisation_id) if job.kind is Kind.VERIFY]
    return visit.show(
        "seals.html", last=last, rows=rows, text=text, waiting=waiting, checks=checks[:5], key=_key(visit).public,
        witness=sealing.witness(visit.runtime.settings.folder) is not None,
        point=dict(line.partition(" ")[::2] for line in (text or "").splitlines()),
    )  # fmt: skip


async def verify(visit: Visit) -> Response:
    """Begin to judge the live log; the verdict comes on a page of its own."""
    witness = sealing.witness(visit.runtime.settings.folder)
    begun = _desk(visit).verify(visit.by, visit.person.organisation_id, _key(visit), witness)
    return RedirectResponse(f"/exports/{begun.id}", 303)


async def checkpoint(visit: Visit) -> Response:
    """Seal up to now, and hand out the checkpoint with the public key under it."""
    url, folder, key = visit.request.app.state.database_url, visit.runtime.settings.folder, _key(visit)
    organisation, by = visit.person.organisation_id, visit.by
    text = await asyncio.to_thread(lambda: asyncio.run(exports.checkpoint(url, key, folder, by, organisation)))
    return _download(text, "diem-kiem-tra.txt")


async def public_key(visit: Visit) -> Response:
    return _download(f"{_key(visit).public.written}\n", "diem-kiem-tra.txt.pub")


def _download(text: str, name: str) -> Response:
    return Response(
        text, media_type="text/plain; charset=utf-8", headers={"content-disposition": f'attachment; filename="{name}"'}
    )


PAGES = (
    Page("/exports", Action.EXPORT_LOG, listing),
    Page("/exports", Action.EXPORT_LOG, begin, "POST"),
    Page("/exports/{job}", Action.EXPORT_LOG, job),
    Page("/exports/{job}/file", Action.EXPORT_LOG, file),
    Page("/exports/{job}/manifest", Action.EXPORT_LOG, manifest),
    Page("/seals", Action.SEE_SEALS, state),
    Page("/seals/verify", Action.SEE_SEALS, verify, "POST"),
    Page("/seals/checkpoint", Action.SEE_SEALS, checkpoint, "POST"),
    Page("/seals/key", Action.SEE_SEALS, public_key),
)
