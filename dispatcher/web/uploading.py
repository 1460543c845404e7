"""Audiences, and rosters on their way in: a file, its columns, the import as it goes, what was left out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from uuid import UUID

from starlette.datastructures import UploadFile
from starlette.responses import FileResponse, RedirectResponse, Response, StreamingResponse

from dispatcher.errors import UserError
from dispatcher.roster_desk import DUPLICATES, REJECTS, RosterDesk
from dispatcher.rosters import FIELDS
from dispatcher.store import audiences, uploads
from dispatcher.store.uploads import Upload
from dispatcher.web.door import MissingError, Page, Visit
from dispatcher.web.live import EVENTS, STREAM_SECONDS, TICK_SECONDS, event
from dispatcher.web.rendering import fragment
from dispatcher.web.rights import Action

# Ten million lines as a workbook are about 250 MB.
LARGEST = 512 << 20
SHOWN_UPLOADS = 10


def _desk(visit: Visit) -> RosterDesk:
    desk: RosterDesk = visit.request.app.state.rosters
    return desk


async def listing(visit: Visit) -> Response:
    async with visit.desk() as connection:
        versions = await audiences.versions(connection)
        recent = await uploads.newest(connection, SHOWN_UPLOADS) if visit.may(Action.IMPORT_AUDIENCE) else []
    newest = {audience.name: audience for audience in versions}
    counts = {name: sum(a.name == name for a in versions) for name in newest}
    return visit.show("audiences.html", newest=list(newest.values()), counts=counts, recent=recent)


async def show(visit: Visit) -> Response:
    async with visit.desk() as connection:
        versions = await audiences.versions(connection, visit.path("name"))
        if not versions:
            raise MissingError(f"Không có nhóm người nhận {visit.path('name')} ở đơn vị của bạn.")
        networks = await audiences.networks(connection, versions[-1].id)
    return visit.show("audience.html", versions=versions[::-1], networks=networks)


async def ask(visit: Visit) -> Response:
    return visit.show("upload.html", name=visit.asked("name"), province="", problem=None)


async def take(visit: Visit) -> Response:
    file, name, province = visit.form.get("file"), visit.given("name"), visit.given("province")
    try:
        if not isinstance(file, UploadFile) or not file.filename:
            raise UserError("Chưa chọn tệp danh sách số (XLSX hoặc CSV).")
        async with visit.desk() as connection:
            id_ = await _desk(visit).take(connection, file.file, file.filename, name, province, visit.by)
    except UserError as error:
        return visit.show("upload.html", 409, name=name, province=province, problem=str(error))
    return RedirectResponse(f"/uploads/{id_}", 303)


async def _found(visit: Visit) -> Upload:
    try:
        id_ = UUID(visit.path("upload"))
    except ValueError:
        raise MissingError("Không có danh sách này.") from None
    async with visit.desk() as connection:
        found = await uploads.find(connection, id_)
    if found is None:
        raise MissingError("Không có danh sách này ở đơn vị của bạn, hoặc đã quá hạn lưu.")
    return found


async def upload(visit: Visit) -> Response:
    return await _upload(visit, await _found(visit))


async def _upload(visit: Visit, found: Upload, problem: str | None = None, status: int = 200) -> Response:
    seen = None
    if found.state == "waiting":
        try:
            seen = await _desk(visit).look(found, {} if problem else _asked(visit))
        except UserError as error:
            problem, status = str(error), 409
    reports = [kind for kind in (REJECTS, DUPLICATES) if _desk(visit).report(found, kind)]
    return visit.show("uploaded.html", status, upload=found, seen=seen, fields=FIELDS, reports=reports, problem=problem)


def _asked(visit: Visit) -> dict[str, str]:
    """field -> column, as chosen in the form or (to look again) in the address."""
    chosen = {field: visit.given(field) or visit.asked(field) for field in FIELDS}
    return {field: column for field, column in chosen.items() if column}


async def begin(visit: Visit) -> Response:
    found, mapping = await _found(visit), _asked(visit)
    try:
        async with visit.desk() as connection:
            await _desk(visit).begin(connection, found, mapping)
        _desk(visit).launch(found, mapping, visit.person.organisation_id)
    except UserError as error:
        return await _upload(visit, found, str(error), 409)
    return RedirectResponse(f"/uploads/{found.id}", 303)


async def drop(visit: Visit) -> Response:
    found = await _found(visit)
    async with visit.desk() as connection:
        await _desk(visit).drop(connection, found)
    return visit.go("/audiences", visit.speech.word("Đã bỏ tệp này."))


async def report(visit: Visit) -> Response:
    found, kind = await _found(visit), visit.path("kind")
    path = _desk(visit).report(found, kind)
    if path is None:
        raise MissingError("Không có tệp này, hoặc đã quá hạn lưu.")
    return FileResponse(path, media_type="text/csv; charset=utf-8", filename=path.name)


async def events(visit: Visit) -> Response:
    await _found(visit)
    return StreamingResponse(_stream(visit), media_type="text/event-stream", headers=EVENTS)


async def _stream(visit: Visit) -> AsyncIterator[str]:
    ends = time.monotonic() + STREAM_SECONDS
    while time.monotonic() < ends:
        found = await _found(visit)
        yield event("progress", fragment(visit, "parts/importing.html", {"upload": found}))
        if found.state != "importing":
            yield event("over", "")
            return
        await asyncio.sleep(TICK_SECONDS)


PAGES = (
    Page("/audiences", Action.SEE_AUDIENCES, listing),
    Page("/audiences/{name}", Action.SEE_AUDIENCES, show),
    Page("/uploads", Action.IMPORT_AUDIENCE, ask),
    Page("/uploads", Action.IMPORT_AUDIENCE, take, "POST", largest=LARGEST),
    Page("/uploads/{upload}", Action.IMPORT_AUDIENCE, upload),
    Page("/uploads/{upload}", Action.IMPORT_AUDIENCE, begin, "POST"),
    Page("/uploads/{upload}/drop", Action.IMPORT_AUDIENCE, drop, "POST"),
    Page("/uploads/{upload}/events", Action.IMPORT_AUDIENCE, events),
    Page("/uploads/{upload}/{kind}.csv", Action.IMPORT_AUDIENCE, report),
)
