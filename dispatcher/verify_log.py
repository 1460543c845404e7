"""Verify an export of the sealed log, or an extract of it: python verify_log.py FILE CHECKPOINT PUBLIC-KEY.

One file that needs nothing of Dispatcher: Python 3.11 and the package `cryptography`. The format is docs/sealing.md; the same
rules judge the live database.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import json
import struct
import sys
import zlib
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
NOTHING = bytes(32)  # what the first seal follows
TAG_BYTES = 4
# A row comes late when it was queued so long after rows with higher numbers. A receipt may wait an hour for its message.
LATE = timedelta(hours=2)
# More are counted, not kept: whoever rewrites everything must not fill the memory.
MOST_FINDINGS = 1_000

WORDS = {
    "edited": "dòng bị sửa",
    "missing": "dòng bị xóa",
    "gone": "dòng đã mất trước khi được niêm phong",
    "inserted": "dòng thêm vào, không thuộc dấu niêm phong nào",
    "moved": "dòng bị đổi chỗ",
    "late": "dòng chèn vào đoạn đã niêm phong",
    "twice": "dòng có trong hai dấu niêm phong",
    "some": "có dòng bị sửa, không chỉ được dòng nào",
    "seal": "dấu niêm phong bị sửa hoặc bị nối lại chuỗi",
    "signature": "chữ ký của dấu niêm phong không đúng",
    "order": "thiếu hoặc đảo thứ tự dấu niêm phong",
    "checkpoint": "điểm kiểm tra không khớp với chuỗi",
    "truncated": "phần cuối của nhật ký bị cắt",
    "pruning": "lệnh xóa dòng hết hạn lưu không hợp lệ",
    "unreadable": "tệp không đọc được đến hết",
}
SOURCES = {
    "attempts": "lần gửi",
    "receipts": "báo nhận",
    "exchanges": "lần trao đổi với nhà mạng",
    "audit_trail": "việc trong nhật ký thao tác",
}
TITLES = {"checkpoint": "điểm kiểm tra", "pruning": "lệnh xóa dòng hết hạn lưu", "extract": "trích lục"}
VIETNAM = timezone(timedelta(hours=7))


@dataclass(frozen=True, slots=True)
class Said:
    """The same in English, for data, and in Vietnamese, for people."""

    english: str = ""
    vietnamese: str = ""


class Unusable(Exception):  # noqa: N818  read in a sentence: the file is unusable
    """A file is not what it should be: nothing can be said of the log."""

    def __init__(self, english: str, vietnamese: str) -> None:
        super().__init__(english)
        self.said = Said(english, vietnamese)


def _not(what: str, named: str, why: object) -> Unusable:
    return Unusable(f"not {what}: {why}", f"không phải {named} ({why})")


# --- the canonical form: a number of fields, then for each its type, its length (-1: nothing) and its bytes, big-endian


# Moments that no calendar has, `infinity` among them, stay what they are: microseconds.
def _moment(value: datetime | int) -> bytes:
    return struct.pack(">q", value if isinstance(value, int) else (value - EPOCH) // MICROSECOND)


def _read_moment(packed: bytes) -> datetime | int:
    since: int = struct.unpack(">q", packed)[0]
    try:
        return EPOCH + since * MICROSECOND
    except OverflowError:
        return since


@dataclass(frozen=True, slots=True)
class Type:
    """How a kind of value is written: in a record (code, bytes) and in JSON."""

    code: int
    packed: Callable[[Any], bytes]
    unpacked: Callable[[bytes], Any]
    spoken: Callable[[Any], Any] = lambda value: value
    heard: Callable[[Any], Any] = lambda value: value


def _int8(value: int) -> bytes:
    return struct.pack(">q", value)


TYPES = {
    "bool": Type(16, lambda v: b"\1" if v else b"\0", lambda b: b == b"\1"),
    "bytea": Type(17, bytes, bytes, lambda v: v.hex(), bytes.fromhex),
    "int8": Type(20, _int8, lambda b: struct.unpack(">q", b)[0]),
    "text": Type(25, str.encode, bytes.decode),
    "float8": Type(701, lambda v: struct.pack(">d", v), lambda b: struct.unpack(">d", b)[0]),
    "timestamptz": Type(
        1184, _moment, _read_moment,
        lambda v: v if isinstance(v, int) else v.isoformat(), lambda v: v if isinstance(v, int) else datetime.fromisoformat(v),
    ),
    "uuid": Type(2950, bytes.fromhex, bytes.hex),
}  # fmt: skip
KINDS = {kind.code: kind for kind in TYPES.values()}


def record(*fields: tuple[str, Any]) -> bytes:
    """Fields (type, value) in the canonical form."""
    return struct.pack(">i", len(fields)) + b"".join([_field(TYPES[name], value) for name, value in fields])


def _field(kind: Type, value: Any) -> bytes:
    if value is None:
        return struct.pack(">ii", kind.code, -1)
    packed = kind.packed(value)
    return struct.pack(">ii", kind.code, len(packed)) + packed


def fields(content: bytes) -> list[Any]:
    """The values of a record. Raises `Unusable`."""
    try:
        (count,), place, values = struct.unpack_from(">i", content), 4, []
        for _ in range(count):
            code, length = struct.unpack_from(">ii", content, place)
            place += 8
            values.append(None if length < 0 else KINDS[code].unpacked(content[place : place + length]))
            place += max(length, 0)
    except (struct.error, KeyError, ValueError) as error:
        raise _not("a record", "một bản ghi", error) from None
    return values


@dataclass(frozen=True)
class Form:
    """What is sealed of a table: `attempts/1 id=int8 message_id=uuid ...`; the first column is the row's number."""

    text: str

    @property
    def name(self) -> str:
        return self.text.partition(" ")[0]

    @property
    def source(self) -> str:
        return self.name.partition("/")[0]

    @property
    def columns(self) -> list[tuple[str, str]]:
        """(name, type) of each. Raises `Unusable`."""
        pairs = [word.partition("=")[::2] for word in self.text.split(" ")[1:]]
        if not pairs or any(kind not in TYPES for _, kind in pairs):
            raise _not("a form", "danh sách cột", repr(self.text[:80]))
        return pairs

    def encoder(self) -> Callable[[list[Any]], bytes]:
        """JSON values of a row -> its record."""
        kinds = [TYPES[kind] for _, kind in self.columns]
        head = struct.pack(">i", len(kinds) + 1) + _field(TYPES["text"], self.name)

        def encode(values: list[Any]) -> bytes:
            heard = [None if v is None else k.heard(v) for k, v in zip(kinds, values, strict=True)]
            return head + b"".join([_field(k, v) for k, v in zip(kinds, heard, strict=True)])

        return encode

    def spoken(self, row: bytes) -> list[Any]:
        """A row's record -> its JSON values."""
        kinds = [TYPES[kind] for _, kind in self.columns]
        return [None if v is None else k.spoken(v) for k, v in zip(kinds, fields(row)[1:], strict=True)]

    @property
    def id_at(self) -> int:
        """Where the row's number stands in its record."""
        return 4 + 8 + len(self.name.encode()) + 8


# --- hashes and the tree (RFC 6962: an odd node is handed up)


def leaf(row: bytes) -> bytes:
    return sha256(b"\0" + row).digest()


def absent(form: Form, number: int) -> bytes:
    """Stands for a row that was gone when it was to be sealed."""
    return leaf(record(("text", "absent/1"), ("text", form.source), ("int8", number)))


def root(leaves: Sequence[bytes]) -> bytes:
    level = list(leaves) or [NOTHING]
    while len(level) > 1:
        pairs = [sha256(b"\1" + a + b).digest() for a, b in zip(level[::2], level[1::2], strict=False)]
        level = [*pairs, level[-1]] if len(level) % 2 else pairs
    return level[0]


def path(leaves: Sequence[bytes], at: int) -> list[str]:
    """What leads from the leaf at that place up to the root: at each step the side of the sibling, and its hash."""
    level, steps = list(leaves), []
    while len(level) > 1:
        beside = at ^ 1
        if beside < len(level):
            steps.append(("L" if beside < at else "R") + level[beside].hex())
        pairs = [sha256(b"\1" + a + b).digest() for a, b in zip(level[::2], level[1::2], strict=False)]
        level = [*pairs, level[-1]] if len(level) % 2 else pairs
        at //= 2
    return steps


def climb(start: bytes, steps: Sequence[str]) -> bytes:
    """The root that a path leads to. Raises ValueError."""
    for step in steps:
        beside = bytes.fromhex(step[1:])
        pair = {"L": beside + start, "R": start + beside}.get(step[:1])
        if pair is None or len(beside) != len(NOTHING):
            raise ValueError(f"not a step: {step[:8]}")
        start = sha256(b"\1" + pair).digest()
    return start


def split(content: bytes, size: int) -> list[bytes]:
    return [content[at : at + size] for at in range(0, len(content), size)]


# --- the chain


@dataclass(frozen=True, slots=True)
class Note:
    """What is signed of a seal: its hash as it was made, its rows' numbers and the first bytes of their hashes."""

    n: int
    hash: bytes
    ids: tuple[int, ...]
    tags: bytes

    def written(self) -> bytes:
        ids = struct.pack(f">{len(self.ids)}q", *self.ids)
        return record(("text", "note/1"), ("int8", self.n), ("bytea", self.hash), ("bytea", ids), ("bytea", self.tags))


def read_note(written: bytes) -> Note:
    """Raises `Unusable`."""
    try:
        _, n, hash_, ids, tags = fields(written)
        return Note(n, hash_, struct.unpack(f">{len(ids) // 8}q", ids), tags)
    except (ValueError, TypeError, struct.error) as error:
        raise _not("a note", "ghi chú của dấu niêm phong", error) from None


@dataclass(frozen=True, slots=True)
class Seal:
    """One link of the chain, over rows of one table in the order of their numbers."""

    n: int
    form: str
    rows: int
    queued_from: datetime
    queued_to: datetime
    sealed_at: datetime
    root: bytes
    previous: bytes
    hash: bytes
    note: bytes
    signature: bytes

    def digest(self, ids: Sequence[int]) -> bytes:
        """What `hash` must be."""
        return self.digest_over(digest_of(ids))

    def digest_over(self, numbers: bytes) -> bytes:
        """The same from the SHA-256 over the rows' numbers."""
        return sha256(
            record(
                ("text", "seal/1"), ("int8", self.n), ("text", self.form), ("int8", self.rows), ("bytea", numbers),
                ("timestamptz", self.queued_from), ("timestamptz", self.queued_to), ("timestamptz", self.sealed_at),
                ("bytea", self.root), ("bytea", self.previous),
            )
        ).digest()  # fmt: skip


def digest_of(ids: Sequence[int]) -> bytes:
    return sha256(struct.pack(f">{len(ids)}q", *ids)).digest()


# An installation has one key at a time; after a loss, a log has parts that were signed with different ones.
Keys = tuple[Ed25519PublicKey, ...]


def key_id(key: Ed25519PublicKey) -> str:
    return sha256(key.public_bytes_raw()).hexdigest()[:16]


def signed(keys: Keys, signature: bytes, content: bytes) -> bool:
    """Whether the holder of one of the keys signed it."""
    for key in keys:
        with suppress(InvalidSignature):
            key.verify(signature, content)
            return True
    return False


def statement(title: str, lines: Mapping[str, object]) -> str:
    """A short text to be signed: a title, then `name value` lines; it can be printed, read out and typed in."""
    return "".join([f"{title}\n", *(f"{name} {value}\n" for name, value in lines.items())])


def read_statement(text: str, title: str, keys: Keys) -> dict[str, str]:
    """Its lines. Raises `Unusable` unless it is a statement of that kind, signed with one of the keys."""
    lines = [line.rstrip() for line in text.strip().lstrip("\ufeff").splitlines()]
    named = TITLES[title.removeprefix("dispatcher ").partition("/")[0]]
    if not lines or lines[0] != title or not lines[-1].startswith("signature "):
        raise Unusable(f"not a {title}", f"tệp không phải {named}")
    try:
        signature = base64.b64decode(lines[-1].removeprefix("signature "), validate=True)
    except ValueError:
        raise Unusable(f"the signature of this {title} is not readable", f"không đọc được chữ ký của {named}") from None
    if not signed(keys, signature, "".join(f"{line}\n" for line in lines[:-1]).encode()):
        ids = [key_id(key) for key in keys]
        raise Unusable(
            f"this {title} was not signed by the key {' or '.join(ids)}",
            f"{named} không do khóa {' hoặc '.join(ids)} ký",
        )
    return {name: value for name, _, value in (line.partition(" ") for line in lines[1:-1])}


CHECKPOINT = "dispatcher checkpoint/1"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far the chain had got. `tree`: over the hashes of the seals since the checkpoint before."""

    number: int
    seals: int
    rows: int
    head: bytes
    tree: bytes
    previous: bytes
    at: datetime

    def lines(self) -> dict[str, object]:
        return {
            "number": self.number,
            "seals": self.seals,
            "rows": self.rows,
            "head": self.head.hex(),
            "tree": self.tree.hex(),
            "previous": self.previous.hex(),
            "at": self.at.astimezone(UTC).isoformat(timespec="microseconds"),
        }


def read_checkpoint(text: str, keys: Keys) -> Checkpoint:
    """Raises `Unusable`."""
    lines = read_statement(text, CHECKPOINT, keys)
    try:
        head, tree, previous = (bytes.fromhex(lines[name]) for name in ("head", "tree", "previous"))
        number, seals, rows = (int(lines[name]) for name in ("number", "seals", "rows"))
        return Checkpoint(number, seals, rows, head, tree, previous, datetime.fromisoformat(lines["at"]))
    except (KeyError, ValueError) as error:
        raise _not("a checkpoint", TITLES["checkpoint"], error) from None


PRUNING = "dispatcher pruning/1"
# What people did is kept for good.
PRUNABLE = frozenset({"attempts", "receipts", "exchanges"})


@dataclass(frozen=True, slots=True)
class Pruning:
    """That the rows of these seals were deleted, all of them, because they were queued before a moment."""

    seals: tuple[tuple[int, int], ...]  # from, to
    before: datetime

    def lines(self) -> dict[str, object]:
        written = ",".join(f"{first}-{last}" for first, last in self.seals)
        return {"seals": written, "before": self.before.astimezone(UTC).isoformat(timespec="microseconds")}


def read_pruning(text: str, keys: Keys) -> Pruning:
    """Raises `Unusable`."""
    lines = read_statement(text, PRUNING, keys)
    try:
        pairs = [written.split("-") for written in lines["seals"].split(",")]
        seals = tuple([(int(first), int(last)) for first, last in pairs])
        return Pruning(seals, datetime.fromisoformat(lines["before"]))
    except (KeyError, ValueError) as error:
        raise _not("a pruning", TITLES["pruning"], error) from None


def text_digest(text: str) -> bytes:
    return sha256(text.strip().encode()).digest()


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong: `what` (a key of WORDS), in which seal, which row, and between which checkpoints it was still whole.

    `id` is None where no single row can be named; `from_checkpoint` 0 is the beginning of the log.
    """

    what: str
    seal: int
    source: str | None = None
    id: int | None = None
    sealed_at: datetime | None = None
    detail: Said = Said()
    from_checkpoint: int | None = None
    to_checkpoint: int | None = None


@dataclass
class Chain:
    """Judges seals, rows and checkpoints in the order in which they were made; `findings` says what is wrong."""

    keys: Keys
    given: Checkpoint | None = None  # the one that somebody kept elsewhere
    findings: list[Finding] = field(default_factory=list)
    more: int = 0
    seals: int = 0
    rows: int = 0
    head: bytes = NOTHING
    last_checkpoint: Checkpoint | None = None
    counts: dict[str, int] = field(default_factory=dict)
    pruned: int = 0  # rows that are gone by a signed order
    _prunings: list[Pruning] = field(default_factory=list)
    _since: list[bytes] = field(default_factory=list)
    _text: bytes = NOTHING
    _until: list[tuple[int, int]] = field(default_factory=list)  # (seals, number) of each checkpoint
    _met: bool = False
    _youngest: datetime | None = None
    _recent: dict[str, list[tuple[datetime, int]]] = field(default_factory=dict)
    _sealed_up_to: dict[str, int] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        return not self.findings

    def prune(self, text: str) -> None:
        """An order by which rows are gone; before the seals that it is about."""
        try:
            self._prunings.append(read_pruning(text, self.keys))
        except Unusable as error:
            self._say_at("pruning", self.seals, error.said)

    def take(self, seal: Seal, found: Sequence[bytes]) -> None:
        """The next seal, with the records of its rows as they are now."""
        form = Form(seal.form)
        note = self._signed_note(seal)
        self._follow(seal)
        leaves = [leaf(row) for row in found]
        trusted = note is not None and seal.hash == note.hash == seal.digest(note.ids)
        if not trusted:
            self._say("seal", seal)
        if not found and self._may_be_gone(seal, form):
            self.pruned += seal.rows
        elif not (trusted and len(leaves) == seal.rows and root(leaves) == seal.root):
            self._name(seal, form, note, found, leaves)
        if note:
            self._judge_order(seal, form, note)
        self.rows += seal.rows
        self.counts[form.source] = self.counts.get(form.source, 0) + len(found)

    def checkpoint(self, text: str) -> None:
        """A checkpoint that is kept with the log."""
        try:
            said = read_checkpoint(text, self.keys)
        except Unusable as error:
            return self._say_at("checkpoint", self.seals, error.said)
        before = self.last_checkpoint
        if said.seals > self.seals:
            return self._truncated(said)
        follows = said.previous == self._text and said.number == (before.number if before else 0) + 1
        if not (follows and said.seals == self.seals and said.head == self.head and said.tree == root(self._since)):
            self._say_at("checkpoint", self.seals, Said(f"number {said.number}", f"số {said.number}"))
        self._since, self._text, self.last_checkpoint = [], text_digest(text), said
        self._until.append((said.seals, said.number))
        return None

    def finish(self) -> list[Finding]:
        """All findings, each with the checkpoints that it lies between."""
        if self.given and self.given.seals > self.seals:
            self._truncated(self.given)
        elif self.given and self.given.seals and not self._met:
            self._say_at("checkpoint", self.given.seals, _given(self.given))
        self.findings = [self._placed(finding) for finding in self.findings]
        return self.findings

    def say(self, finding: Finding) -> None:
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append(finding)
        else:
            self.more += 1

    def _signed_note(self, seal: Seal) -> Note | None:
        """The seal's note; its signature is judged by the way."""
        if not signed(self.keys, seal.signature, seal.note):
            self._say("signature", seal)
        try:
            note = read_note(seal.note)
        except Unusable:
            return None
        return note if note.n == seal.n and len(note.tags) == TAG_BYTES * len(note.ids) else None

    def _follow(self, seal: Seal) -> None:
        if seal.n != self.seals + 1 or seal.previous != self.head:
            self._say("order", seal)
        self.seals, self.head = seal.n, seal.hash
        self._since.append(seal.hash)
        if self.given and self.given.seals == seal.n:
            self._met = True
            if self.given.head != seal.hash:
                self._say("checkpoint", seal, detail=_given(self.given))

    def _may_be_gone(self, seal: Seal, form: Form) -> bool:
        return form.source in PRUNABLE and any(
            seal.queued_to < order.before and any(first <= seal.n <= last for first, last in order.seals)
            for order in self._prunings
        )

    def _name(self, seal: Seal, form: Form, note: Note | None, found: Sequence[bytes], leaves: Sequence[bytes]) -> None:
        """Say which rows are not what was sealed, by what was signed of each."""
        if note is None:
            return self._say("some", seal)
        numbers = _numbers(form, found)
        tags = dict(zip(note.ids, split(note.tags, TAG_BYTES), strict=True))
        now = dict(zip(numbers, leaves, strict=False))
        named = len(numbers) > len(now)
        for number in {number for number in numbers if numbers.count(number) > 1} if named else ():
            self._say("inserted", seal, number)
        for number in sorted(tags.keys() | now.keys()):
            if what := _verdict(form, number, tags.get(number), now.get(number)):
                named = True
                self._say(what, seal, number)
        if not named and not self._already(seal):
            self._name_moved(seal, note.ids, numbers)
        return None

    def _name_moved(self, seal: Seal, sealed: Sequence[int], numbers: Sequence[int]) -> None:
        """Every row is as it was; only their order is not."""
        moved = [now for was, now in zip(sealed, numbers, strict=True) if was != now]
        for number in moved:
            self._say("moved", seal, number)
        if not moved:
            self._say("some", seal)

    def _already(self, seal: Seal) -> bool:
        return any(finding.seal == seal.n for finding in self.findings)

    def _judge_order(self, seal: Seal, form: Form, note: Note) -> None:
        """Rows that joined long after rows with higher numbers were sealed."""
        recent = self._recent.setdefault(form.source, [])
        while recent and recent[0][0] < seal.queued_from - LATE:
            self._sealed_up_to[form.source] = max(self._sealed_up_to.get(form.source, 0), recent.pop(0)[1])
        bound = self._sealed_up_to.get(form.source, 0)
        backdated = self._youngest is not None and seal.queued_from < self._youngest - LATE
        for number in note.ids:
            if number >= bound and not backdated:
                break
            self._say("late", seal, number)
        self._youngest = max(self._youngest or seal.queued_to, seal.queued_to)
        recent.append((seal.queued_to, max(note.ids, default=0)))

    def _truncated(self, said: Checkpoint) -> None:
        seals, rows = said.seals - self.seals, said.rows - self.rows
        lost = Said(
            f"{seals} seals, {rows} rows, known to checkpoint {said.number}",
            f"mất {_thousands(seals)} dấu niêm phong, {_thousands(rows)} dòng mà điểm kiểm tra {said.number} đã ghi nhận",
        )
        self._say_at("truncated", self.seals + 1, lost)

    def _say(self, what: str, seal: Seal, number: int | None = None, detail: Said = Said()) -> None:
        self.say(Finding(what, seal.n, Form(seal.form).source, number, seal.sealed_at, detail))

    def _say_at(self, what: str, n: int, detail: Said) -> None:
        self.say(Finding(what, n, detail=detail))

    def _placed(self, finding: Finding) -> Finding:
        at = bisect_left(self._until, (finding.seal, 0))
        before = self._until[at - 1][1] if at else 0
        after = self._until[at][1] if at < len(self._until) else None
        return Finding(**{**_plain(finding), "from_checkpoint": before, "to_checkpoint": after})


def _given(checkpoint: Checkpoint) -> Said:
    return Said(
        f"number {checkpoint.number}, the one given", f"số {checkpoint.number}, là điểm kiểm tra đã giữ ở nơi khác"
    )


def _plain(finding: Finding) -> dict[str, Any]:
    return {name: getattr(finding, name) for name in Finding.__slots__}


def _numbers(form: Form, found: Sequence[bytes]) -> tuple[int, ...]:
    at = form.id_at
    return tuple([int.from_bytes(row[at : at + 8], signed=True) for row in found])


def _verdict(form: Form, number: int, tag: bytes | None, now: bytes | None) -> str | None:
    if tag is None:
        return "inserted"
    if now is None:
        return "gone" if tag == absent(form, number)[:TAG_BYTES] else "missing"
    return None if now[:TAG_BYTES] == tag else "edited"


# --- the export: lines of JSON, gzipped


def seal_line(seal: Seal) -> dict[str, Any]:
    """A seal as it stands in an export."""
    return {
        name: value.hex() if isinstance(value, bytes) else value.isoformat() if isinstance(value, datetime) else value
        for name, value in ((name, getattr(seal, name)) for name in Seal.__slots__)
    }


def read_seal(line: Mapping[str, Any]) -> Seal:
    """Raises `Unusable`."""
    try:
        values: dict[str, Any] = {name: line[name] for name in Seal.__slots__}
        for name in ("root", "previous", "hash", "note", "signature"):
            values[name] = bytes.fromhex(values[name])
        for name in ("queued_from", "queued_to", "sealed_at"):
            values[name] = datetime.fromisoformat(values[name])
        return Seal(**values)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise _not("a seal", "dấu niêm phong", error) from None


FORMAT = "dispatcher log/1"


class Reader:
    """Hands the lines of an export to a chain: a seal is judged when the lines of its rows are over."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._seal: Seal | None = None
        self._rows: list[bytes] = []
        self._encode: Callable[[list[Any]], bytes] | None = None

    def read(self, lines: Iterator[str]) -> dict[str, Any]:
        """Read to the end; answers what the last line says. Raises `Unusable` where that is not to be had."""
        if json.loads(next(lines, "{}")).get("format") != FORMAT:
            raise Unusable(
                f"the first line is not that of an export ({FORMAT})", f"dòng đầu không phải của tệp xuất ({FORMAT})"
            )
        for line in lines:
            said = json.loads(line)
            if isinstance(said, list):
                self._row(said)
            elif end := self._event(said):
                if next(lines, None) is not None:
                    self._stray(Said("lines after the last one", "có dòng sau dòng cuối"))
                return end
        self._event({"end": None})
        raise Unusable("the export stops before its end", "tệp xuất bị cụt, thiếu phần cuối")

    def _row(self, values: list[Any]) -> None:
        if self._encode:
            self._rows.append(_encoded(self._encode, values))
        else:
            self._stray(Said(*[json.dumps(values)[:80]] * 2))

    def _event(self, said: dict[str, Any]) -> dict[str, Any] | None:
        if self._seal:
            self._chain.take(self._seal, self._rows)
        self._seal, self._rows, self._encode = None, [], None
        if "seal" in said:
            self._seal = read_seal(said["seal"])
            self._encode = Form(self._seal.form).encoder()
        elif "checkpoint" in said:
            self._chain.checkpoint(said["checkpoint"])
        elif "pruning" in said:
            self._chain.prune(said["pruning"])
        elif "end" not in said:
            line = json.dumps(said)[:80]
            raise Unusable(f"a line of no kind: {line}", f"có dòng lạ: {line}")
        return said.get("end")

    def _stray(self, what: Said) -> None:
        self._chain.say(Finding("inserted", self._chain.seals, detail=what))


def _encoded(encode: Callable[[list[Any]], bytes], values: list[Any]) -> bytes:
    """A row that cannot be one stands as it is: it will fit nothing."""
    try:
        return encode(values)
    except (TypeError, ValueError, AttributeError, struct.error):
        return json.dumps(values).encode()


def read_keys(written: str) -> Keys:
    """A line each, 32 bytes in base64. Raises `Unusable`."""
    try:
        raw = [base64.b64decode(line, validate=True) for line in written.split()]
        keys = tuple([Ed25519PublicKey.from_public_bytes(key) for key in raw])
    except ValueError:
        keys = ()
    if not keys:
        raise Unusable(
            "the public key is not 32 bytes in base64", "khóa công khai không đúng dạng (32 byte viết bằng base64)"
        )
    return keys


def verify(export: Path, checkpoint: Path, public_key: Path) -> tuple[Chain, dict[str, Any]]:
    """Judge an export by a checkpoint and a key that came another way. Raises `Unusable` and `OSError`."""
    keys = read_keys(public_key.read_text("ascii", "replace"))
    chain = Chain(keys, read_checkpoint(checkpoint.read_text("utf-8", "replace"), keys))
    end: dict[str, Any] = {}
    try:
        with gzip.open(export, "rt", encoding="utf-8") as lines:
            end = Reader(chain).read(iter(lines))
    except Unusable as error:
        chain.say(Finding("unreadable", chain.seals + 1, detail=error.said))
    except (EOFError, zlib.error, gzip.BadGzipFile, ValueError, TypeError, AttributeError) as error:
        chain.say(Finding("unreadable", chain.seals + 1, detail=Said(str(error), f"tệp hỏng: {error}")))
    if end and end.get("seals") != chain.seals:
        n = end.get("seals")
        promised = Said(f"the export promises {n} seals", f"dòng cuối của tệp hứa {n} dấu niêm phong")
        chain.say(Finding("truncated", chain.seals + 1, detail=promised))
    chain.finish()
    return chain, end


def sentences(chain: Chain) -> Iterator[str]:
    """The verdict in Vietnamese, for people."""
    at = chain.last_checkpoint
    yield f"{_thousands(chain.seals)} dấu niêm phong, {_thousands(chain.rows)} dòng (giờ ghi dưới đây là giờ Việt Nam)"
    if chain.pruned:
        pruned = _thousands(chain.pruned)
        yield f"Trong đó {pruned} dòng đã hết hạn lưu và bị xóa theo lệnh có ký; dấu niêm phong của chúng còn nguyên."
    if at:
        yield f"Điểm kiểm tra gần nhất trong nhật ký: số {at.number}, {_local(at.at)}"
    if chain.given:
        yield f"Đối chiếu với điểm kiểm tra số {chain.given.number}, {_local(chain.given.at)}"
    if chain.whole:
        yield "NGUYÊN VẸN: không có dòng nào bị sửa, xóa, chèn hay đảo."
        return
    yield f"KHÔNG NGUYÊN VẸN: {_thousands(len(chain.findings) + chain.more)} điểm sai."
    yield from (sentence(finding) for finding in chain.findings)
    if chain.more:
        yield f"... và {_thousands(chain.more)} điểm sai nữa."


def sentence(finding: Finding) -> str:
    row = f"{SOURCES.get(finding.source or '', finding.source)} số {finding.id}: " if finding.id is not None else ""
    detail = f" ({finding.detail.vietnamese})" if finding.detail.vietnamese else ""
    return f"- {row}{WORDS[finding.what]}{detail}; dấu niêm phong {finding.seal}{_since(finding)}"


def _since(finding: Finding) -> str:
    """Since when: what is wrong with a sealed row came after its seal."""
    before = f"sau điểm kiểm tra {finding.from_checkpoint}" if finding.from_checkpoint else "từ đầu nhật ký"
    between = f"{before}, trước điểm kiểm tra {finding.to_checkpoint}" if finding.to_checkpoint else before
    if not finding.sealed_at:
        return f" ({between})"
    return f", đóng lúc {_local(finding.sealed_at)} ({between}); sai lệch xảy ra sau lúc đó"


def _local(moment: datetime) -> str:
    return f"{moment.astimezone(VIETNAM):%H:%M:%S %d/%m/%Y}"


def _thousands(number: int) -> str:
    return f"{number:,}".replace(",", ".")


def told(chain: Chain) -> dict[str, Any]:
    """The verdict as data."""
    return {
        "whole": chain.whole,
        "seals": chain.seals,
        "rows": chain.rows,
        "pruned": chain.pruned,
        "checkpoint": chain.last_checkpoint.number if chain.last_checkpoint else None,
        "checked_against": chain.given.number if chain.given else None,
        "findings": [
            {
                **{k: v.isoformat() if isinstance(v, datetime) else v for k, v in _plain(finding).items()},
                "detail": finding.detail.english,
            }
            for finding in chain.findings
        ],
        "more": chain.more,
    }


# --- an extract: what concerns one number, each row with the way from it to a checkpoint

EXTRACT = "dispatcher extract/1"
_PLAIN = ("n", "form", "rows")
_MOMENTS = ("queued_from", "queued_to", "sealed_at")
_HASHES = ("root", "previous", "hash")


def bare_seal(seal: Seal, numbers: bytes) -> dict[str, Any]:
    """A seal without its note: what its hash is made of."""
    return {
        **{name: getattr(seal, name) for name in _PLAIN},
        **{name: getattr(seal, name).isoformat() for name in _MOMENTS},
        **{name: getattr(seal, name).hex() for name in _HASHES},
        "numbers": numbers.hex(),
    }


def _read_bare(said: Mapping[str, Any]) -> Seal:
    moments = {name: datetime.fromisoformat(said[name]) for name in _MOMENTS}
    hashes = {name: bytes.fromhex(said[name]) for name in _HASHES}
    values: dict[str, Any] = {**{name: said[name] for name in _PLAIN}, **moments, **hashes}
    return Seal(**values, note=b"", signature=b"")


@dataclass
class Extract:
    """An extract, judged line by line; `problems` says what does not hold."""

    keys: Keys
    given: Checkpoint
    about: dict[str, Any] = field(default_factory=dict)
    messages: list[dict[str, Any]] = field(default_factory=list)
    rows: int = 0
    problems: list[str] = field(default_factory=list)
    _checkpoints: dict[int, Checkpoint] = field(default_factory=dict)
    _seals: dict[int, Seal] = field(default_factory=dict)
    _ids: set[str] = field(default_factory=set)

    def read(self, content: str) -> None:
        """All of it. Raises `Unusable` where it is no extract."""
        *lines, last = content.rstrip("\n").split("\n")
        try:
            self.about = json.loads(lines[0]) if lines else {}
            if self.about.get("format") != EXTRACT:
                raise Unusable(
                    f"the first line is not that of an extract ({EXTRACT})",
                    f"dòng đầu không phải của trích lục ({EXTRACT})",
                )
            self._sign("".join(f"{line}\n" for line in lines), json.loads(last))
            for line in lines[1:]:
                self._line(json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
            raise _not("an extract", TITLES["extract"], error) from None

    def _sign(self, content: str, last: Mapping[str, Any]) -> None:
        said = read_statement(last["signed"], EXTRACT, self.keys)
        if said.get("sha256") != sha256(content.encode()).hexdigest():
            self.problems.append("nội dung không đúng như khi ký")

    def _line(self, said: Mapping[str, Any]) -> None:
        kind = next(name for name in ("checkpoint", "seal", "message", "row") if name in said)
        {"checkpoint": self._checkpoint, "seal": self._seal, "message": self._message, "row": self._row}[kind](said)

    def _checkpoint(self, said: Mapping[str, Any]) -> None:
        found = read_checkpoint(said["checkpoint"], self.keys)
        self._checkpoints[found.number] = found
        if found.number == self.given.number and found != self.given:
            self.problems.append(f"điểm kiểm tra {found.number} khác với điểm kiểm tra đã giữ")

    def _seal(self, said: Mapping[str, Any]) -> None:
        seal, checkpoint = _read_bare(said["seal"]), self._checkpoints[said["in_checkpoint"]]
        whole = seal.digest_over(bytes.fromhex(said["seal"]["numbers"])) == seal.hash
        if not (whole and climb(seal.hash, said["path"]) == checkpoint.tree):
            self.problems.append(f"dấu niêm phong {seal.n} không thuộc điểm kiểm tra {checkpoint.number}")
        self._seals[seal.n] = seal

    def _message(self, said: Mapping[str, Any]) -> None:
        message = said["message"]
        own = bytes.fromhex(message["wave_uid"]) + bytes.fromhex(self.about["msisdn_hash"])
        if sha256(own).digest()[:16].hex() != message["id"]:
            self.problems.append(f"tin {message['id']} không phải của số này")
        self.messages.append(message)
        self._ids.add(message["id"])

    def _row(self, said: Mapping[str, Any]) -> None:
        seal, self.rows = self._seals[said["in_seal"]], self.rows + 1
        form = Form(seal.form)
        if climb(leaf(form.encoder()(said["row"])), said["path"]) != seal.root:
            self.problems.append(f"{form.source} số {said['row'][0]} không phải như khi niêm phong")
        place = [name for name, _ in form.columns].index("message_id")
        if said["row"][place] not in self._ids:
            self.problems.append(f"{form.source} số {said['row'][0]} không phải của tin nào trong trích lục")


def verify_extract(extract: Path, checkpoint: Path, public_key: Path) -> Extract:
    """Judge an extract by a checkpoint and a key that came another way. Raises `Unusable` and `OSError`."""
    keys = read_keys(public_key.read_text("ascii", "replace"))
    found = Extract(keys, read_checkpoint(checkpoint.read_text("utf-8", "replace"), keys))
    found.read(extract.read_text("utf-8", "replace"))
    return found


def extract_sentences(found: Extract) -> Iterator[str]:
    """The verdict in Vietnamese, for people."""
    yield f"Trích lục về số {found.about['msisdn']}, {found.about['from']} - {found.about['to']}: {len(found.messages)} tin"
    yield f"{found.rows} dòng nhật ký, mỗi dòng có đường chứng minh tới một điểm kiểm tra có ký"
    yield "ĐÚNG: mọi dòng đúng như khi niêm phong." if not found.problems else "KHÔNG ĐÚNG:"
    yield from (f"- {problem}" for problem in found.problems)


def extract_told(found: Extract) -> dict[str, Any]:
    """The verdict as data."""
    return {
        "whole": not found.problems,
        "messages": len(found.messages),
        "rows": found.rows,
        "problems": found.problems,
    }


def is_extract(file: Path) -> bool:
    """An export is gzipped, an extract is text."""
    with file.open("rb") as raw:
        return raw.read(2) != b"\x1f\x8b"


def main() -> int:
    """0: whole; 1: not whole; 2: the files are not usable."""
    parser = argparse.ArgumentParser(prog="verify_log.py", description=__doc__)
    parser.add_argument("export", type=Path)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("public_key", type=Path)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    try:
        data, lines = _judged(asked.export, asked.checkpoint, asked.public_key)
    except (Unusable, OSError) as error:
        sys.stderr.write(f"{error.said.vietnamese if isinstance(error, Unusable) else error}\n")
        return 2
    said = json.dumps(data, indent=2, ensure_ascii=False) if asked.json else "\n".join(lines)
    sys.stdout.write(said + "\n")
    return 0 if data["whole"] else 1


def _judged(file: Path, checkpoint: Path, public_key: Path) -> tuple[dict[str, Any], Iterator[str]]:
    if is_extract(file):
        extract = verify_extract(file, checkpoint, public_key)
        return extract_told(extract), extract_sentences(extract)
    chain, _ = verify(file, checkpoint, public_key)
    return told(chain), sentences(chain)


if __name__ == "__main__":
    sys.exit(main())
