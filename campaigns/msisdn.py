"""Vietnamese mobile numbers: from what stands in a cell to E.164 digits, one cell or a whole column.

The numbering plan is in data/prefixes.csv, data/prefix-migration.csv (the 11-digit numbers that ended in 2018) and
data/landlines.csv. Blocks that are in no table are accepted with a note: a new block appears faster than a release.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache

import polars as pl

from campaigns.tables import rows

UNKNOWN = "unknown"


class Rejection(StrEnum):
    """Why a cell gives no number."""

    EMPTY = "empty"
    DAMAGED = "damaged"
    LETTERS = "letters"
    TEXT = "text"
    SEVERAL = "several"
    OBSOLETE = "obsolete"
    LANDLINE = "landline"
    TOLL_FREE = "toll_free"
    DEFENCE = "defence"
    VSAT = "vsat"
    SHORT_CODE = "short_code"
    FOREIGN = "foreign"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    NOT_MOBILE = "not_mobile"


class Note(StrEnum):
    """What was done to an accepted cell, in the order in which notes are listed."""

    CLEANED = "cleaned"  # separators, spaces, invisible marks, an apostrophe in front
    DIGITS = "digits"  # digits of another script or full width
    DECIMAL = "decimal"  # ".0" of a spreadsheet that read a number
    ZERO_RESTORED = "zero_restored"
    ZERO_DROPPED = "zero_dropped"  # 0 after the country code
    MIGRATED = "migrated"
    UNALLOCATED = "unallocated"  # a warning: no operator is known to have this block
    SPLIT = "split"


EXPLANATIONS = {
    Rejection.EMPTY: "Ô số điện thoại để trống. Bổ sung số hoặc xóa dòng này.",
    Rejection.DAMAGED: (
        "Bảng tính đã đổi số thành dạng rút gọn hoặc số thập phân nên mất chữ số. Định dạng cột là Văn bản (Text) "
        "rồi nhập lại số từ bản gốc."
    ),
    Rejection.LETTERS: "Có chữ cái (O, l, I) gõ thay cho chữ số 0, 1. Gõ lại bằng chữ số.",
    Rejection.TEXT: (
        "Ô có chữ hoặc ký hiệu (tên, địa chỉ, máy lẻ, ngày tháng, lỗi công thức). Chỉ để số điện thoại trong ô này."
    ),
    Rejection.SEVERAL: (
        "Ô có nhiều số nhưng không phải số nào cũng là số di động hợp lệ. Chỉ giữ số di động, mỗi số một dòng."
    ),
    Rejection.OBSOLETE: "Đầu số 11 chữ số đã ngừng dùng từ năm 2018 và không có đầu số mới tương ứng. Hỏi lại số mới.",
    Rejection.LANDLINE: "Số cố định{detail} không nhận được tin nhắn. Thay bằng số di động.",
    Rejection.TOLL_FREE: "Số tổng đài 1800/1900 không nhận được tin nhắn. Thay bằng số di động.",
    Rejection.DEFENCE: "Số mạng riêng quốc phòng, công an (069) không nhận được tin nhắn. Thay bằng số di động.",
    Rejection.VSAT: "Số vệ tinh VSAT (067) không nhận được tin nhắn. Thay bằng số di động.",
    Rejection.SHORT_CODE: "Đây là số ngắn (khẩn cấp, tổng đài nhắn tin), không phải số thuê bao. Thay bằng số di động.",
    Rejection.FOREIGN: "Số điện thoại nước ngoài không nằm trong phạm vi gửi. Thay bằng số di động Việt Nam.",
    Rejection.TOO_SHORT: "Thiếu chữ số: số di động có 10 chữ số, bắt đầu bằng 0. Kiểm tra lại với bản gốc.",
    Rejection.TOO_LONG: "Thừa chữ số: số di động có 10 chữ số, bắt đầu bằng 0. Kiểm tra lại với bản gốc.",
    Rejection.NOT_MOBILE: "Không phải đầu số di động: số di động bắt đầu bằng 03, 05, 07, 08 hoặc 09. Kiểm tra lại số.",
}


@dataclass(frozen=True, slots=True)
class Normalised:
    """What one cell gives: numbers as `84912345678`, or the reason why none.

    `network` is that of the first number, as its prefix says (a guess: people keep numbers when they change network).
    `suggestion` is what the writer probably meant, never used by itself; `detail` completes the explanation.
    """

    numbers: tuple[str, ...] = ()
    rejected: Rejection | None = None
    notes: tuple[Note, ...] = ()
    suggestion: str | None = None
    detail: str = ""

    @property
    def network(self) -> str | None:
        return network(self.numbers[0]) if self.numbers else None

    @property
    def explanation(self) -> str | None:
        """Vietnamese: what is wrong and what to do; None for an accepted cell."""
        if self.rejected is None:
            return None
        meant = f" Có phải là {self.suggestion}?" if self.suggestion else ""
        return EXPLANATIONS[self.rejected].format(detail=self.detail) + meant


def _networks() -> dict[str, str]:
    """Network by the three digits after the 0; a prefix of two digits after the 0 covers ten of them."""
    whole = {row["prefix"].removeprefix("0"): row["network"] for row in rows("prefixes.csv")}
    spread = {prefix + last: name for prefix, name in whole.items() if len(prefix) == 2 for last in "0123456789"}
    return spread | {prefix: name for prefix, name in whole.items() if len(prefix) == 3}


_NETWORKS = _networks()
_MIGRATION = {row["old_prefix"][1:]: row["new_prefix"][1:] for row in rows("prefix-migration.csv")}
_LANDLINES = {row["area_code"]: row["province"] for row in rows("landlines.csv")}

_COUNTRY = r"(?P<country>\+?84|0084)?"
_MOBILE = re.compile(_COUNTRY + r"(?P<zero>0?)(?P<number>[35789][0-9]{8})")
_OLD = re.compile(_COUNTRY + rf"(?P<zero>0?)(?P<number>(?:{'|'.join(_MIGRATION)})[0-9]{{7}})")
# In this order: 1800/1900 of ten digits look like old numbers without their 0.
_CLASSES = tuple(
    (rejection, re.compile(pattern))
    for rejection, pattern in (
        (Rejection.TOLL_FREE, _COUNTRY + r"1[89]00[0-9]{4,6}"),
        (Rejection.OBSOLETE, _COUNTRY + r"(?:01[0-9]{9}|1[2689][0-9]{8})"),
        (Rejection.LANDLINE, _COUNTRY + r"(?:02[0-9]{8,9}|2[0-9]{9})"),
        (Rejection.DEFENCE, r"(?:0|(?:\+|00)?840?)69[0-9]{4,8}"),
        (Rejection.VSAT, r"(?:0|(?:\+|00)?840?)67[0-9]{4,8}"),
        (Rejection.FOREIGN, r"(?:\+|00)(?!84)[1-9][0-9]{6,14}|(?=[0-9]{11,14}$)8(?:6|55|56)[0-9]+"),
        (Rejection.SHORT_CODE, r"[1-9][0-9]{2,4}"),
    )
)
_LENGTHS = {-1: Rejection.TOO_SHORT, 0: Rejection.NOT_MOBILE, 1: Rejection.TOO_LONG}

_EDGES = " \n.-()[]'’‘`\"="  # ="0912..." is how some exports keep the 0
_GROUPING = re.compile(r"[ .\-()\[\]]")
_SCIENTIFIC = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?[eE][+-]?[0-9]+")
_CLEAN = re.compile(r"\+?\d+(?:\.0)?")
_DIGITS = re.compile(r"\+?[0-9]+")
_BEFORE_NATIONAL = re.compile(r"^(?:(?:\+|00)84|84(?=[0-9]{8})|\+)?0?")
_POINT_ZERO = re.compile(r"([0-9]+)\.0")
_FRACTION = re.compile(r"[1-9][0-9]*[.,][0-9]{1,2}")
_OR = re.compile(r"\bhoặc\b|\bhoac\b", re.IGNORECASE)
_BETWEEN = re.compile(r"[/;,\n|]")
_DASHES = (re.compile(r" -+ "), re.compile(r"-"))
_LETTER = re.compile(r"[^\W0-9_]")
_LOOKALIKES = str.maketrans("OoIl", "0011")
_NUMBER_INSIDE = re.compile(r"[+0-9][0-9 .\-()]{7,}")


def only(written: str) -> str:
    """The one mobile number that is written there. Raises ValueError, in Vietnamese."""
    read = normalise(written)
    if read.rejected or len(read.numbers) != 1:
        raise ValueError(f"{written}: cần đúng một số di động, ví dụ 0912345678.")
    return read.numbers[0]


def normalise(cell: str) -> Normalised:
    """The numbers of one cell, by the rules of the numbering plan. Never raises; never guesses a digit."""
    folded = _fold(cell)
    text = _OR.sub(";", folded).strip(_EDGES)
    if not text or not any(map(str.isalnum, text)):
        return Normalised(rejected=Rejection.EMPTY)
    if _SCIENTIFIC.fullmatch(text):
        return Normalised(rejected=Rejection.DAMAGED)
    found = _worded(text) if _LETTER.search(text) else _several(text)
    return found if found.rejected else _noted(found, cell)


def _noted(found: Normalised, cell: str) -> Normalised:
    told = {*found.notes}
    if not cell.isascii() and any(char.isdecimal() and not char.isascii() for char in cell):
        told.add(Note.DIGITS)
    if Note.SPLIT not in told and not _CLEAN.fullmatch(cell):
        told.add(Note.CLEANED)
    return replace(found, notes=tuple(note for note in Note if note in told))


def _fold(cell: str) -> str:
    """Digits of any script, spaces, dashes and full-width signs as ASCII; what cannot be seen is gone."""
    return (
        cell if cell.isascii() and cell.isprintable() else "".join(map(_fold_char, unicodedata.normalize("NFC", cell)))
    )


@lru_cache(maxsize=4096)
def _fold_char(char: str) -> str:
    if char.isdecimal():
        return str(unicodedata.decimal(char))
    category = unicodedata.category(char)
    if char in "\n\r" or category in {"Zl", "Zp"}:
        return "\n"
    if char == "\t" or category == "Zs":
        return " "
    if category in {"Cf", "Cc"}:
        return ""
    if category == "Pd" or char == "\N{MINUS SIGN}":
        return "-"
    wide = unicodedata.normalize("NFKC", char)
    return wide if wide.isascii() and len(wide) == 1 and "\uff00" <= char <= "\uffef" else char


def _worded(text: str) -> Normalised:
    """A cell with letters is never used: at most, what it seems to mean is suggested."""
    meant = text.translate(_LOOKALIKES)
    if not _LETTER.search(meant) and (numbers := _several(meant).numbers):
        return Normalised(rejected=Rejection.LETTERS, suggestion=_listed(numbers))
    inside = [number for part in _NUMBER_INSIDE.findall(text) for number in _several(part.strip(_EDGES)).numbers]
    return Normalised(rejected=Rejection.TEXT, suggestion=_listed(tuple(inside)))


def _listed(numbers: tuple[str, ...]) -> str | None:
    return ", ".join(map(spoken, dict.fromkeys(numbers))) or None


def _several(text: str) -> Normalised:
    """One number, or several when every part is one: a hyphen groups digits as often as it separates numbers."""
    if _FRACTION.fullmatch(text) and not _POINT_ZERO.fullmatch(text):
        return Normalised(rejected=Rejection.DAMAGED)
    parts = [part for part in (piece.strip(_EDGES) for piece in _BETWEEN.split(text)) if part]
    if len(parts) > 1:
        return _together([_single(part) for part in parts])
    single = _single(parts[0])
    if single.rejected and "-" in parts[0]:
        return _dashed(parts[0], single)
    return single


def _dashed(text: str, single: Normalised) -> Normalised:
    tries = [_together([_single(part.strip(_EDGES)) for part in dash.split(text) if part]) for dash in _DASHES]
    accepted = next((found for found in tries if found.numbers), None)
    partly = next((found for found in tries if found.suggestion), single)
    return accepted or partly


def _together(parts: list[Normalised]) -> Normalised:
    numbers = tuple(dict.fromkeys(number for part in parts for number in part.numbers))
    if any(part.rejected for part in parts):
        return Normalised(rejected=Rejection.SEVERAL, suggestion=_listed(numbers))
    return Normalised(numbers=numbers, notes=(Note.SPLIT, *(note for part in parts for note in part.notes)))


def _single(text: str) -> Normalised:
    whole = _POINT_ZERO.fullmatch(text)
    bare = whole.group(1) if whole else _GROUPING.sub("", text)
    if not _DIGITS.fullmatch(bare):
        return Normalised(rejected=Rejection.TEXT)
    found = _MOBILE.fullmatch(bare) or _OLD.fullmatch(bare)
    if found is None:
        return _classified(bare)
    return _accepted(found, Note.DECIMAL if whole else None)


def _accepted(found: re.Match[str], *notes: Note | None) -> Normalised:
    country, zero, number = found["country"], found["zero"], found["number"]
    current = _MIGRATION[number[:3]] + number[3:] if len(number) == 10 else number
    told = (
        *notes,
        None if country or zero else Note.ZERO_RESTORED,
        Note.ZERO_DROPPED if country and zero else None,
        Note.MIGRATED if current != number else None,
        None if current[:3] in _NETWORKS else Note.UNALLOCATED,
    )
    return Normalised(numbers=(f"84{current}",), notes=tuple(note for note in told if note))


def _classified(bare: str) -> Normalised:
    """Why these digits are no mobile number."""
    rejection = next((rejection for rejection, pattern in _CLASSES if pattern.fullmatch(bare)), None)
    national = _BEFORE_NATIONAL.sub("", bare)
    if rejection is Rejection.LANDLINE:
        return Normalised(rejected=rejection, detail=_province(national))
    length = len(national) - 9
    return Normalised(rejected=rejection or _LENGTHS[(length > 0) - (length < 0)])


def _province(national: str) -> str:
    if len(national) != 10:
        return ""  # a number of before 2017, whose area codes meant other provinces
    name = _LANDLINES.get(f"0{national[:3]}") or _LANDLINES.get(f"0{national[:2]}")
    return f" ({name})" if name else ""


def networks() -> list[str]:
    """The names of all networks that numbers are given out to."""
    return sorted(set(_NETWORKS.values()))


def network(msisdn: str) -> str:
    """The network that a number's prefix belongs to, "unknown" for an unallocated block."""
    return _NETWORKS.get(msisdn[2:5], UNKNOWN)


def blocks(network: str) -> list[str]:
    """The three digits after 84 with which numbers of a network begin; of "unknown" those that nobody has, from 5 on."""
    if network == UNKNOWN:
        return [f"{block}" for block in range(500, 600) if f"{block}" not in _NETWORKS]
    return sorted(block for block, name in _NETWORKS.items() if name == network)


def mask(msisdn: str) -> str:
    """`84912345678` -> `0912***678`: enough to recognise one's own number, not to learn another's."""
    local = _local(msisdn)
    return f"{local[:4]}***{local[-3:]}"


def spoken(msisdn: str) -> str:
    """`84912345678` -> `0912 345 678`, as people write it; an address that is no number stays as it is."""
    local = _local(msisdn)
    return local if ":" in local else f"{local[:4]} {local[4:7]} {local[7:]}"


def _local(msisdn: str) -> str:
    return f"0{msisdn[2:]}" if msisdn.startswith("84") else msisdn


# The column: ordinary forms by regular expressions over all cells at once, the rest through `normalise`.

COLUMN_SCHEMA = {
    "position": pl.UInt32,
    "msisdn": pl.String,
    "network": pl.String,
    "rejected": pl.String,
    "explanation": pl.String,
    "noted": pl.String,
}
NATIONAL_DIGITS = 9
_PLAIN = r"^(?:\+?84|0)?[35789][0-9]{8}$"
_STRIPPED = r"[ .\-()\[\]\x{A0}\x{202F}\x{200B}-\x{200F}\x{202A}-\x{202E}\x{2060}\x{FEFF}]+"
_ORDINARY = rf"^(?:\+?84|0084)?0?([35789][0-9]{{8}}|(?:{'|'.join(_MIGRATION)})[0-9]{{7}})$"
# One dot with one or two digits behind it may be a decimal point: `normalise` decides.
_POINTED = r"^[^.]*\.(?:[^.0-9]*[0-9]){1,2}[^.0-9]*$"
_WHOLE = r"^[0-9]+\.0$"
_BITS = {note: 1 << place for place, note in enumerate(Note)}
_NOTED = pl.Series([", ".join(note for note in Note if bits & _BITS[note]) or None for bits in range(1 << len(Note))])
_NETWORK_OF = pl.Series([_NETWORKS.get(f"{prefix:03}", UNKNOWN) for prefix in range(1000)])
_KNOWN = pl.Series([f"{prefix:03}" in _NETWORKS for prefix in range(1000)])
_NEW_PREFIX = pl.Series([_MIGRATION.get(f"{prefix:03}", "") for prefix in range(1000)])


def normalise_column(cells: pl.Series) -> pl.DataFrame:
    """`normalise` for a column of strings: columns as in `COLUMN_SCHEMA`, ordered by `position` (index into `cells`).

    A cell with two numbers gives two rows of one position. Either `msisdn` and `network`, or `rejected` and
    `explanation` are set; `noted` lists notes with ", " between, null when there is nothing to note.
    """
    given = cells.cast(pl.String).alias("cell").to_frame().with_row_index("position")
    plain = _plain(given)
    ordinary = _ordinary(plain.filter(pl.col("number").is_null()).select("position", "cell"))
    left = ordinary.filter(pl.col("number").is_null())
    slow = _one_by_one(left["position"].to_list(), left["cell"].to_list())
    return pl.concat([_taken(plain), _taken(ordinary), slow]).sort("position", maintain_order=True)


def _taken(read: pl.DataFrame) -> pl.DataFrame:
    """Cells with a number, as rows of the result."""
    taken = read.filter(pl.col("number").is_not_null())
    nothing = pl.Series([None], dtype=pl.String).new_from_index(0, taken.height)
    prefix = taken["number"].str.head(3).cast(pl.UInt32)
    bits = taken["bits"] + (~_KNOWN.gather(prefix)).cast(pl.UInt32) * _BITS[Note.UNALLOCATED]
    return pl.DataFrame(
        {
            "position": taken["position"],
            "msisdn": "84" + taken["number"],
            "network": _NETWORK_OF.gather(prefix),
            "rejected": nothing,
            "explanation": nothing,
            "noted": _NOTED.gather(bits),
        }
    )


def _plain(given: pl.DataFrame) -> pl.DataFrame:
    """Columns position, cell, number (nine digits, null when the cell is not plain) and bits (notes)."""
    short = pl.col("cell").str.len_bytes() == NATIONAL_DIGITS
    return given.with_columns(
        number=pl.when(pl.col("cell").str.contains(_PLAIN)).then(pl.col("cell").str.tail(NATIONAL_DIGITS)),
        bits=_bit(Note.ZERO_RESTORED, short),
    )


def _ordinary(given: pl.DataFrame) -> pl.DataFrame:
    """As `_plain`, for what has separators, marks, zeros too many, or was written before numbers changed."""
    whole = pl.col("cell").str.contains(_WHOLE)
    bare = pl.col("cell").str.replace_all(_STRIPPED, "").str.strip_chars_start("'")
    old = pl.col("digits").str.len_bytes() == 10
    three = pl.col("digits").str.head(3).cast(pl.UInt32)
    added = pl.col("bare").str.len_bytes() - pl.col("digits").str.len_bytes()
    dropped = (
        (added == 5)
        | ((added == 3) & pl.col("bare").str.starts_with("8"))
        | ((added == 4) & pl.col("bare").str.starts_with("+"))
    )
    return (
        given.with_columns(
            bare=pl.when(whole)
            .then(pl.col("cell").str.strip_suffix(".0"))
            .when(~pl.col("cell").str.contains(_POINTED))
            .then(bare)
        )
        .with_columns(digits=pl.col("bare").str.extract(_ORDINARY, 1))
        .with_columns(
            number=pl.when(old)
            .then(three.map_batches(_NEW_PREFIX.gather, return_dtype=pl.String) + pl.col("digits").str.slice(3))
            .otherwise(pl.col("digits"))
        )
        .with_columns(
            bits=_bit(Note.CLEANED, ~whole & (pl.col("bare") != pl.col("cell")))
            + _bit(Note.DECIMAL, whole)
            + _bit(Note.ZERO_RESTORED, added == 0)
            + _bit(Note.ZERO_DROPPED, dropped)
            + _bit(Note.MIGRATED, old)
        )
        .select("position", "cell", "number", "bits")
    )


def _bit(note: Note, told: pl.Expr) -> pl.Expr:
    return told.cast(pl.UInt32) * _BITS[note]


def _one_by_one(positions: list[int], cells: list[str | None]) -> pl.DataFrame:
    found = [
        (
            position,
            number,
            number and network(number),
            result.rejected,
            result.explanation,
            ", ".join(result.notes) or None,
        )
        for position, result in zip(positions, (normalise(cell or "") for cell in cells), strict=True)
        for number in (result.numbers or (None,))
    ]
    return pl.DataFrame(found, schema=COLUMN_SCHEMA, orient="row")
