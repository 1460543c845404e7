"""A carrier's invoice or delivery list beside our log: by route, brandname and day, and every difference by itself."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from types import MappingProxyType

import polars as pl

from campaigns import msisdn
from campaigns.calendar import VIETNAM
from campaigns.text import plain
from dispatcher import rosters
from dispatcher.errors import UserError
from dispatcher.keyring import Keyring
from dispatcher.rosters import FIELDS, Fields, Roster
from dispatcher.spreadsheet import Sheet
from dispatcher.store import audit, bills
from dispatcher.store.bills import DayTotal, Difference
from dispatcher.store.database import Connection

PAGE = 10_000
# How the columns of such lists are named, beside the number.
BILL: Fields = MappingProxyType(
    {
        "msisdn": (*FIELDS["msisdn"], "so nhan", "so nguoi nhan", "nguoi nhan", "receiver", "destination", "dest", "to"),
        "reference": ("ma tin", "ma tin nhan", "ma giao dich", "sms id", "smsid", "message id", "msg id", "reference",
                      "transaction id", "request id"),
        "day": ("thoi gian gui", "ngay gui", "thoi gian", "ngay gio", "ngay", "sent at", "sent time", "send time", "submit time",
                "time", "date"),
        "brandname": ("brandname", "ten hien thi", "nguoi gui", "dau so", "sender", "from"),
        "segments": ("so ban tin", "so tin", "so phan tin", "so phan", "so mt", "so sms", "so luong",
                     "parts", "segments", "sms count"),
        "status": ("trang thai", "ket qua", "tinh trang", "status", "dlr", "result"),
    }
)  # fmt: skip
DELIVERED = ("delivered", "delivrd", "da toi may", "da nhan", "da giao", "gui thanh cong", "thanh cong", "success")
UNDELIVERED = (
    "undelivered",
    "undeliv",
    "that bai",
    "gui that bai",
    "khong thanh cong",
    "failed",
    "fail",
    "rejected",
    "expired",
    "loi",
)
WORDS = {
    "theirs_only": "chỉ nhà mạng có",
    "ours_only": "chỉ nhật ký có (nhà mạng đã nhận)",
    "in_doubt": "nhật ký chưa rõ kết quả, nhà mạng không có",
    "found": "nhật ký chưa rõ kết quả, nhà mạng có",
    "twice": "nhà mạng tính hai lần",
    "segments": "số phần tin khác nhau",
    "number": "số điện thoại khác nhau",
    "brandname": "tên hiển thị khác nhau",
    "day": "lệch ngày",
    "status": "kết quả khác nhau",
}
# What is told for people to know, and is no quarrel with the carrier.
HARMLESS = frozenset({"in_doubt", "found"})
HEADER = ("khác biệt", "dòng trong tệp", "mã tin", "số", "ngày (nhật ký)", "ngày (nhà mạng)", "phần tin (nhật ký)",
          "phần tin (nhà mạng)", "trạng thái", "mã của nhà mạng")  # fmt: skip

Progress = Callable[[float, float], None]


class ReconcilingError(UserError):
    """A list that cannot be compared."""


@dataclass(frozen=True, slots=True)
class Bill:
    """A carrier's list about one route. `starts`, `ends`: without them, the days that the list names."""

    path: Path
    route: str
    sender: str
    mapping: Mapping[str, str]
    sheet: str | None = None
    starts: date | None = None
    ends: date | None = None


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What was compared, the totals by day, how many differences of each kind, and the file that lists them."""

    starts: date
    ends: date
    mapping: dict[str, str]
    days: list[DayTotal]
    differences: dict[str, int]
    written: Path | None

    @property
    def agreed(self) -> bool:
        return not self.differences.keys() - HARMLESS


async def reconcile(
    connection: Connection, keyring: Keyring, bill: Bill, output: Path, by: str, progress: Progress
) -> Reconciled:
    """Compare, set-based and in flat memory, in the caller's transaction. Raises `RosterError`, `ReconcilingError`."""
    roster = rosters.read(bill.path, bill.mapping, sheet=bill.sheet, fields=BILL)
    await bills.stage(connection)
    for chunk in roster:
        await bills.put(connection, await asyncio.to_thread(_lines, chunk.frame, keyring))
        progress(chunk.position, roster.total_hint)
    starts, ends = await _period(connection, bill, roster)
    await bills.compare(connection, bill.route, *_bounds(starts, ends))
    counts: Counter[str] = Counter()
    with closing(Sheet(output, HEADER)) as sheet:
        async for page in bills.differences(connection, bill.sender, PAGE):
            counts.update(difference.kind for difference in page)
            sheet.write(_row(difference, keyring) for difference in page)
    days = await bills.by_day(connection, bill.sender)
    detail = {"file": bill.path.name, "sha256": _sha256(bill.path), "from": str(starts), "to": str(ends)}
    await audit.record(connection, by, "route.reconcile", bill.route, **detail, differences=dict(counts))
    return Reconciled(starts, ends, roster.mapping, days, dict(counts), sheet.written)


async def _period(connection: Connection, bill: Bill, roster: Roster) -> tuple[date, date]:
    first, last = await bills.days(connection)
    starts, ends = bill.starts or first, bill.ends or last
    if starts is None or ends is None:
        raise ReconcilingError(
            f"{roster.path.name}: không có cột ngày gửi đọc được; ghi --from và --to, hoặc --map day=CỘT."
        )
    if starts > ends:
        raise ReconcilingError(f"Ngày bắt đầu {starts:%d/%m/%Y} sau ngày kết thúc {ends:%d/%m/%Y}.")
    return starts, ends


def _bounds(starts: date, ends: date) -> tuple[datetime, datetime]:
    after = ends + timedelta(days=1)
    return datetime.combine(starts, time(), VIETNAM), datetime.combine(after, time(), VIETNAM)


def _lines(frame: pl.DataFrame, keyring: Keyring) -> bytes:
    """A chunk of the list as CSV for the database: numbers hashed, days, counts and results read as best they can be."""
    whole = frame.with_columns(pl.lit(None, pl.String).alias(name) for name in BILL if name not in frame.columns)
    read = whole.select(
        "row",
        _hashes(whole["msisdn"], keyring),
        pl.col("reference").str.strip_chars().replace("", None),
        _day(pl.col("day").str.strip_chars()),
        pl.col("brandname").str.strip_chars().replace("", None),
        pl.col("segments").str.strip_chars().cast(pl.Float64, strict=False).cast(pl.Int32, strict=False),
        pl.col("status").map_elements(_delivered, return_dtype=pl.Boolean),
    )
    return read.write_csv(include_header=False).encode()


def _hashes(cells: pl.Series, keyring: Keyring) -> pl.Series:
    """The keyed hash of each cell's first number, as PostgreSQL reads it."""
    found = msisdn.normalise_column(cells).filter(pl.col("msisdn").is_not_null()).unique("position", keep="first")
    hashed = [f"\\x{one.hex()}" for one in keyring.hashes(found["msisdn"].to_list())]
    places = dict(zip(found["position"].to_list(), hashed, strict=True))
    return pl.Series("msisdn", [places.get(place) for place in range(len(cells))], dtype=pl.String)


def _day(written: pl.Expr) -> pl.Expr:
    """2026-06-01..., 01/06/2026..., 1-6-2026..., also with the time before the day."""
    iso = written.str.extract(r"\b(\d{4}-\d{1,2}-\d{1,2})").str.to_date("%Y-%m-%d", strict=False)
    spoken = written.str.extract(r"\b(\d{1,2}[/-]\d{1,2}[/-]\d{4})\b").str.replace_all("-", "/")
    return pl.coalesce(iso, spoken.str.to_date("%d/%m/%Y", strict=False))


def _delivered(written: str | None) -> bool | None:
    words = " ".join(plain(written or "").casefold().split())
    return True if words in DELIVERED else False if words in UNDELIVERED else None


def _row(difference: Difference, keyring: Keyring) -> tuple[object, ...]:
    d = difference
    known = d.cipher is not None and d.key_id is not None and d.msisdn_hash is not None
    number = msisdn.mask(keyring.decrypt(d.cipher or b"", d.msisdn_hash or b"", d.key_id or "")) if known else ""
    return WORDS[d.kind], d.row, d.message_id, number, d.our_day, d.their_day, d.ours, d.theirs, d.status, d.reference


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
