"""Statements of one number for competent authorities: asked for by one person, released by another, fetched, verified."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any

from starlette.datastructures import UploadFile
from starlette.responses import FileResponse, Response

from campaigns.calendar import VIETNAM
from campaigns.problems import DefinitionError
from dispatcher import statement, verify_log
from dispatcher.accounts import FIRST
from dispatcher.errors import UserError
from dispatcher.reports import making
from dispatcher.signing import open_signing_key
from dispatcher.statement import Asked, Means, StatementError
from dispatcher.statement_desk import StatementDesk, paper_name
from dispatcher.store import audit, installation, statements
from dispatcher.store.statements import Request
from dispatcher.web.door import MissingError, Page, Visit
from dispatcher.web.rights import Action

FIELDS = ("number", "starts", "ends", "authority", "document", "dated", "basis")
LARGEST_EXTRACT = 64 << 20
SENTENCES = 60
ONLY_THE_FIRST = "Bảng kê cho cơ quan có thẩm quyền do đơn vị đầu mối lập và cho xuất."


def _desk(visit: Visit) -> StatementDesk:
    desk: StatementDesk = visit.request.app.state.statements
    return desk


def _of_the_first(visit: Visit) -> None:
    if visit.person.organisation != FIRST:
        raise StatementError(ONLY_THE_FIRST)


async def listing(visit: Visit) -> Response:
    return await _listing(visit)


async def _listing(visit: Visit, problem: str | None = None, **judged: Any) -> Response:
    async with visit.desk() as connection:
        requests = await statements.listing(connection)
        today = (await installation.now(connection)).astimezone(VIETNAM).date()
    if visit.person.organisation != FIRST:
        problem = problem or ONLY_THE_FIRST
    values: dict[str, Any] = {"whole": None, "said": [], **judged}
    given = {name: visit.given(name) for name in FIELDS}
    status = 409 if problem and visit.request.method == "POST" else 200
    return visit.show("statements.html", status, requests=requests, given=given, problem=problem, today=today, **values)


async def ask(visit: Visit) -> Response:
    """Enter what the authority's letter says."""
    try:
        _of_the_first(visit)
        asked = Asked(
            visit.given("number"), _day(visit, "starts"), _day(visit, "ends"), visit.given("authority"),
            visit.given("document"), _day(visit, "dated"), visit.given("basis"),
        )  # fmt: skip
        async with visit.desk() as connection:
            entered = await statement.ask(connection, visit.runtime.keyring, asked, visit.by)
    except UserError as error:
        return await _listing(visit, str(error))
    told = visit.speech.word("Đã ghi yêu cầu số {number}. Người duyệt kiểm tra văn bản rồi cho xuất.", number=entered)
    return visit.go(f"/statements/{entered}", told)


def _day(visit: Visit, name: str) -> date:
    try:
        return date.fromisoformat(visit.given(name))
    except ValueError:
        raise StatementError("Cần đủ các ngày, dạng 2026-06-01.") from None


async def show(visit: Visit) -> Response:
    return await _show(visit, await _found(visit))


async def _found(visit: Visit) -> Request:
    written = visit.path("request")
    async with visit.desk() as connection:
        found = {str(request.id): request for request in await statements.listing(connection)}.get(written)
    if found is None:
        raise MissingError("Không có yêu cầu bảng kê này ở đơn vị của bạn.")
    return found


async def _show(visit: Visit, request: Request, problem: str | None = None) -> Response:
    papers = _desk(visit).papers(request.id) if request.released_at else {}
    return visit.show("statement.html", 409 if problem else 200, request=request, papers=papers, problem=problem)


async def release(visit: Visit) -> Response:
    """By another person, who types the number once more from the letter and proves who they are."""
    request = await _found(visit)
    settings, pool = visit.runtime.settings, visit.request.app.state.pages
    try:
        _of_the_first(visit)
        await visit.doorman.prove(visit.person, visit.given("code"))
        async with visit.desk() as connection:
            today = (await installation.now(connection)).astimezone(VIETNAM).date()
        means = Means(
            visit.runtime.keyring,
            open_signing_key(settings.signing_path, create=True),
            making.load(settings.reports).office(today),
            paper_name(request.id, "extract"),
            lambda made: _desk(visit).put(request.id, made),
        )
        made = await statement.release(pool, means, request.id, visit.given("number"), visit.by)
    except (UserError, DefinitionError) as error:
        return await _show(visit, request, str(error))
    told = visit.speech.word("Đã lập bảng kê: {count} tin.", count=made.messages)
    gaps = visit.speech.word("Không chứng minh được bằng niêm phong: {gaps}.", gaps=", ".join(made.unproved))
    return visit.go(f"/statements/{request.id}", f"{told} {gaps}" if made.unproved else told)


async def paper(visit: Visit) -> Response:
    request, name = await _found(visit), visit.path("paper")
    path = _desk(visit).papers(request.id).get(name)
    if path is None:
        raise MissingError("Không có giấy tờ này, hoặc đã quá hạn lưu.")
    async with visit.desk() as connection:
        await audit.record(connection, visit.by, "statement.take", str(request.id), paper=name)
    return FileResponse(path, media_type="application/octet-stream", filename=path.name)


async def verify(visit: Visit) -> Response:
    """Judge an extract by a checkpoint and a key that were kept somewhere else."""
    file = visit.form.get("extract")
    try:
        if not isinstance(file, UploadFile) or not file.filename:
            raise UserError("Chưa chọn tệp trích lục (.extract.jsonl).")
        content = (await file.read()).decode("utf-8", "replace")
        found = await asyncio.to_thread(_judge, content, visit.given("checkpoint"), visit.given("key"))
    except UserError as error:
        return await _listing(visit, str(error))
    except verify_log.Unusable as error:
        return await _listing(visit, f"Không dùng được để kiểm tra: {error.said.vietnamese}")
    return await _listing(visit, whole=not found.problems, said=[*verify_log.extract_sentences(found)][:SENTENCES])


def _judge(extract: str, checkpoint: str, key: str) -> verify_log.Extract:
    keys = verify_log.read_keys(key)
    found = verify_log.Extract(keys, verify_log.read_checkpoint(checkpoint.replace("\r\n", "\n") + "\n", keys))
    found.read(extract)
    return found


PAGES = (
    Page("/statements", Action.SEE_STATEMENTS, listing),
    Page("/statements", Action.ASK_STATEMENT, ask, "POST"),
    Page("/statements/verify", Action.SEE_STATEMENTS, verify, "POST", largest=LARGEST_EXTRACT),
    Page("/statements/{request}", Action.SEE_STATEMENTS, show),
    Page("/statements/{request}/release", Action.RELEASE_STATEMENT, release, "POST"),
    Page("/statements/{request}/{paper}", Action.SEE_STATEMENTS, paper),
)
