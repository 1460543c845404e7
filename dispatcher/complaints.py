"""The complaint desk: what a person complained of is kept with its proof, and what they refuse is refused at once."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from campaigns import msisdn
from dispatcher.delivery_log import shown
from dispatcher.errors import UserError
from dispatcher.importing import suppress
from dispatcher.keyring import Keyring
from dispatcher.store import audit, complaints, confirmations, inbound, log, suppressions
from dispatcher.store.complaints import Complaint
from dispatcher.store.database import Connection
from dispatcher.store.search import Wanted
from dispatcher.store.suppressions import Refused, Scope


class ComplaintError(UserError):
    """A complaint that cannot be taken or answered like this."""


class CameBy(StrEnum):
    TEXT = "text"
    LETTER = "letter"
    CALL = "call"
    VISIT = "visit"
    OTHER = "other"


CAME_BY_WORDS = {
    CameBy.TEXT: "tin nhắn",
    CameBy.LETTER: "đơn thư",
    CameBy.CALL: "cuộc gọi",
    CameBy.VISIT: "đến trực tiếp",
    CameBy.OTHER: "cách khác",
}
ERASED = "đã xóa"
# More than that nobody was sent.
MOST = 1000


@dataclass(frozen=True, slots=True)
class Given:
    """A complaint as it is taken; `document` is what proves it: a letter's number, a call's time."""

    number: str
    came_by: CameBy
    document: str
    said: str
    by: str
    refused: Refused | None = None


async def of_text(connection: Connection, keyring: Keyring, id_: int, by: str, refused: Refused | None) -> Given:
    """A text in the inbox as a complaint. Raises `ComplaintError`."""
    text = await inbound.find(connection, id_)
    if text is None or text.cipher is None or text.key_id is None:
        raise ComplaintError(f"Không có tin {id_} trong hộp thư đến, hoặc người gửi đã được xóa.")
    number = keyring.decrypt(text.cipher, text.msisdn_hash, text.key_id)
    return Given(number, CameBy.TEXT, f"tin đến {id_}", text.body, by, refused)


async def take(connection: Connection, keyring: Keyring, given: Given, *, confirm_all: bool = False) -> int:
    """Keep a complaint, and put on the list what is refused, in the caller's transaction; answers its id.

    A refusal of advertising is confirmed, however it came. Raises `ComplaintError`.
    """
    if not given.document.strip() or not given.said.strip():
        raise ComplaintError("Cần ghi nội dung và căn cứ, ví dụ: Đơn số 5 ngày 02/6/2026.")
    person = keyring.hash(given.number)
    network = msisdn.network(given.number)
    await inbound.put_numbers(
        connection,
        hashes=[person],
        ciphers=[keyring.encrypt(given.number, person)],
        networks=[network],
        key_id=keyring.current,
    )
    id_ = await complaints.add(
        connection, person, came_by=given.came_by, document=given.document, said=given.said, by=given.by
    )
    if given.refused:
        await suppress(
            connection, keyring, {given.number: network}, f"phản ánh {id_}", given.came_by, given.by, given.refused.scope,
            proof=given.document, topics=given.refused.topics,
        )  # fmt: skip
        if given.refused.scope is not Scope.TOPICS:
            await confirmations.owe(connection, person, whatever=confirm_all)
    await audit.record(
        connection, given.by, "complaint.take", str(id_),
        came_by=given.came_by, document=given.document, refused=given.refused.scope if given.refused else None,
    )  # fmt: skip
    return id_


async def answer(connection: Connection, id_: int, text: str, by: str) -> None:
    """Write down what was answered, once. Raises `ComplaintError`."""
    if not text.strip():
        raise ComplaintError("Cần ghi nội dung trả lời.")
    if await complaints.find(connection, id_) is None:
        raise ComplaintError(f"Không có phản ánh {id_}. Xem: dispatcher complaint list")
    if not await complaints.answer(connection, id_, text.strip(), by):
        raise ComplaintError(f"Phản ánh {id_} đã được trả lời; xem: dispatcher complaint show {id_}")
    await audit.record(connection, by, "complaint.answer", str(id_))


async def told(connection: Connection, keyring: Keyring, id_: int, *, reveal: bool = False) -> dict[str, Any]:
    """A complaint, all that its person was sent, and what the suppression list says of them. Raises `ComplaintError`."""
    found = await complaints.find(connection, id_)
    if found is None:
        raise ComplaintError(f"Không có phản ánh {id_}.")
    rows = await log.first(connection, Wanted(msisdn_hash=found.msisdn_hash), MOST)
    refused = await suppressions.find(connection, found.msisdn_hash)
    past = await suppressions.past(connection, found.msisdn_hash)
    confirmed = await confirmations.standing(connection, [found.msisdn_hash])
    return {
        **listed(found, keyring, reveal=reveal),
        "messages": [{**shown(row, keyring, reveal=reveal), "text": row.text} for row in rows],
        "refuses": _refusal(refused) if refused else None,
        "refused_before": [{**_refusal(one), "until": one.ended_at} for one in past],
        "confirmation": confirmed.get(found.msisdn_hash),
    }


def listed(one: Complaint, keyring: Keyring, *, reveal: bool = False) -> dict[str, Any]:
    """A complaint as people see it, the number masked unless revealed."""
    return {
        "id": one.id,
        "received_at": one.received_at,
        "msisdn": _person(one, keyring, reveal=reveal),
        "came_by": one.came_by,
        "came_by_words": CAME_BY_WORDS[CameBy(one.came_by)],
        "document": one.document,
        "said": one.said,
        "taken_by": one.taken_by,
        "status": "answered" if one.answer else "open",
        "status_words": "đã trả lời" if one.answer else "chưa trả lời",
        "answer": one.answer,
        "answered_by": one.answered_by,
        "answered_at": one.answered_at,
    }


def _person(one: Complaint, keyring: Keyring, *, reveal: bool) -> str:
    if one.cipher is None or one.key_id is None:
        return ERASED
    person = keyring.decrypt(one.cipher, one.msisdn_hash, one.key_id)
    return msisdn.spoken(person) if reveal else msisdn.mask(person)


def _refusal(one: suppressions.Suppression | suppressions.Past) -> dict[str, Any]:
    return {
        "scope": one.scope,
        "topics": one.topics,
        "reason": one.reason,
        "source": one.source,
        "proof": one.proof,
        "added_by": one.added_by,
        "added_at": one.added_at,
    }
