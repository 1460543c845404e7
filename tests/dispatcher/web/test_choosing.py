"""Choosing whom a wave is for: counted before it is kept, kept in the definition, and never by what nobody may know."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette

from campaigns.campaign import Campaign, Wave
from dispatcher import control
from dispatcher.accounts import Role
from dispatcher.importing import Order, import_audience
from dispatcher.store import campaigns
from tests.dispatcher.hall import EDITION, Hall
from tests.dispatcher.web.people import Person, said, signed_in

PATH = f"/campaigns/{EDITION}/waves/launch"
ROSTER = """so;xa;nhom;nam sinh
0961000001;Phường Kỳ Lừa, Lạng Sơn;đoàn viên;2005
0961000002;Phường Kỳ Lừa, Lạng Sơn;nông dân;1970
0961000003;Phường Tam Thanh, Lạng Sơn;nông dân;1980
"""


@pytest.fixture
async def author(hall: Hall, app: Starlette) -> Person:
    """Somebody with a draft from the library, for three people of two wards."""
    path = hall.folder / "ba-con.csv"
    path.write_text(ROSTER, "utf-8")
    async with hall.runtime.pool.connection() as connection:
        await import_audience(connection, hall.runtime.keyring, Order(path, "ba-con", "an"), lambda _d, _t: None)
    person = await signed_in(app, "an", Role.AUTHOR)
    await person.post("/new", **{"from": "library:drug_prevention_june", "year": "2026", "owner": "CA Lang Son"})
    await person.post(f"/campaigns/{EDITION}/header", audience="ba-con")
    return person


async def kept(hall: Hall) -> Wave:
    async with hall.runtime.pool.connection() as connection:
        stored = await control.find(connection, EDITION)
        assert await campaigns.source(connection, stored.id)
        return Campaign.model_validate(stored.definition).wave("launch")


async def test_everybody_is_meant_until_somebody_is_chosen(author: Person) -> None:
    page = said(await author.get(PATH))
    assert "Lựa chọn này có 3 người nhận" in page
    assert "Phường Kỳ Lừa, Tỉnh Lạng Sơn" in page
    assert "đoàn viên" in page


async def test_a_choice_is_counted_first_and_then_kept(hall: Hall, author: Person) -> None:
    chosen = {"commune": "Phường Kỳ Lừa, Tỉnh Lạng Sơn", "group": "nông dân", "from": "30", "to": "60"}
    assert "Lựa chọn này có 1 người nhận" in said(await author.post(PATH, act="look", **chosen))
    assert (await kept(hall)).areas == ()
    assert (await author.post(PATH, **chosen)).headers["location"] == f"/campaigns/{EDITION}"
    wave = await kept(hall)
    assert (wave.areas, wave.groups, wave.ages) == (("Phường Kỳ Lừa, Tỉnh Lạng Sơn",), ("nông dân",), (30, 60))
    assert "tuổi: 30-60" in said(await author.get(f"/campaigns/{EDITION}"))
    await author.post(PATH, areas="Lạng Sơn")
    wave = await kept(hall)
    assert (wave.areas, wave.groups, wave.ages) == (("Lạng Sơn",), (), None)


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        ({"areas": "Na Sàm"}, "Na Sàm"),
        ({"groups": "người nghiện"}, "nghiện"),
        ({"from": "mười"}, "Tuổi"),
        ({"groups": "công nhân"}, "không có ai"),
    ],
)
async def test_whom_nobody_can_or_may_choose_is_told_and_nothing_is_kept(
    hall: Hall, author: Person, chosen: dict[str, str], told: str
) -> None:
    answer = await author.post(PATH, act="look", **chosen)
    assert answer.status_code == 409
    assert told in said(answer)
    assert (await kept(hall)).areas == ()
