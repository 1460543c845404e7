"""A carrier's list beside our log: what agrees, and every difference by itself."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from campaigns.msisdn import mask
from dispatcher import reconciling
from dispatcher.reconciling import WORDS, Bill, Reconciled, ReconcilingError
from dispatcher.rosters import RosterError
from tests.dispatcher.hall import SENDER, Hall, numbers

HEADS = ("STT", "SĐT", "Mã tin", "Thời gian gửi", "Brandname", "Số tin", "Trạng thái")
REFERENCE, WHEN, BRANDNAME, SEGMENTS, STATUS = 2, 3, 4, 5, 6
PEOPLE = 8
Lines = list[list[str]]


@dataclass
class Desk:
    """After a wave to a few people over the route `main`, with the list that an honest carrier would give."""

    hall: Hall
    lines: Lines

    async def reconcile(self, file: Path | None = None, **asked: Any) -> tuple[Reconciled, list[dict[str, str]]]:
        """What was found, and the rows of the file that lists it."""
        output = self.hall.folder / "khac-biet.csv"
        bill = Bill(file or self.csv(), "main", SENDER, asked.pop("mapping", {}), **asked)
        async with self.hall.runtime.pool.connection() as connection:
            done = await reconciling.reconcile(
                connection, self.hall.runtime.keyring, bill, output, "an", lambda _done, _total: None
            )
        if done.written is None:
            return done, []
        with output.open(encoding="utf-8-sig", newline="") as file_:
            return done, list(csv.DictReader(file_))

    def csv(self, heads: Iterable[str] = HEADS) -> Path:
        path = self.hall.folder / "nha-mang.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, delimiter=";").writerows([heads, *self.lines])
        return path


@pytest.fixture
async def desk(hall: Hall) -> Desk:
    await hall.planned(PEOPLE)
    await hall.send()
    rows = await hall.sql(
        "SELECT a.reference, a.segments, m.msisdn_hash,"
        " to_char(a.ended_at AT TIME ZONE 'Asia/Ho_Chi_Minh', 'DD/MM/YYYY HH24:MI:SS') AS at"
        " FROM attempts a JOIN messages m ON m.id = a.message_id ORDER BY a.id"
    )
    known = {hall.runtime.keyring.hash(f"84{n[1:]}"): n for n in numbers(PEOPLE)}
    return Desk(
        hall,
        [
            [str(at), known[bytes(r.msisdn_hash)], r.reference, r.at, SENDER, str(r.segments), "Thành công"]
            for at, r in enumerate(rows, 1)
        ],
    )


async def test_an_honest_list_agrees_and_its_columns_are_recognised(desk: Desk) -> None:
    done, listed = await desk.reconcile()
    assert (done.agreed, done.differences, listed) == (True, {}, [])
    assert set(done.mapping) == set(reconciling.BILL)
    (day,) = done.days
    assert (day.brandname, day.ours, day.theirs) == (SENDER, PEOPLE, PEOPLE)
    assert (day.our_segments == day.their_segments, done.starts == day.day == done.ends) == (True, True)
    (act,) = await desk.hall.sql("SELECT subject, detail FROM audit_trail WHERE act = 'route.reconcile'")
    assert (act.subject, act.detail["differences"]) == ("main", {})


async def test_a_workbook_is_read_like_a_text_file(desk: Desk) -> None:
    path = desk.hall.folder / "nha-mang.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        for place, line in enumerate([["Bảng kê tháng 6"], list(HEADS), *desk.lines]):
            sheet.write_row(place, 0, line)
    assert (await desk.reconcile(path))[0].agreed


async def test_without_references_people_are_matched_in_the_order_of_days(desk: Desk) -> None:
    for line in desk.lines:
        line[REFERENCE] = ""
    desk.lines.reverse()
    assert (await desk.reconcile())[0].differences == {}


async def test_what_only_one_side_has_is_told_with_its_line_or_its_message(desk: Desk) -> None:
    gone = desk.lines.pop(3)
    desk.lines.append(["99", "0911111111", "unknown-1", desk.lines[0][WHEN], SENDER, "1", ""])
    done, listed = await desk.reconcile()
    assert (done.agreed, done.differences) == (False, {"theirs_only": 1, "ours_only": 1})
    ours, theirs = listed
    assert (ours["khác biệt"], ours["số"], ours["mã của nhà mạng"]) == (
        WORDS["ours_only"],
        mask(f"84{gone[1][1:]}"),
        gone[REFERENCE],
    )
    assert (theirs["khác biệt"], theirs["dòng trong tệp"], theirs["mã của nhà mạng"]) == (
        WORDS["theirs_only"],
        "9",
        "unknown-1",
    )


@pytest.mark.parametrize(
    ("column", "value", "kind"),
    [
        (SEGMENTS, "7", "segments"),
        (BRANDNAME, "KHAC", "brandname"),
        (WHEN, "25/05/2026 08:00:00", "day"),
        (1, "0911111111", "number"),
    ],
)
async def test_a_message_that_both_have_may_differ_in_one_thing(desk: Desk, column: int, value: str, kind: str) -> None:
    desk.lines[2][column] = value
    done, (told,) = await desk.reconcile(ends=date(2026, 6, 30))
    assert (done.differences, told["dòng trong tệp"]) == ({kind: 1}, "4")


async def test_a_message_that_is_billed_twice_is_told_once(desk: Desk) -> None:
    desk.lines.append(desk.lines[0])
    done, (told,) = await desk.reconcile()
    assert (done.differences, told["dòng trong tệp"]) == ({"twice": 1}, "2")


async def test_results_that_contradict_each_other_are_told_and_unknown_words_are_not(desk: Desk) -> None:
    await desk.hall.fold()
    await desk.hall.sql("UPDATE stored_messages SET status = 'delivered'")
    for line, status in zip(desk.lines, ("Thất bại", "Failed", "chưa rõ", "Delivered"), strict=False):
        line[STATUS] = status
    assert (await desk.reconcile())[0].differences == {"status": 2}


async def test_parts_that_are_listed_one_by_one_make_one_message(desk: Desk) -> None:
    (first,) = await desk.hall.sql("SELECT message_id, reference FROM attempts ORDER BY id LIMIT 1")
    await desk.hall.sql(
        "INSERT INTO message_parts VALUES (%s, 'main', 'part-2'), (%s, 'main', 'part-3')", *[first.message_id] * 2
    )
    await desk.hall.sql("ALTER TABLE attempts DISABLE TRIGGER append_only")
    await desk.hall.sql("UPDATE attempts SET segments = 3 WHERE message_id = %s", first.message_id)
    desk.lines += [[f"9{n}", desk.lines[0][1], f"part-{n}", desk.lines[0][WHEN], SENDER, "1", ""] for n in (2, 3)]
    assert (await desk.reconcile())[0].differences == {}


async def test_a_doubt_that_the_list_settles_is_told_and_is_no_quarrel(desk: Desk) -> None:
    await desk.hall.sql("ALTER TABLE attempts DISABLE TRIGGER append_only")
    await desk.hall.sql(
        "UPDATE attempts SET outcome = 'uncertain' WHERE id IN (SELECT id FROM attempts ORDER BY id LIMIT 2)"
    )
    desk.lines.pop(0)
    done, _ = await desk.reconcile()
    assert (done.agreed, done.differences) == (True, {"in_doubt": 1, "found": 1})


async def test_another_route_and_other_days_are_left_out(desk: Desk) -> None:
    done, _ = await desk.reconcile(starts=date(2026, 7, 1), ends=date(2026, 7, 2))
    assert done.differences == {"theirs_only": PEOPLE}


async def test_names_of_columns_may_be_given(desk: Desk) -> None:
    path = desk.csv(("A", "Thuê bao nhận", "B", "C", "D", "E", "F"))
    with pytest.raises(ReconcilingError, match="không có cột ngày"):
        await desk.reconcile(path, mapping={"msisdn": "Thuê bao nhận"})
    done, _ = await desk.reconcile(
        path, mapping={"msisdn": "Thuê bao nhận", "day": "C", "reference": "B", "segments": "E"}
    )
    assert done.agreed
    with pytest.raises(RosterError, match="không có trường này"):
        await desk.reconcile(path, mapping={"group": "A"})


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("01/06/2026 07:30:00", date(2026, 6, 1)),
        ("07:30 1/6/2026", date(2026, 6, 1)),
        ("2026-06-01T07:30:00", date(2026, 6, 1)),
        ("1-6-2026", date(2026, 6, 1)),
        ("hôm qua", None),
        ("99/99/2026", None),
        ("", None),
    ],
)
def test_days_as_carriers_write_them(written: str, day: date | None) -> None:
    frame = reconciling.pl.DataFrame({"day": [written]}).select(reconciling._day(reconciling.pl.col("day")))
    assert frame["day"].to_list() == [day]
