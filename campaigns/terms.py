"""What an office has agreed and decided about texts, from its own TOML file: prices, lengths, words, links, numbers.

Nothing of it is needed to check a text; what is not written there stays unknown or as published.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StringConstraints

from campaigns.ambiguity import Reading
from campaigns.lengths import Profile
from campaigns.problems import Found
from campaigns.tariff import Tariff
from campaigns.text import Encoding, plain
from campaigns.toml_file import tables, written
from campaigns.words import Word
from campaigns.written import LinkTable, OwnHotlineTable, Sentence, Slug, Written, listed, read

Network = Literal["viettel", "mobifone", "vinaphone", "vietnamobile", "gmobile", "itel", "wintel", "unknown"]
Amount = Annotated[StrictFloat, Field(ge=0, le=1_000_000, allow_inf_nan=False)]
Pace = Annotated[StrictFloat, Field(gt=0, le=100_000, allow_inf_nan=False)]
Units = Annotated[StrictInt, Field(gt=0, le=10_000)]
Phrase = Annotated[Sentence, StringConstraints(max_length=60)]


@dataclass(frozen=True, slots=True)
class Terms:
    """An office's own terms, each overriding what ships with the package."""

    tariffs: tuple[Tariff, ...] = ()
    lengths: tuple[Profile, ...] = ()
    banned: tuple[Word, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    own_hotlines: tuple[tuple[str, str], ...] = ()
    readings: tuple[Reading, ...] = ()


class PriceTable(Written):
    """`[[price]]`: a network's terms. `accented` says whether it takes accented texts."""

    required = ("network", "source")

    network: Network | None = None
    vnd_per_segment: Amount | None = None
    segments_per_second: Pace | None = None
    accented: StrictBool | None = None
    source: Sentence | None = None


class LengthTable(Written):
    """`[[length]]`: how one provider counts parts for one encoding."""

    required = ("profile", "encoding", "ends", "source")

    profile: Slug | None = None
    name: Sentence | None = None
    encoding: Encoding | None = None
    ends: Annotated[tuple[Units, ...], Field(min_length=1, max_length=20)] | None = None
    longest: Units | None = None
    source: Sentence | None = None


class WordTable(Written):
    """`[[banned]]`"""

    required = ("word",)

    word: Phrase | None = None
    instead: Phrase | None = None
    reason: Sentence | None = None


class ReadingTable(Written):
    """`[[ambiguous]]`"""

    required = ("intended", "reading")

    intended: Phrase | None = None
    reading: Phrase | None = None
    note: Sentence | None = None


class TermsTable(Written):
    """The file as a whole."""

    price: Any = None
    length: Any = None
    banned: Any = None
    link: Any = None
    own_hotline: Any = None
    ambiguous: Any = None


def load(source: Path) -> Terms:
    """Read an office's terms. Raises `DefinitionError` with everything that is wrong with the file."""
    text = written(source, Found(str(source)), "")
    return parse(text, str(source))


def parse(text: str, name: str) -> Terms:
    """Read terms; `name` is what problems call the file. Raises `DefinitionError` with all problems."""
    found = Found(name, text.removeprefix("\ufeff"))
    read(TermsTable, raw := tables(text, found, "; xem ví dụ trong docs/text.md"), "", found)
    terms = Terms(
        tuple(_prices(raw, found)),
        tuple(_lengths(raw, found)),
        tuple(_banned(raw, found)),
        tuple(_links(raw, found)),
        tuple(_own_hotlines(raw, found)),
        tuple(_readings(raw, found)),
    )
    found.stop()
    return terms


def _prices(raw: dict[str, Any], found: Found) -> Iterator[Tariff]:
    seen: set[str] = set()
    for field, table in listed(raw.get("price", []), "price", found):
        price = read(PriceTable, table, field, found)
        if price.network in seen:
            found.add(f"{field}.network", f'nhà mạng "{price.network}" đã ghi ở trên; mỗi nhà mạng một bảng [[price]]')
        elif price.network:
            seen.add(price.network)
            yield Tariff(
                price.network, price.vnd_per_segment, price.segments_per_second, price.accented, price.source or ""
            )


def _lengths(raw: dict[str, Any], found: Found) -> Iterator[Profile]:
    for field, table in listed(raw.get("length", []), "length", found):
        own = read(LengthTable, table, field, found)
        if own.ends and sorted(set(own.ends)) != list(own.ends):
            found.add(f"{field}.ends", "độ dài mỗi phần phải tăng dần; viết ví dụ ends = [160, 306, 459]")
        elif own.profile and own.encoding and own.ends:
            name = own.name or own.profile
            yield Profile(own.profile, name, own.encoding, own.ends, own.longest, own.source or "")


def _banned(raw: dict[str, Any], found: Found) -> Iterator[Word]:
    for field, table in listed(raw.get("banned", []), "banned", found):
        own = read(WordTable, table, field, found)
        if own.word:
            yield Word(own.word, own.instead or "", own.reason or "")


def _links(raw: dict[str, Any], found: Found) -> Iterator[tuple[str, str]]:
    for field, table in listed(raw.get("link", []), "link", found):
        own = read(LinkTable, table, field, found)
        if own.host and own.reason:
            yield own.host, own.reason


def _own_hotlines(raw: dict[str, Any], found: Found) -> Iterator[tuple[str, str]]:
    for field, table in listed(raw.get("own_hotline", []), "own_hotline", found):
        own = read(OwnHotlineTable, table, field, found)
        if own.call and own.reason:
            yield own.call, own.reason


def _readings(raw: dict[str, Any], found: Found) -> Iterator[Reading]:
    for field, table in listed(raw.get("ambiguous", []), "ambiguous", found):
        own = read(ReadingTable, table, field, found)
        if own.intended and own.reading and plain(own.intended).lower() != plain(own.reading).lower():
            found.add(f"{field}.reading", "hai cách đọc phải giống nhau khi bỏ dấu; kiểm tra lại chính tả")
        elif own.intended and own.reading:
            yield Reading(own.intended, own.reading, own.note or "")
