"""Programs that take the log away: masked unless they may and say why, only their own organisation's, each time recorded."""

from __future__ import annotations

import asyncio
import hashlib
import re
from typing import Any

import pytest
from starlette.applications import Starlette

from dispatcher.accounts import Role
from dispatcher.web.rights import Action
from tests.dispatcher.hall import EDITION, Hall
from tests.dispatcher.web.programs import Program, program

ASKED = {"campaign": EDITION, "form": "csv"}
WHOLE = re.compile(rb"84\d{9}")


@pytest.fixture
async def auditor(hall: Hall, app: Starlette) -> Program:
    """A program of somebody who looks after five messages have been sent."""
    await hall.planned(5)
    await hall.send()
    return await program(app, "auditor", Role.AUDITOR)


async def over(who: Program, id_: str) -> dict[str, Any]:
    while True:
        told: dict[str, Any] = (await who.get(f"/exports/{id_}")).json()
        if told["over"]:
            return told
        await asyncio.sleep(0.02)


async def test_an_export_is_asked_for_watched_and_fetched_with_its_manifest(hall: Hall, auditor: Program) -> None:
    begun = await auditor.post("/exports", {**ASKED, "statuses": ["submitted", "delivered"]}, key="once")
    assert (begun.status_code, begun.json()["over"], begun.json()["file"]) == (202, False, None), begun.text
    assert (
        await auditor.post("/exports", {**ASKED, "statuses": ["submitted", "delivered"]}, key="once")
    ).json() == begun.json()
    told = await over(auditor, begun.json()["id"])
    assert (told["done"], told["total"], told["problem"], told["file"]) == (5, 5, None, f"{EDITION}.csv")
    file = await auditor.get(f"/exports/{told['id']}/file")
    assert file.headers["content-type"] == "application/octet-stream"
    assert file.content.count(EDITION.encode()) == 5
    assert not WHOLE.search(file.content)
    manifest = (await auditor.get(f"/exports/{told['id']}/manifest")).json()
    assert manifest["filters"] == {"campaign": EDITION, "statuses": ["submitted", "delivered"]}
    assert hashlib.sha256(file.content).hexdigest() in manifest.values()
    assert [one["id"] for one in (await auditor.get("/exports")).json()["items"]] == [told["id"]]
    assert await hall.scalar("SELECT count(*) FROM audit_trail WHERE act = 'log.export'") == 1


async def test_whole_numbers_are_exported_by_whoever_may_and_says_why(
    app: Starlette, hall: Hall, auditor: Program
) -> None:
    assert (await auditor.post("/exports", {**ASKED, "reveal": True})).status_code == 409
    begun = await auditor.post("/exports", {**ASKED, "reveal": True, "reason": "Đơn số 12"})
    await over(auditor, begun.json()["id"])
    assert len(WHOLE.findall((await auditor.get(f"/exports/{begun.json()['id']}/file")).content)) == 5
    acts = await hall.sql("SELECT act, detail ->> 'reason' AS reason FROM audit_trail WHERE act LIKE 'log.%'")
    assert [(row.act, row.reason) for row in acts] == [("log.reveal", "Đơn số 12")]
    masked = await program(app, "auditor", actions=(Action.EXPORT_LOG,))
    assert (await masked.post("/exports", {**ASKED, "reveal": True, "reason": "x"})).status_code == 403
    assert (await masked.get(f"/exports/{begun.json()['id']}/file")).status_code == 403
    assert (await masked.post("/exports", ASKED)).status_code == 202


async def test_another_organisations_programs_take_away_only_their_own(app: Starlette, auditor: Program) -> None:
    neighbour = await program(app, "neighbour", Role.AUDITOR, organisation="next-door")
    refused = await neighbour.post("/exports", ASKED)
    assert refused.status_code == 409
    assert f"Không có chiến dịch {EDITION}." in refused.json()["detail"]
    assert (await neighbour.post("/exports/sealed")).status_code == 403
    begun = await neighbour.post("/exports", {"form": "jsonl"})
    assert (await over(neighbour, begun.json()["id"]))["done"] == 0
    assert (await neighbour.get(f"/exports/{begun.json()['id']}/file")).content == b""
    assert (await auditor.get(f"/exports/{begun.json()['id']}/file")).status_code == 404
    assert (await auditor.get("/exports")).json()["items"] == []


async def test_the_sealed_log_is_exported_without_a_manifest(auditor: Program) -> None:
    begun = await auditor.post("/exports/sealed")
    told = await over(auditor, begun.json()["id"])
    assert (told["kind"], told["problem"]) == ("sealed", None)
    assert (await auditor.get(f"/exports/{told['id']}/file")).content[:2] == b"\x1f\x8b"
    assert (await auditor.get(f"/exports/{told['id']}/manifest")).status_code == 404
