"""A person makes this installation the rightful one: everything that may have been sent elsewhere is held back first."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import uuid4

from campaigns.calendar import spoken
from dispatcher.control import ControlError
from dispatcher.epoch import Mark
from dispatcher.guard import Finding
from dispatcher.store import audit, batches, broadcasts, campaigns, installation
from dispatcher.store.database import Connection


@dataclass(frozen=True, slots=True)
class Adopted:
    """`held` waves wait for a person each, `uncertain` messages were being sent when the data was copied.

    `broadcasts`: articles to followers that may have been sent since, and are in doubt.
    """

    mark: Mark
    held: tuple[str, ...]
    uncertain: int
    broadcasts: tuple[str, ...] = ()


async def adopt(connection: Connection, finding: Finding, by: str, why: str) -> Adopted:
    """Begin a new life of the installation in this database; the caller tells the witnesses. Raises `ControlError`.

    Nothing leaves by itself afterwards: every wave that may have been under way since the data was copied is held.
    """
    if not by.strip() or not why.strip():
        raise ControlError("Cần ghi tên (--by) và lý do (--reason): quyết định này được lưu vào nhật ký thao tác.")
    mark = Mark(uuid4(), 1)
    await installation.adopt(connection, mark)
    uncertain = await batches.disown_all(connection)
    held = await campaigns.hold_begun(connection, _reason(finding))
    doubted = await broadcasts.disown_begun(connection, _reason(finding))
    await audit.record(
        connection, by.strip(), "installation.adopt", str(mark.epoch),
        reason=why, standing=finding.standing, before=_before(finding), held=held, uncertain=uncertain,
        broadcasts=doubted,
    )  # fmt: skip
    return Adopted(mark, tuple(held), uncertain, tuple(doubted))


def _reason(finding: Finding) -> str:
    since = finding.stored.renewed_at
    moment = f"dữ liệu dừng lúc {spoken(since)}" if since else "dữ liệu không rõ dừng lúc nào"
    return f"hệ thống được nhận lại, {moment}: có thể đã gửi sau lúc đó, cần đối chiếu với nhà mạng trước khi gửi tiếp"


def _before(finding: Finding) -> dict[str, object] | None:
    mark, renewed_at = finding.stored.mark, finding.stored.renewed_at
    if mark is None or renewed_at is None:
        return None
    return {"epoch": str(mark.epoch), "generation": mark.generation, "renewed_at": renewed_at.isoformat()}
