"""Taking a person off the suppression list: with a reason always, and where advertising was refused by two people."""

from __future__ import annotations

from enum import StrEnum

from dispatcher.errors import UserError
from dispatcher.store import audit, suppressions
from dispatcher.store.database import Connection
from dispatcher.store.suppressions import Scope


class ReleaseError(UserError):
    """The person is not on the list, or may not be taken off it like this."""


class Released(StrEnum):
    """How far a release went."""

    FROM_TOPICS = "topics"  # nothing is refused any more
    TO_ADVERTISING = "advertising-stays"  # everything but advertising may be sent again
    ASKED = "asked"  # another person must look at it
    WHOLLY = "wholly"  # nothing is refused any more, advertising included


async def release(connection: Connection, person: bytes, why: str, by: str, *, advertising: bool) -> Released:
    """Let messages reach a person again; without `advertising` all but that. Raises `ReleaseError`."""
    if not why.strip():
        raise ReleaseError("Cần ghi lý do: căn cứ nào để gửi lại cho người đã từ chối.")
    found = await suppressions.find(connection, person, lock=True)
    if found is None:
        raise ReleaseError("Số này không có trong danh sách từ chối nhận.")
    done = await _release(connection, person, found.scope, why.strip(), by, advertising=advertising)
    await audit.record(connection, by, f"suppression.release.{done}", person.hex(), reason=why.strip(), was=found.scope)
    return done


async def _release(
    connection: Connection, person: bytes, scope: Scope, why: str, by: str, *, advertising: bool
) -> Released:
    if scope is Scope.TOPICS:
        await suppressions.remove(connection, person)
        return Released.FROM_TOPICS
    if advertising:
        return await _wholly(connection, person, why, by)
    if scope is Scope.ADVERTISING:
        raise ReleaseError(
            "Số này chỉ từ chối quảng cáo. Muốn gửi lại thì chọn gửi cả quảng cáo (--advertising), cần hai người."
        )
    await suppressions.narrow(connection, person, why, by)
    return Released.TO_ADVERTISING


async def _wholly(connection: Connection, person: bytes, why: str, by: str) -> Released:
    asked_by = await suppressions.ask_release(connection, person, why, by)
    if asked_by is None:
        return Released.ASKED
    if asked_by.casefold() == by.casefold():
        raise ReleaseError(f"{asked_by} đã đề nghị gửi lại quảng cáo; cần một người khác xem lại và đồng ý.")
    await suppressions.remove(connection, person)
    return Released.WHOLLY
