"""The complaint desk: what a person complained of is kept with its proof, and what they refuse is refused at once."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from campaigns import msisdn
from dispatcher.errors import UserError
from dispatcher.importing import suppress
from dispatcher.keyring import Keyring
from dispatcher.store import audit, complaints, confirmations, inbound
from dispatcher.store.database import Connection
from dispatcher.store.suppressions import Refused, Scope


class ComplaintError(UserError):
    """A complaint that cannot be taken or answered like this."""


class CameBy(StrEnum):
    TEXT = "text"
    LETTER = "letter"
    CALL = "call"
    VISIT = "visit"
    OTHER = "other"


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
        raise ComplaintError("Cần ghi nội dung (--said) và căn cứ (--document), ví dụ: Đơn số 5 ngày 02/6/2026.")
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
