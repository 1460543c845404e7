"""What people write to us and whom we must leave alone, as staff see it: numbers masked unless there is a reason."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from campaigns import msisdn
from dispatcher.errors import UserError
from dispatcher.importing import suppress
from dispatcher.keyring import Keyring
from dispatcher.store import audit, confirmations, inbound, suppressions
from dispatcher.store.database import Connection
from dispatcher.store.inbound import Row
from dispatcher.store.suppressions import AskedRelease, Refused, Scope, Suppression

ERASED = "đã xóa"
SCOPE_WORDS = {Scope.ALL: "mọi tin", Scope.ADVERTISING: "tin quảng cáo", Scope.TOPICS: "tin về chủ đề"}
EVERYTHING = Refused()


class CorrespondenceError(UserError):
    """A number that is none, or a text that is not there."""


async def several(
    connection: Connection, keyring: Keyring, rows: Sequence[Row], *, reveal: bool = False
) -> list[dict[str, Any]]:
    """Texts from people with what became of each, numbers masked unless revealed."""
    confirmed = await confirmations.standing(connection, [row.msisdn_hash for row in rows])
    return [_told(row, keyring, confirmed, reveal=reveal) for row in rows]


async def one(connection: Connection, keyring: Keyring, id_: int, *, reveal: bool = False) -> dict[str, Any]:
    """A text in the inbox. Raises `CorrespondenceError`."""
    row = await inbound.find(connection, id_)
    if row is None:
        raise CorrespondenceError(f"Không có tin {id_} trong hộp thư đến. Xem: dispatcher inbox list")
    return (await several(connection, keyring, [row], reveal=reveal))[0]


def _told(row: Row, keyring: Keyring, confirmed: Mapping[bytes, str], *, reveal: bool) -> dict[str, Any]:
    return {
        "id": row.id,
        "received_at": row.received_at,
        "msisdn": _person(row, keyring, reveal=reveal),
        "sent_to": row.sent_to,
        "route": row.route,
        "text": row.body,
        "complete": row.complete,
        "refusal": row.refusal,
        "confirmation": confirmed.get(row.msisdn_hash) if row.refusal else None,
        "forwarded_to": row.forwarded_to,
        "forwarded_by": row.forwarded_by,
        "forwarded_at": row.forwarded_at,
    }


def _person(row: Row | Suppression | AskedRelease, keyring: Keyring, *, reveal: bool) -> str:
    if row.cipher is None or row.key_id is None:
        return ERASED
    person = keyring.decrypt(row.cipher, row.msisdn_hash, row.key_id)
    return msisdn.spoken(person) if reveal else msisdn.mask(person)


async def forward(connection: Connection, keyring: Keyring, id_: int, to: str, by: str, reason: str) -> dict[str, Any]:
    """Pass a text on: the whole number is shown, and that is recorded. Raises `CorrespondenceError`."""
    await one(connection, keyring, id_)
    if not to.strip():
        raise CorrespondenceError("Cần ghi chuyển cho ai, ví dụ: Công an phường Kỳ Lừa.")
    await inbound.forward(connection, id_, to.strip(), by)
    await audit.record(connection, by, "inbound.forward", str(id_), to=to.strip(), reason=reason)
    return await one(connection, keyring, id_, reveal=True)


def listed(entry: Suppression, keyring: Keyring) -> dict[str, Any]:
    """An entry of the suppression list, the number masked."""
    return {
        "msisdn": _person(entry, keyring, reveal=False),
        "reason": entry.reason,
        "source": entry.source,
        "proof": entry.proof,
        "scope": SCOPE_WORDS[entry.scope],
        "topics": entry.topics,
        "added_by": entry.added_by,
        "added_at": entry.added_at,
    }


async def leave_alone(
    connection: Connection,
    keyring: Keyring,
    written: list[str],
    reason: str,
    source: str,
    by: str,
    refused: Refused = EVERYTHING,
    proof: str = "",
) -> tuple[int, int]:
    """Put numbers on the suppression list; answers how many were given and how many are new. Raises `CorrespondenceError`."""
    if refused.scope is Scope.TOPICS and not refused.topics:
        raise CorrespondenceError("Cần ghi ít nhất một chủ đề bị từ chối.")
    numbers: dict[str, str] = {}
    for one in written:
        numbers |= {number: msisdn.network(number) for number in _numbers(one)}
    new = await suppress(
        connection, keyring, numbers, reason, source, by, refused.scope, proof=proof, topics=refused.topics
    )
    masked = ", ".join(msisdn.mask(number) for number in numbers)
    await audit.record(
        connection, by, "suppression.add", masked,
        reason=reason, scope=refused.scope, topics=list(refused.topics), proof=proof,
    )  # fmt: skip
    return len(numbers), new


def _numbers(written: str) -> Sequence[str]:
    read = msisdn.normalise(written)
    if read.rejected:
        raise CorrespondenceError(f"{written}: {msisdn.EXPLANATIONS[read.rejected].format(detail='')}")
    return read.numbers


def apart(written: str) -> list[str]:
    """What is written one a line, or with commas between."""
    return [one.strip() for one in re.split(r"[,;\n]", written) if one.strip()]


def one_number(written: str) -> str:
    """The one mobile number that was written. Raises `CorrespondenceError`."""
    found = _numbers(written)
    if len(found) != 1:
        raise CorrespondenceError(f"{written}: cần đúng một số di động, ví dụ 0912345678.")
    return found[0]


async def newest_suppressions(connection: Connection, keyring: Keyring, limit: int) -> tuple[int, list[dict[str, Any]]]:
    """How many numbers are on the list, and those that came last."""
    rows = await suppressions.newest(connection, limit)
    return await suppressions.count(connection), [listed(row, keyring) for row in rows]


async def asked_releases(connection: Connection, keyring: Keyring) -> list[dict[str, Any]]:
    """Whom somebody asked to text again, advertising included; `person` names them, the number is masked."""
    return [
        {
            "person": row.msisdn_hash.hex(),
            "msisdn": _person(row, keyring, reveal=False),
            "asked_by": row.asked_by,
            "asked_at": row.asked_at,
            "reason": row.reason,
        }
        for row in await suppressions.asked_releases(connection)
    ]
