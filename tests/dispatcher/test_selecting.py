"""A wave to some of an audience: by place, zone, group, age and language, fixed when it is approved."""

from __future__ import annotations

import datetime
from collections import defaultdict
from pathlib import Path

import pytest

from campaigns import definition
from campaigns.problems import DefinitionError
from dispatcher import expansion, gazetteer, importing
from dispatcher.importing import Order
from dispatcher.rosters import RosterError
from dispatcher.selecting import SelectionError
from dispatcher.store import tags
from tests.dispatcher.hall import AUTHOR, EDITION, Hall, june

HEADER = "SĐT;Xã;Nhóm;Năm sinh;Tiếng\n"
PEOPLE = {
    "1": "0961000001;Na Sầm;Đoàn viên;2005;",
    "2": "0961000002;Na Sầm;công nhân;1980;Tày",
    "3": "0961000003;Thất Khê;học sinh;2010;Nùng",
    "4": "0961000004;Kỳ Lừa;Trưởng thôn;1960;",
    "5": "0961000005;;thanh niên;;Tày",
}
MAY = datetime.date(2026, 5, 1)


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


async def take_in(hall: Hall, text: str, name: str = "people") -> importing.Imported:
    path = write(hall.folder / "people.csv", text)
    async with hall.runtime.pool.connection() as connection:
        order = Order(path, name, AUTHOR, province="20")
        return await importing.import_audience(connection, hall.runtime.keyring, order, lambda _done, _total: None)


async def approved(hall: Hall, *choices: dict[str, object]) -> None:
    """A campaign with a wave for each choice."""
    await hall.rehearse()
    await take_in(hall, HEADER + "\n".join(PEOPLE.values()))
    campaign = june()
    waves = [campaign.waves[0].model_copy(update={"slug": f"wave-{place}", **who}) for place, who in enumerate(choices)]
    await hall.add(campaign.model_copy(update={"waves": tuple(waves)}))
    await hall.approve()


async def planned(hall: Hall) -> dict[str, set[str]]:
    """wave -> the people of `PEOPLE` that it has messages for."""
    await hall.start()
    for wave in await hall.open_waves():
        await expansion.expand(hall.runtime, wave)
    known = {hall.runtime.keyring.hash(f"8496100000{n}"): n for n in PEOPLE}
    found: dict[str, set[str]] = defaultdict(set)
    for row in await hall.sql("SELECT slug, msisdn_hash FROM messages JOIN waves ON waves.id = wave_id"):
        found[row.slug].add(known[bytes(row.msisdn_hash)])
    return dict(found)


CHOICES: tuple[tuple[dict[str, object], str], ...] = (
    ({}, "12345"),
    ({"areas": ("Na Sầm, Lạng Sơn",)}, "12"),
    ({"areas": ("Lạng Sơn",)}, "1234"),
    ({"groups": ("youth",)}, "15"),
    ({"groups": ("thanh niên", "học sinh, sinh viên")}, "135"),
    ({"groups": ("người có uy tín, trưởng thôn",)}, "4"),
    ({"ages": (16, 30)}, "13"),
    ({"speakers": ("tyz",)}, "25"),
    ({"speakers": ("vi",)}, "14"),
    ({"areas": ("Lạng Sơn",), "groups": ("công nhân",), "ages": (40, 60), "speakers": ("tyz",)}, "2"),
)


async def test_a_wave_goes_to_those_it_asks_for(hall: Hall) -> None:
    await approved(hall, *(who for who, _ in CHOICES))
    assert await planned(hall) == {f"wave-{place}": set(people) for place, (_, people) in enumerate(CHOICES)}


async def tag(hall: Hall, code: str, zone: str = "biên giới") -> int:
    async with hall.runtime.pool.connection() as connection:
        return await gazetteer.tag(connection, {code}, zone, MAY, "QĐ 1", AUTHOR)


async def test_a_zone_is_what_it_was_when_the_wave_was_approved(hall: Hall) -> None:
    assert await tag(hall, "06124") == 1
    assert await tag(hall, "06124") == 0
    await approved(hall, {"zones": ("Biên giới",)})
    await tag(hall, "06001")
    assert await planned(hall) == {"wave-0": {"1", "2"}}


async def test_a_zone_that_has_ended_is_none_and_stays_on_record(hall: Hall) -> None:
    await tag(hall, "06124")
    async with hall.runtime.pool.connection() as connection:
        assert await gazetteer.end(connection, {"06124"}, "bien gioi", datetime.date(2026, 5, 20), AUTHOR) == 1
        assert await tags.in_zones(connection, ["border"], datetime.date(2026, 5, 20)) == {"06124"}
        assert await tags.in_zones(connection, ["border"], datetime.date(2026, 5, 21)) == set()
        assert [found.valid_to for found in await tags.listing(connection)] == [datetime.date(2026, 5, 20)]
    with pytest.raises(SelectionError, match="vùng: biên giới"):
        await approved(hall, {"zones": ("biên giới",)})


async def test_a_wave_to_nobody_is_not_approved(hall: Hall) -> None:
    with pytest.raises(SelectionError, match="Đợt wave-0: không có ai"):
        await approved(hall, {"areas": ("Cà Mau",)})
    assert await hall.scalar("SELECT status::text FROM campaigns WHERE edition = %s", EDITION) == "draft"


async def test_the_choice_is_part_of_what_was_approved(hall: Hall) -> None:
    await approved(hall, {"areas": ("Na Sầm, Lạng Sơn",)})
    await hall.sql("UPDATE waves SET selection = NULL")
    with pytest.raises(Exception, match="cần duyệt lại"):
        await hall.start()


async def test_an_office_s_own_name_for_a_commune_is_used_by_imports(hall: Hall) -> None:
    before = await take_in(hall, "SĐT;Xã\n0961000001;Xã Cũ Nào Đó\n")
    async with hall.runtime.pool.connection() as connection:
        area = importing.places.areas()["06124"]
        await gazetteer.alias(connection, "xã Cũ Nào Đó", area, "NQ 1672", AUTHOR)
    after = await take_in(hall, "SĐT;Xã\n0961000001;cu nao do\n")
    assert (before.unknown_areas, after.unknown_areas) == ({"Xã Cũ Nào Đó": 1}, {})
    assert await hall.scalar("SELECT area_code FROM audience_members ORDER BY audience_id DESC") == "06124"


async def test_a_name_that_several_communes_bear_is_told_with_the_choice(hall: Hall) -> None:
    path = write(hall.folder / "two.csv", "SĐT;Xã\n0961000001;Tân Tiến\n")
    async with hall.runtime.pool.connection() as connection:
        order = Order(path, "two", AUTHOR)
        found = await importing.import_audience(connection, hall.runtime.keyring, order, lambda _done, _total: None)
    assert "06019 Xã Tân Tiến, Tỉnh Lạng Sơn" in found.ambiguous_areas["Tân Tiến"]


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        ("SĐT;Tình trạng nghiện\n0961000001;x\n", "people", "cột “Tình trạng nghiện”"),
        ("SDT;Nhiem HIV\n0961000001;x\n", "people", "Điều 9"),
        ("SĐT;Tiền án\n0961000001;x\n", "people", "91/2025/QH15"),
        ("SĐT;Nhóm\n0961000001;công nhân\n0961000002;nguoi nghien\n", "people", "Dòng 3: nhóm “nguoi nghien”"),
        ("SĐT\n0961000001\n", "benh nhan", "Tên nhóm “benh nhan”"),
    ],
)
async def test_a_roster_by_health_addiction_or_crime_is_refused(hall: Hall, text: str, name: str, words: str) -> None:
    with pytest.raises(RosterError, match=words):
        await take_in(hall, text, name)


async def test_a_network_that_a_carrier_proved_survives_the_next_import(hall: Hall) -> None:
    await take_in(hall, "SĐT\n0961000001\n")
    await hall.sql("UPDATE recipients SET network = 'vinaphone', network_learned_at = dispatcher_now()")
    await take_in(hall, "SĐT\n0961000001\n")
    assert await hall.scalar("SELECT network FROM recipients") == "vinaphone"


async def test_a_preview_shows_the_columns_and_stores_nothing(hall: Hall) -> None:
    path = write(hall.folder / "seen.csv", "Danh sách;\nSố ĐT;Phường xã\n0961000001;Na Sầm\nx;\n")
    seen = importing.preview(Order(path, "people", AUTHOR, province="20"))
    assert seen.mapping == {"msisdn": "Số ĐT", "area": "Phường xã"}
    assert seen.samples[0] == {"row": "3", "msisdn": "0961***001", "area": "Na Sầm"}
    assert (seen.first.lines, seen.first.good, seen.first.rejected) == (2, 1, 1)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('areas = ["Tân Tiến"]', "8 nơi"),
        ('areas = ["Hải Dương cũ"]', "hai tỉnh cũ"),
        ('groups = ["người nghiện"]', "91/2025/QH15"),
        ("ages = [30, 16]", "không phải khoảng tuổi"),
        ('speakers = "tyz"', "phải là danh sách"),
    ],
)
def test_a_wrong_choice_in_a_definition_is_explained(line: str, words: str) -> None:
    text = definition.library_path("drug_prevention_june").read_text("utf-8")
    with pytest.raises(DefinitionError, match=words):
        definition.parse(text.replace("[[wave]]\n", f"[[wave]]\n{line}\n", 1), "june.toml", year=2026)


def test_a_choice_in_a_definition_is_read() -> None:
    text = definition.library_path("drug_prevention_june").read_text("utf-8")
    asked = (
        'areas = ["Đắk Nông cũ"]\nzones = ["biên giới"]\ngroups = ["thanh niên"]\nages = [16, 30]\nspeakers = ["tyz"]\n'
    )
    wave = definition.parse(text.replace("[[wave]]\n", f"[[wave]]\n{asked}", 1), "june.toml", year=2026).waves[0]
    assert (wave.areas, wave.zones, wave.groups) == (("Đắk Nông cũ",), ("biên giới",), ("thanh niên",))
    assert (wave.ages, wave.speakers) == ((16, 30), ("tyz",))
