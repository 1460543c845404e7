"""The auditor's long works: exports with progress, seals verified, checkpoints taken away, reports made."""

from __future__ import annotations

import asyncio
import re
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from starlette.applications import Starlette

from dispatcher import sealing, verify_log
from dispatcher.accounts import Role
from dispatcher.runtime import Addresses
from dispatcher.settings import Settings
from dispatcher.signing import open_signing_key
from dispatcher.web.app import new_app
from tests.dispatcher.hall import EDITION, Hall
from tests.dispatcher.web.people import Person, said, signed_in

DUTIES = Path(__file__).parents[3] / "reports.example.toml"


@pytest.fixture
async def auditor(hall: Hall, app: Starlette) -> Person:
    """Somebody who looks after five messages have been sent."""
    await hall.planned(5)
    await hall.send()
    return await signed_in(app, "auditor", Role.AUDITOR)


async def over(person: Person, address: str) -> str:
    """The page of a work, once that is over."""
    while True:
        page = await person.get(address)
        if "<progress" not in page.text:
            return page.text
        await asyncio.sleep(0.05)


async def test_a_campaigns_log_is_exported_masked_and_whole_only_with_a_reason(hall: Hall, auditor: Person) -> None:
    asked = {"what": "log", "campaign": EDITION, "form": "csv"}
    begun = await auditor.post("/exports", **asked)
    address = begun.headers["location"]
    assert "Tải tệp" in await over(auditor, address)
    masked = (await auditor.get(f"{address}/file")).content.decode("utf-8-sig")
    assert masked.count(EDITION) == 5
    assert not re.search(r"84\d{9}", masked)
    refused = await auditor.post("/exports", **asked, reveal="1")
    assert (refused.status_code, "lý do" in said(refused)) == (409, True)
    begun = await auditor.post("/exports", **asked, reveal="1", reason="Đơn số 12")
    await over(auditor, begun.headers["location"])
    whole = (await auditor.get(f"{begun.headers['location']}/file")).content.decode("utf-8-sig")
    assert len(re.findall(r"84\d{9}", whole)) == 5
    acts = await hall.sql(
        "SELECT act, detail ->> 'reason' AS reason FROM audit_trail WHERE subject = %s ORDER BY id", EDITION
    )
    assert [(row.act, row.reason) for row in acts[-2:]] == [("log.export", ""), ("log.reveal", "Đơn số 12")]


async def test_the_sealed_log_a_checkpoint_and_the_key_are_enough_for_an_outsider(hall: Hall, auditor: Person) -> None:
    checkpoint, key = hall.folder / "diem.txt", hall.folder / "diem.txt.pub"
    checkpoint.write_bytes((await auditor.post("/seals/checkpoint")).content)
    key.write_bytes((await auditor.get("/seals/key")).content)
    begun = await auditor.post("/exports", what="sealed")
    await over(auditor, begun.headers["location"])
    export = hall.folder / "nhat-ky.jsonl.gz"
    export.write_bytes((await auditor.get(f"{begun.headers['location']}/file")).content)
    chain, _end = verify_log.verify(export, checkpoint, key)
    assert chain.whole
    assert chain.rows > 5


async def test_a_line_that_was_changed_is_found_from_the_page(hall: Hall, auditor: Person) -> None:
    key = open_signing_key(hall.runtime.settings.signing_path, create=True)
    await sealing.seal_all(hall.runtime.pool, key)
    begun = await auditor.post("/seals/verify")
    assert "Nhật ký nguyên vẹn." in await over(auditor, begun.headers["location"])
    await hall.sql("ALTER TABLE attempts DISABLE TRIGGER ALL")
    await hall.sql("UPDATE attempts SET route = 'other' WHERE id = (SELECT min(id) FROM attempts)")
    begun = await auditor.post("/seals/verify")
    assert "Nhật ký KHÔNG nguyên vẹn." in await over(auditor, begun.headers["location"])
    assert "KHÔNG nguyên vẹn" in said(await auditor.get("/seals"))


async def test_another_organisations_auditor_takes_away_only_its_own(app: Starlette, auditor: Person) -> None:
    begun = await auditor.post("/exports", what="log", campaign=EDITION, form="jsonl")
    await over(auditor, begun.headers["location"])
    neighbour = await signed_in(app, "neighbour", Role.AUDITOR, organisation="next-door")
    assert (await neighbour.get(f"{begun.headers['location']}/file")).status_code == 404
    assert EDITION not in (await neighbour.get("/exports")).text
    for asked in ({"what": "sealed"}, {"what": "log", "campaign": EDITION, "form": "csv"}):
        assert (await neighbour.post("/exports", **asked)).status_code == 409
    assert (await neighbour.post("/reports", slug="x", year="2026")).status_code == 409


async def test_reports_that_are_due_are_listed_and_made(settings: Settings, addresses: Addresses, hall: Hall) -> None:
    app = new_app(settings.model_copy(update={"reports": DUTIES}), addresses)
    async with app.router.lifespan_context(app):
        auditor = await signed_in(app, "auditor", Role.AUDITOR)
        page = (await auditor.get("/reports")).text
        slug, year = (re.search(f'name="{name}" value="([^"]+)"', page) for name in ("slug", "year"))
        assert slug
        assert year
        made = await auditor.post("/reports", slug=slug[1], year=year[1])
        with zipfile.ZipFile(BytesIO(made.content)) as papers:
            assert papers.namelist() == [f"{slug[1]}-{year[1]}.docx", f"{slug[1]}-{year[1]}-phu-luc.xlsx"]
        assert "Đã lập" in said(await auditor.get("/reports"))
        assert (await auditor.post("/reports", slug="nothing", year=year[1])).status_code == 409
