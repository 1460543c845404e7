"""What forms bring is read up to a bound: more is refused before it is all here, and leaves nothing behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.applications import Starlette

from dispatcher.accounts import Role
from dispatcher.web.receiving import MAX_FIELDS
from tests.dispatcher.hall import Hall
from tests.dispatcher.test_rosters import NUMBERS, doctype, sheet, zipped
from tests.dispatcher.web.people import Person, said, signed_in

TWO_GIGABYTES = 2 << 30
EDGE = b'--edge\r\nContent-Disposition: form-data; name="'
MULTIPART = {"content-type": "multipart/form-data; boundary=edge"}


async def author(app: Starlette) -> Person:
    return await signed_in(app, "an", Role.AUTHOR)


async def test_two_gigabytes_are_refused_by_what_they_declare(app: Starlette, hall: Hall) -> None:
    person = await author(app)

    async def body() -> AsyncIterator[bytes]:
        yield b"x" * 65536

    headers = {**MULTIPART, "content-length": str(TWO_GIGABYTES)}
    answer = await person.web.post("/uploads", content=body(), headers=headers)
    assert (answer.status_code, "512 MB" in said(answer)) == (413, True)
    assert await hall.scalar("SELECT count(*) FROM uploads") == 0


async def test_a_form_that_declares_less_than_it_brings_is_cut_off(app: Starlette) -> None:
    person = await author(app)
    content = EDGE + b'file"; filename="a.toml"\r\n\r\n' + b"x" * (1 << 21)
    answer = await person.web.post("/new/file", content=content, headers={**MULTIPART, "content-length": "10"})
    assert answer.status_code == 413


async def test_a_length_that_is_none_and_too_many_fields_are_refused(app: Starlette) -> None:
    person = await author(app)
    for length in ("-1", "1e3", "٣"):
        headers = {**MULTIPART, "content-length": length.encode()}
        assert (await person.web.post("/uploads", content=b"", headers=headers)).status_code == 413
    fields = {f"field-{n}": "x" for n in range(MAX_FIELDS + 1)}
    assert (await person.post("/new", **fields)).status_code == 409


async def test_what_is_no_list_is_refused_with_a_reason_and_leaves_no_file(app: Starlette, hall: Hall) -> None:
    person = await author(app)
    wrong = {
        "tranh.xlsx": b"\x89PNG\r\n\x1a\n" + b"\0" * 64,
        "trong.csv": b"",
        "gia.xlsx": b"PK\x03\x04 not a workbook",
        "../../../etc/so.csv": b"ten\nAn\n",
    }
    for name, content in wrong.items():
        answer = await person.post("/uploads", files={"file": (name, content)}, name="ba-con", province="")
        assert answer.status_code == 409, name
        assert 'role="alert"' in answer.text, name
    folder = hall.runtime.settings.folder / "uploads"
    assert await asyncio.to_thread(lambda: not folder.exists() or not list(folder.rglob("*.*")))


async def test_traps_in_workbooks_are_refused_in_words_before_anything_is_read(app: Starlette, hall: Hall) -> None:
    person = await author(app)
    traps = {
        "bom nén": zipped({**sheet(NUMBERS), "xl/bomb.xml": b" " * 20_000_000}),
        "DOCTYPE": doctype('<!ENTITY x SYSTEM "file:///etc/passwd">'),
    }
    for words, content in traps.items():
        answer = await person.post("/uploads", files={"file": ("so.xlsx", content)}, name="ba-con", province="")
        if answer.status_code == 303:
            answer = await person.get(answer.headers["location"])
        assert (answer.status_code, words in said(answer)) == (409, True), said(answer)
        assert "root:" not in answer.text


async def test_what_a_spreadsheet_would_run_comes_back_as_text(app: Starlette, hall: Hall) -> None:
    person = await author(app)
    roster = 'so;xa\n"=HYPERLINK(""http://x"")";Kỳ Lừa\n0961234567;Kỳ Lừa\n'.encode()
    begun = await person.post("/uploads", files={"file": ("so.csv", roster)}, name="ba-con", province="Lạng Sơn")
    page = begun.headers["location"]
    await person.post(page, msisdn="so", area="xa")
    async with asyncio.timeout(60):
        while "Tải các dòng bị loại" not in (await person.get(page)).text:  # noqa: ASYNC110  an import in a thread
            await asyncio.sleep(0.05)
    assert "'=HYPERLINK" in (await person.get(f"{page}/rejected.csv")).text


async def test_a_form_without_its_token_is_refused_whatever_it_brings(app: Starlette, hall: Hall) -> None:
    person = await author(app)
    answer = await person.web.post("/uploads", files={"file": ("so.csv", b"so\n0961234567\n")}, data={"name": "x"})
    assert answer.status_code == 403
    assert await hall.scalar("SELECT count(*) FROM uploads") == 0
