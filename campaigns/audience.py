"""A chunk of a roster in, clean recipients and rejects out; the database, which sees all chunks, finds duplicates."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

import polars as pl

from campaigns.msisdn import normalise_column
from campaigns.text import plain

ACCEPTED_SCHEMA = {
    "row": pl.Int64,
    "msisdn": pl.String,
    "network": pl.String,
    "area": pl.String,
    "group": pl.String,
    "language": pl.String,
    "born": pl.Int16,
    "noted": pl.String,
}
TEXTS = ("area", "group", "language", "born")
REJECTED_SCHEMA = {"row": pl.Int64, "value": pl.String, "reason": pl.String, "explanation": pl.String}

# BCP 47, as campaign definitions name their variants. Names that cover several written languages (Dao, M'nông) are
# left out: a roster that needs them gives the code.
LANGUAGES = {
    "viet": "vi",
    "tieng viet": "vi",
    "kinh": "vi",
    "vietnamese": "vi",
    "tay": "tyz",
    "tieng tay": "tyz",
    "nung": "nut",
    "tieng nung": "nut",
    "mong": "hmn",
    "tieng mong": "hmn",
    "h'mong": "hmn",
    "tieng h'mong": "hmn",
    "hmong": "hmn",
    "tieng hmong": "hmn",
    "e de": "rad",
    "ede": "rad",
    "tieng e de": "rad",
}
OUTSIDE = "outside-order"
CODES = {*LANGUAGES.values(), "cmo", "mng"}
OLDEST = 120  # years
_YEAR = re.compile(r"(?<![0-9])(?:19|20)[0-9]{2}(?![0-9])")
_AGE = re.compile(r"([0-9]{1,3})(?:\.0)?(?: tuoi)?")


class Areas(dict[str, str | None]):
    """A lazy mapping from what a roster writes to a commune code: `find` is asked once for each distinct text."""

    def __init__(self, find: Callable[[str], str | None]) -> None:
        super().__init__()
        self._find = find

    def __missing__(self, written: str) -> str | None:
        code = self[written] = self._find(written)
        return code


@dataclass(frozen=True, slots=True)
class Cleaned:
    """Every row of the chunk is in `accepted` (once for each of its numbers) or in `rejected` (once), never in both.

    `accepted` has the columns of `ACCEPTED_SCHEMA`, `rejected` those of `REJECTED_SCHEMA`, both ordered by `row`.
    `unknown_areas` and `unknown_languages` count, by the text written, the accepted people who were left without.
    """

    accepted: pl.DataFrame
    rejected: pl.DataFrame
    unknown_areas: dict[str, int] = field(default_factory=dict)
    unknown_languages: dict[str, int] = field(default_factory=dict)


def clean(frame: pl.DataFrame, areas: Mapping[str, str | None] | None = None, year: int = 0) -> Cleaned:
    """Clean a chunk with columns `row` (int) and `msisdn`, and if the roster has them `area`, `group`, `language`, `born`.

    `areas` gives the five-digit code for an area as written (spaces at the ends removed): a plain mapping, or `Areas`.
    `year` is this one, for rosters that give ages. An unknown area, language or age does not reject a person: it is left
    out, and areas and languages are counted.
    """
    frame = _complete(frame)
    read = normalise_column(frame["msisdn"])
    numbers = read.filter(pl.col("msisdn").is_not_null())
    failed = read.filter(pl.col("msisdn").is_null())
    people = frame.select("row", *TEXTS)[numbers["position"]]
    area_codes = {written: _lookup({} if areas is None else areas, written) for written in _distinct(people["area"])}
    language_codes = {written: language(written) for written in _distinct(people["language"])}
    years = {written: birth_year(written, year) for written in _distinct(people["born"])}
    rows = frame.select("row", value="msisdn")[failed["position"]]
    return Cleaned(
        accepted=people.select(
            "row",
            numbers["msisdn"],
            numbers["network"],
            _coded("area", area_codes),
            "group",
            _coded("language", language_codes),
            pl.col("born").replace_strict(years, default=None, return_dtype=pl.Int16),
            numbers["noted"],
        ),
        rejected=rows.with_columns(failed["rejected"].alias("reason"), failed["explanation"]),
        unknown_areas=_unknown(people["area"], area_codes),
        unknown_languages=_unknown(people["language"], language_codes),
    )


def within(cleaned: Cleaned, areas: Collection[str]) -> Cleaned:
    """Only the people of these communes; whoever lives elsewhere, or nobody knows where, is rejected."""
    inside = pl.col("area").is_in(list(areas)).fill_null(value=False)
    outside = cleaned.accepted.filter(~inside).unique("row", keep="first", maintain_order=True)
    rejected = outside.select(
        "row",
        value=pl.col("area"),
        reason=pl.lit(OUTSIDE),
        explanation=pl.lit("không thuộc địa bàn của yêu cầu gửi, hoặc không rõ địa bàn"),
    )
    return replace(
        cleaned,
        accepted=cleaned.accepted.filter(inside),
        rejected=pl.concat([cleaned.rejected, rejected]).sort("row"),
    )


def language(written: str) -> str | None:
    """The language code for a roster's word ("Tiếng Tày" -> "tyz"); a code stays as it is; None when unknown."""
    key = " ".join(plain(written).lower().split())
    if key in LANGUAGES:
        return LANGUAGES[key]
    return key if key in CODES else None


def birth_year(written: str, year: int) -> int | None:
    """The year in which a person was born, from a year, a date with four digits of it, or an age; None when it is none."""
    if found := _YEAR.search(written):
        return int(found[0]) if year - OLDEST <= int(found[0]) <= year else None
    age = _AGE.fullmatch(plain(written).lower())
    return year - int(age[1]) if age and int(age[1]) <= OLDEST else None


def _complete(frame: pl.DataFrame) -> pl.DataFrame:
    """All columns, texts without spaces at the ends and null where blank; the number stays as it was written."""
    texts = [
        _blank_to_null(pl.col(name).cast(pl.String)) if name in frame.columns else pl.lit(None, pl.String).alias(name)
        for name in TEXTS
    ]
    return frame.select(pl.col("row").cast(pl.Int64), pl.col("msisdn").cast(pl.String), *texts)


def _blank_to_null(text: pl.Expr) -> pl.Expr:
    trimmed = text.str.strip_chars()
    return pl.when(trimmed != "").then(trimmed)


def _distinct(texts: pl.Series) -> list[str]:
    return texts.drop_nulls().unique(maintain_order=True).to_list()


def _lookup(areas: Mapping[str, str | None], written: str) -> str | None:
    try:
        return areas[written]  # not .get, which would pass by what `Areas` finds lazily
    except KeyError:
        return None


def _coded(name: str, codes: dict[str, str | None]) -> pl.Expr:
    return pl.col(name).replace_strict(codes, default=None, return_dtype=pl.String)


def _unknown(texts: pl.Series, codes: dict[str, str | None]) -> dict[str, int]:
    unknown = [written for written, code in codes.items() if code is None]
    return dict(Counter(texts.filter(texts.is_in(unknown)).to_list()).most_common())
