"""What there is at a glance: first steps, the year with its deadlines, the outlook of what runs, and where no page is."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from starlette.applications import Starlette

from dispatcher.accounts import Role
from dispatcher.settings import Settings
from tests.dispatcher.hall import DISGUISED, EDITION, LAUNCH, NATIONAL_DAY, Hall, june, numbers
from tests.dispatcher.web.people import browser, said, signed_in

DUTIES = Path(__file__).parents[3] / "reports.example.toml"


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    """An office that has reports to hand in."""
    duties = tmp_path / "reports.toml"
    shutil.copy(DUTIES, duties)
    return settings.model_copy(update={"reports": duties})


async def test_a_new_author_is_told_the_first_steps(app: Starlette) -> None:
    author = await signed_in(app, "nguyen.an", Role.AUTHOR)
    assert "Nhập danh sách số: tệp XLSX hoặc CSV" in said(await author.get("/"))


async def test_the_year_has_the_days_on_which_reports_are_due(app: Starlette) -> None:
    author = await signed_in(app, "nguyen.an", Role.AUTHOR)
    year = said(await author.get("/calendar?year=2026"))
    assert "Hạn báo cáo 14/06" in year
    assert "Kết quả tuyên truyền phòng, chống ma túy 6 tháng đầu năm 2026" in year


async def test_an_observer_and_another_organisation_see_no_deadlines(app: Starlette) -> None:
    observer = await signed_in(app, "le.quan", Role.OBSERVER)
    elsewhere = await signed_in(app, "ly.hoa", Role.AUTHOR, organisation="ky-lua")
    for person in (observer, elsewhere):
        assert "Hạn báo cáo" not in said(await person.get("/calendar?year=2026"))


async def test_a_coordinator_finds_overdue_reports_on_todays_page(app: Starlette) -> None:
    coordinator = await signed_in(app, "le.cuong", Role.COORDINATOR)
    assert "Báo cáo sắp đến hạn" in said(await coordinator.get("/"))


async def test_an_occasion_of_the_calendar_chooses_its_campaign(app: Starlette) -> None:
    author = await signed_in(app, "nguyen.an", Role.AUTHOR)
    page = (await author.get("/new?occasion=drug-action-month")).text
    assert 'value="library:drug_prevention_june" required checked' in page
    assert page.count(" checked") == 1


async def test_what_runs_says_when_it_will_be_out(hall: Hall, app: Starlette) -> None:
    await hall.planned(3)
    observer = await signed_in(app, "le.quan", Role.OBSERVER)
    page = said(await observer.get(f"/campaigns/{EDITION}/forecast"))
    assert "Tin cuối cùng đi lúc" in page
    assert "Phát động Tháng hành động" in page


async def test_the_page_of_a_stop_names_the_waves_whose_time_has_not_come(hall: Hall, app: Starlette) -> None:
    await hall.planned(3, LAUNCH, DISGUISED, NATIONAL_DAY)
    coordinator = await signed_in(app, "le.cuong", Role.COORDINATOR)
    assert "2 đợt chưa tới giờ, sẽ không gửi" in said(await coordinator.get(f"/campaigns/{EDITION}/cancel"))
    assert "2 đợt chưa tới giờ cũng dừng theo" in said(await coordinator.get(f"/campaigns/{EDITION}/live"))


async def test_whoever_is_signed_in_keeps_the_way_around_where_no_page_is(app: Starlette) -> None:
    author = await signed_in(app, "nguyen.an", Role.AUTHOR)
    missing = await author.get("/nothing/here")
    assert (missing.status_code, 'aria-current="page"' in missing.text) == (404, False)
    assert 'href="/campaigns"' in missing.text
    assert 'href="/campaigns"' not in (await browser(app).get("/nothing/here")).text


async def test_approvers_find_first_what_was_put_up_and_coordinators_start_from_their_page(
    hall: Hall, app: Starlette
) -> None:
    await hall.import_rows([[number] for number in numbers(3)])
    await hall.add(june(LAUNCH))
    author = await signed_in(app, "nguyen.an", Role.AUTHOR)
    approver = await signed_in(app, "tran.binh", Role.APPROVER)
    assert "Bản nháp chưa trình" in said(await approver.get("/"))
    assert (await author.post(f"/campaigns/{EDITION}/propose")).status_code == 303
    page = said(await approver.get("/"))
    assert "Chờ duyệt" in page
    assert "trình duyệt: nguyen.an" in page
    assert "nguyen.an đã trình duyệt" in said(await author.get(f"/campaigns/{EDITION}"))
    await hall.approve()
    coordinator = await signed_in(app, "le.cuong", Role.COORDINATOR)
    assert f'action="/campaigns/{EDITION}/start"' in (await coordinator.get("/")).text
