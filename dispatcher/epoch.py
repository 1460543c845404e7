"""Is this database the one that was sending? What it says of itself against what its witnesses say: pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

# A witness is written after the database's commit: whoever is killed in between, and several at once, leave it behind.
LAG = 10


@dataclass(frozen=True, slots=True)
class Mark:
    """A life of an installation (it changes when a person adopts it), and how far it has got.

    `in_place` is False when the mark was found in a file that was copied from elsewhere.
    """

    epoch: UUID
    generation: int
    in_place: bool = True


@dataclass(frozen=True, slots=True)
class Stored:
    """What the database says. `mark` is None before the first start; `at_home`: it was written in this very database;
    `used`: there are messages in it."""

    mark: Mark | None
    renewed_at: datetime | None
    at_home: bool
    used: bool


@dataclass(frozen=True, slots=True)
class Witnesses:
    """What is known outside of the database: to this process, in the folder of this host, in Valkey."""

    memory: Mark | None
    file: Mark | None
    valkey: Mark | None


class Standing(StrEnum):
    """What the comparison comes to. Only the first two may send."""

    FRESH = "fresh"
    OURS = "ours"
    RESTORED = "restored"
    MOVED = "moved"
    COPIED = "copied"
    REPLACED = "replaced"
    UNKNOWN = "unknown"


RIGHTFUL = frozenset({Standing.FRESH, Standing.OURS})
REASONS = {
    Standing.RESTORED: "cơ sở dữ liệu cũ hơn lần chạy gần nhất của hệ thống, như khi khôi phục từ bản sao lưu",
    Standing.MOVED: "cơ sở dữ liệu được chép từ một máy chủ hoặc một cơ sở dữ liệu khác",
    Standing.COPIED: "thư mục dữ liệu được chép từ nơi khác",
    Standing.REPLACED: "Valkey/Redis này thuộc về một hệ thống khác, hoặc hệ thống đã được nhận lại ở nơi khác",
    Standing.UNKNOWN: "không có dấu chứng nào cho biết cơ sở dữ liệu này là của hệ thống đang chạy",
}


def judge(stored: Stored, known: Witnesses, *, embedded: bool) -> Standing:
    """What this database is to us. `embedded`: Valkey's data and the file lie in one folder with the database, so only
    the file, which notices that it was copied, can vouch."""
    if stored.mark is None:
        return _unmarked(stored, known)
    if not stored.at_home:
        return Standing.MOVED
    if known.valkey and known.valkey.epoch != stored.mark.epoch:
        return Standing.REPLACED
    if embedded and known.file and not known.file.in_place:
        return Standing.COPIED
    heard = [w for w in (known.memory, known.file, known.valkey) if w and w.in_place and w.epoch == stored.mark.epoch]
    if any(witness.generation > stored.mark.generation for witness in heard):
        return Standing.RESTORED
    vouching = [w for w in heard if w is not known.valkey] if embedded else heard
    near = any(witness.generation >= stored.mark.generation - LAG for witness in vouching)
    return Standing.OURS if near else Standing.UNKNOWN


def _unmarked(stored: Stored, known: Witnesses) -> Standing:
    """New, of an older version of ours, or a backup of such."""
    if stored.used:
        return Standing.RESTORED if known.file or known.valkey else Standing.FRESH
    return Standing.REPLACED if known.valkey else Standing.FRESH
