"""Rehearsing from the page: refused where it cannot be, one at a time, with what the command said where it failed."""

from __future__ import annotations

import asyncio

import pytest
from starlette.applications import Starlette

from dispatcher.accounts import Role
from dispatcher.rehearsal_desk import RehearsalDesk, RehearsalDeskError
from tests.dispatcher.hall import EDITION, LAUNCH, Hall, june, numbers
from tests.dispatcher.web.people import said, signed_in


async def test_what_cannot_be_reviewed_is_not_rehearsed(hall: Hall, app: Starlette) -> None:
    await hall.add(june(LAUNCH))
    author = await signed_in(app, "nguyen.an", Role.AUTHOR)
    refused = await author.post(f"/campaigns/{EDITION}/rehearsal")
    assert (refused.status_code, "people" in said(refused)) == (409, True)
    assert app.state.rehearsals.of(1, EDITION) is None


async def test_another_organisation_is_told_who_rehearses_for_it(hall: Hall, app: Starlette) -> None:
    await hall.import_rows([[number] for number in numbers(3)])
    await hall.add(june(LAUNCH))
    assert "Chạy thử ngay" in said(
        await (await signed_in(app, "nguyen.an", Role.AUTHOR)).get(f"/campaigns/{EDITION}/rehearsal")
    )
    await hall.sql("INSERT INTO organisations (slug, name) VALUES ('ky-lua', 'Kỳ Lừa') RETURNING id")
    await hall.sql(
        "UPDATE campaigns SET organisation_id = (SELECT id FROM organisations WHERE slug = 'ky-lua') RETURNING 1"
    )
    elsewhere = await signed_in(app, "ly.hoa", Role.AUTHOR, organisation="ky-lua")
    assert "đơn vị đầu mối chạy giúp" in said(await elsewhere.post(f"/campaigns/{EDITION}/rehearsal"))


async def test_one_is_played_at_a_time_and_a_failure_is_told_in_the_commands_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object, app: Starlette
) -> None:
    monkeypatch.setenv("DISPATCHER_ENV_FILE", "")
    monkeypatch.setenv("DISPATCHER_ROUTES", f"{tmp_path}/none.toml")
    monkeypatch.setenv("DISPATCHER_FOLDER", f"{tmp_path}/nothing")
    desk: RehearsalDesk = app.state.rehearsals
    played = desk.begin(1, EDITION, "nguyen.an")
    with pytest.raises(RehearsalDeskError, match="đang chạy thử"):
        desk.begin(1, "another-2026", "nguyen.an")
    await asyncio.wait_for(played.ended.wait(), 90)
    assert played.problem
    assert desk.of(1, EDITION) is played
    assert desk.of(2, EDITION) is None


async def test_what_is_under_way_ends_with_the_server() -> None:
    desk = RehearsalDesk()
    played = desk.begin(1, EDITION, "nguyen.an")
    await asyncio.sleep(0)
    await desk.close()
    assert played.over
