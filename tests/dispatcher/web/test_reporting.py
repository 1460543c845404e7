"""A report that was made, looked at in the browser: its numbers, drawn, and in tables beside the pictures."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from starlette.applications import Starlette

from dispatcher.accounts import Role
from dispatcher.settings import Settings
from tests.dispatcher.hall import Hall, numbers
from tests.dispatcher.test_reports import NA_SAM, THUY_HUNG, made, sent
from tests.dispatcher.web.people import said, signed_in

DUTIES = Path(__file__).parents[3] / "reports.example.toml"


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    duties = tmp_path / "reports.toml"
    shutil.copy(DUTIES, duties)
    return settings.model_copy(update={"reports": duties})


PEOPLE = [(number, f"Xã {NA_SAM}") for number in numbers(12)] + [(n, f"Xã {THUY_HUNG}") for n in numbers(11, "091")]


async def test_a_report_that_was_made_is_drawn_with_tables_beside(hall: Hall, app: Starlette) -> None:
    await sent(hall, PEOPLE, arrived=20)
    await made(hall)
    observer = await signed_in(app, "le.cuong", Role.COORDINATOR)
    listed = (await observer.get("/reports")).text
    assert 'href="/reports/1"' in listed
    page = await observer.get("/reports/1")
    shown = said(page)
    assert "23 tin nhà mạng đã nhận 20 tin đã tới máy" in shown
    assert "Theo tháng" in shown
    assert "06/2026 23 20" in shown
    assert page.text.count('<svg class="chart"') == 3
    for name in (NA_SAM, THUY_HUNG, "Viettel"):
        assert name in shown


async def test_a_report_that_is_none_or_not_ones_own_is_missing(hall: Hall, app: Starlette) -> None:
    await sent(hall, PEOPLE, arrived=20)
    await made(hall)
    here = await signed_in(app, "le.cuong", Role.COORDINATOR)
    elsewhere = await signed_in(app, "ly.hoa", Role.COORDINATOR, organisation="ky-lua")
    assert [(await here.get(f"/reports/{name}")).status_code for name in ("2", "x", "9" * 30)] == [404, 404, 404]
    assert (await elsewhere.get("/reports/1")).status_code == 404
