"""Which column of a roster is what: the header row, recognised in Vietnamese or English, or the content itself."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from campaigns.msisdn import normalise
from campaigns.text import plain
from dispatcher.rosters.chunks import Record, RosterError

SAMPLE_ROWS = 200
HEADER_WITHIN = 20
MOST_COLUMNS = 16_384  # as many as a worksheet has
_SHOWN_COLUMNS = 12

# Field -> its names: unaccented, lower case, one space between words, in the order of preference where only one column is
# wanted. Every kind of list has `msisdn`, by which its header and its table are found.
Fields = Mapping[str, tuple[str, ...]]
FIELDS: Fields = {
    "msisdn": (
        "so dien thoai",
        "sdt",
        "so dt",
        "dien thoai",
        "di dong",
        "so di dong",
        "dien thoai di dong",
        "so dien thoai di dong",
        "dtdd",
        "msisdn",
        "phone",
        "phone number",
        "mobile",
        "mobile phone",
        "mobile number",
        "so thue bao",
    ),
    "area": (
        "ma xa",
        "ma xa phuong",
        "ma don vi hanh chinh",
        "ma dvhc",
        "xa phuong",
        "phuong xa",
        "xa phuong dac khu",
        "don vi hanh chinh",
        "dvhc",
        "ten xa",
        "xa",
        "phuong",
        "dia ban",
        "commune",
        "ward",
        "area",
    ),
    "group": ("nhom", "doi tuong", "nhom doi tuong", "group"),
    "language": ("ngon ngu", "tieng", "language"),
    "born": (
        "nam sinh",
        "ngay sinh",
        "ngay thang nam sinh",
        "sinh nam",
        "tuoi",
        "do tuoi",
        "birth year",
        "date of birth",
        "dob",
        "age",
    ),
}
_NOT_MOBILE = re.compile(r"\b(co dinh|ban|co quan|landline|fax|nguoi than|khan cap)\b")


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things are: `columns` as shown to people, `mapping` field -> column, `indexes` field -> place from 0.

    Data are the rows whose number is at least `first_row`; `width` is the number of cells of the header row.
    `notes` say in Vietnamese what was assumed.
    """

    columns: tuple[str, ...]
    mapping: dict[str, str]
    indexes: dict[str, int]
    first_row: int
    width: int
    notes: tuple[str, ...] = ()


def folded(header: str | None) -> str:
    """A header as it is compared: without accents, case, punctuation."""
    return " ".join(re.findall(r"[a-z0-9]+", plain(header or "").lower()))


def field_of(header: str | None) -> str | None:
    """The field of a roster that a header names, None when it names none."""
    words = folded(header)
    return next((field for field in FIELDS if _names(words, field, FIELDS)), None)


def _names(words: str, field: str, fields: Fields = FIELDS) -> int:
    """0 when a header does not name the field, 2 when it does exactly, 1 when it has other words around."""
    if words in fields[field]:
        return 2
    if field == "msisdn" and _NOT_MOBILE.search(words):
        return 0
    return int(len(words) <= 60 and any(f" {name} " in f" {words} " for name in fields[field]))


def lay_out(file: str, sample: Sequence[Record], asked: Mapping[str, str], fields: Fields = FIELDS) -> Layout:
    """The layout of a list from its first `SAMPLE_ROWS` rows. Raises `RosterError`, naming the columns."""
    _check(file, sample, asked, fields)
    header = _asked_header(sample, asked) if asked else None
    header = header or _named_header(sample, "msisdn") or (None if asked else _other_header(sample, fields))
    filled = [record for record in sample if any(map(_filled, record.cells))]
    if header is None:
        return _without_header(file, filled, asked)
    data = [record for record in filled if record.number > header.number]
    if not data and len(sample) < SAMPLE_ROWS:
        raise RosterError(f"{file}: chỉ có dòng tiêu đề (dòng {header.number}), không có dòng số nào bên dưới.")
    width = max(len(record.cells) for record in (header, *data))
    columns = _unique([*header.cells, *[None] * (width - len(header.cells))])
    indexes = _indexes(file, columns, data, asked, fields)
    mapping = {field: columns[index] for field, index in indexes.items()}
    return Layout(columns, mapping, indexes, header.number + 1, len(header.cells))


def _check(file: str, sample: Sequence[Record], asked: Mapping[str, str], fields: Fields) -> None:
    if unknown := [field for field in asked if field not in fields]:
        raise RosterError(f"--map {unknown[0]}=...: không có trường này. Các trường: {', '.join(fields)}.")
    if not any(_filled(cell) for record in sample for cell in record.cells):
        raise RosterError(f"{file}: tệp không có dữ liệu. Kiểm tra lại có chọn đúng tệp hay không.")
    for record in sample:
        if len(record.cells) > MOST_COLUMNS:
            raise RosterError(
                f"{file}, dòng {record.number}: có {len(record.cells)} cột, nhiều hơn {MOST_COLUMNS} cột mà một bảng "
                "tính chứa được. Kiểm tra lại có chọn đúng tệp hay không."
            )


def _filled(cell: str | None) -> bool:
    return bool(cell and not cell.isspace())


def _asked_header(sample: Sequence[Record], asked: Mapping[str, str]) -> Record | None:
    wanted = {folded(name) for name in asked.values()}
    return next((row for row in sample[:HEADER_WITHIN] if wanted <= set(map(folded, row.cells))), None)


def _named_header(sample: Sequence[Record], field: str) -> Record | None:
    """The row that names the field exactly, or else the first with it among other words and another cell beside.

    A title such as "Danh sách số điện thoại" stands alone in its row.
    """
    top = sample[:HEADER_WITHIN]
    exact = (row for row in top if any(_names(folded(cell), field) == 2 for cell in row.cells))
    loose = (row for row in top if _is_header(row, field) and sum(map(_filled, row.cells)) > 1)
    alone = (row for row in top[:1] if _is_header(row, field))
    return next(exact, None) or next(loose, None) or next(alone, None)


def _is_header(row: Record, field: str) -> bool:
    return any(_names(folded(cell), field) for cell in row.cells) and not any(map(_is_number, row.cells))


def _other_header(sample: Sequence[Record], fields: Fields) -> Record | None:
    """A header whose number column has a name of its own, known by its other columns."""
    for row in sample[:HEADER_WITHIN]:
        named = any(
            _names(folded(cell), field, fields) == 2 for cell in row.cells for field in fields if field != "msisdn"
        )
        if named and not any(map(_is_number, row.cells)):
            return row
    return None


def _is_number(cell: str | None) -> bool:
    return bool(cell and len(cell) <= 100 and normalise(cell).numbers)


def _unique(headers: Sequence[str | None]) -> tuple[str, ...]:
    """Names that can be asked for: a header without text or seen before gets the place of its column."""
    names: list[str] = []
    for place, header in enumerate(headers, start=1):
        name = " ".join((header or "").split()) or f"Cột {place}"
        names.append(f"{name} (cột {place})" if name in names else name)
    return tuple(names)


def _words(columns: Sequence[str], place: int) -> str:
    """What the header itself says, without the place that made it unique."""
    return folded(columns[place].removesuffix(f" (cột {place + 1})"))


def _without_header(file: str, filled: Sequence[Record], asked: Mapping[str, str]) -> Layout:
    width = max(len(record.cells) for record in filled)
    columns = tuple(f"Cột {place}" for place in range(1, width + 1))
    if any(folded(name) not in map(folded, columns) for name in asked.values()):
        # The asked names are in no row: the fullest row of the top is what people would call the header.
        top = max(filled[:HEADER_WITHIN], key=lambda record: sum(map(_filled, record.cells)))
        columns = _unique(top.cells)
    indexes = _asked_indexes(file, columns, asked)
    if "msisdn" not in indexes:
        indexes["msisdn"] = _by_content(file, columns, filled)
    name = columns[indexes["msisdn"]]
    start = filled[0].number
    note = f"Không thấy dòng tiêu đề: dùng {name[0].lower()}{name[1:]} làm số điện thoại, dữ liệu tính từ dòng {start}."
    mapping = {field: columns[index] for field, index in indexes.items()}
    return Layout(columns, mapping, indexes, start, width, (note,))


def _indexes(
    file: str, columns: Sequence[str], data: Sequence[Record], asked: Mapping[str, str], fields: Fields
) -> dict[str, int]:
    indexes = _asked_indexes(file, columns, asked)
    for field in fields:
        free = [place for place in range(len(columns)) if place not in indexes.values()]
        if field in indexes:
            continue
        if field == "msisdn":
            indexes[field] = _number_column(file, columns, free, data)
        elif (place := _best(columns, free, field, fields)) is not None:
            indexes[field] = place
    return indexes


def _asked_indexes(file: str, columns: Sequence[str], asked: Mapping[str, str]) -> dict[str, int]:
    places = {folded(name): place for place, name in reversed(list(enumerate(columns)))}
    places |= {name: place for place, name in enumerate(columns)}
    for field, name in asked.items():
        if name not in places and folded(name) not in places:
            raise RosterError(_missing(file, columns, field, name))
    return {field: places.get(name, places.get(folded(name), 0)) for field, name in asked.items()}


def _missing(file: str, columns: Sequence[str], field: str, name: str) -> str:
    names = {folded(column): column for column in columns}
    near = [names[key] for key in difflib.get_close_matches(folded(name), names, n=3, cutoff=0.5)]
    hint = f" Gần giống: {_quoted(near)}." if near else ""
    return f'{file}: không có cột "{name}" (--map {field}={name}).{hint} Các cột trong tệp: {_quoted(columns)}.'


def _number_column(file: str, columns: Sequence[str], free: Sequence[int], data: Sequence[Record]) -> int:
    ranks = {place: _names(_words(columns, place), "msisdn") for place in free}
    found = [place for place in free if ranks[place] and ranks[place] == max(ranks.values())]
    if len(found) > 1:
        raise RosterError(_ambiguous(file, [columns[place] for place in found]))
    return found[0] if found else _by_content(file, columns, data)


def _by_content(file: str, columns: Sequence[str], data: Sequence[Record]) -> int:
    found = [place for place in range(len(columns)) if _looks_like_numbers(data, place)]
    if len(found) > 1:
        raise RosterError(_ambiguous(file, [columns[place] for place in found]))
    if not found:
        raise RosterError(
            f"{file}: không tìm thấy cột số điện thoại. Các cột trong tệp: {_quoted(columns)}. "
            "Chỉ rõ cột bằng --map msisdn=TÊN_CỘT, hoặc đặt tiêu đề cột là “Số điện thoại”."
        )
    return found[0]


def _looks_like_numbers(data: Sequence[Record], place: int) -> bool:
    cells = [record.cells[place] for record in data if place < len(record.cells) and _filled(record.cells[place])]
    return bool(cells) and sum(map(_is_number, cells)) * 2 >= len(cells)


def _best(columns: Sequence[str], free: Sequence[int], field: str, fields: Fields) -> int | None:
    def rank(place: int) -> tuple[int, int]:
        words = _words(columns, place)
        known = fields[field]
        return -_names(words, field, fields), known.index(words) if words in known else len(known)

    named = [place for place in free if _names(_words(columns, place), field, fields)]
    return min(named, key=rank, default=None)


def _ambiguous(file: str, names: Sequence[str]) -> str:
    return (
        f"{file}: có {len(names)} cột có thể là số điện thoại: {_quoted(names)}. "
        f'Chỉ rõ cột cần dùng, ví dụ --map msisdn="{names[0]}".'
    )


def _quoted(names: Sequence[str]) -> str:
    shown = ", ".join(f"“{name[:40]}”" for name in names[:_SHOWN_COLUMNS])
    return shown + (f" và {len(names) - _SHOWN_COLUMNS} cột khác" if len(names) > _SHOWN_COLUMNS else "")
