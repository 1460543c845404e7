"""Approving a campaign: what must be so before it, what it is bound to, and what ends it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dispatcher import fingerprint
from dispatcher.control import ControlError, find, moved, not_now, person, second_person
from dispatcher.lifecycle import Act, CampaignStatus
from dispatcher.review import Office, Review, review
from dispatcher.rulings import ruled_out
from dispatcher.store import approvals, audit, campaigns
from dispatcher.store.approvals import Path
from dispatcher.store.audiences import Audience
from dispatcher.store.campaigns import StoredCampaign
from dispatcher.store.database import Connection


@dataclass(frozen=True, slots=True)
class Approved:
    """What was approved: its hash, the audience versions, how, what was accepted with it, its rehearsal if it had one."""

    hash: str
    path: Path
    audiences: tuple[Audience, ...]
    findings: tuple[str, ...]
    rehearsal: str | None


async def propose(connection: Connection, edition: str, by: str, office: Office) -> Review:
    """Put a draft up for approval, once nothing bars it; answers what an approver will see.

    Raises `ControlError`, `RuledOutError`.
    """
    stored = await find(connection, edition, lock=True)
    if stored.status is not CampaignStatus.DRAFT:
        raise not_now(stored)
    found = await review(connection, edition, office)
    if found.refusals:
        raise ruled_out(found.campaign, found.refusals)
    await campaigns.propose(connection, stored.id, person(by))
    await audit.record(connection, person(by), "campaign.propose", edition, content=found.hash)
    return found


async def approve(
    connection: Connection,
    edition: str,
    by: str,
    office: Office,
    *,
    accept: str = "",
    alert: str = "",
    seen: str = "",
    lacking: Sequence[str] = (),
) -> Approved:
    """Another person than the author approves what `review` shows, all of it; answers what that was.

    `accept`: the reason for approving although some of it would be late. `alert`: the reason for the short way, which a
    confirmation must follow. `seen`: the beginning of the hash that the person has looked at. `lacking`: what the carriers
    say has to be mended first. Raises `ControlError`, `RuledOutError`.
    """
    stored = await find(connection, edition, lock=True)
    status = moved(stored, Act.APPROVE)
    who = await _second_person(connection, stored, by)
    if stored.status is not CampaignStatus.DRAFT and not (stored.void or await _breach(connection, stored, office)):
        raise not_now(stored)
    found = await review(connection, edition, office)
    findings = _accepted(found, (*found.findings, *lacking), accept.strip(), alert.strip(), seen.strip())
    for wave in found.waves:
        await campaigns.pin_audience(connection, wave.id, wave.audience_id, wave.selection)
    given = Approved(
        found.hash,
        Path.ALERT if alert.strip() else Path.FULL,
        found.audiences,
        findings,
        found.rehearsal.hash if found.rehearsal and found.rehearsed else None,
    )
    await _record(connection, found, given, who, alert.strip() or accept.strip(), status)
    return given


async def _record(
    connection: Connection, found: Review, given: Approved, who: str, reason: str, status: CampaignStatus
) -> None:
    told: dict[str, Any] = {"reason": reason, "findings": list(given.findings), "rehearsal": given.rehearsal}
    await approvals.put(connection, found.stored.id, who, given.path, given.hash, found.terms, **told)
    await campaigns.approve(connection, found.stored.id, who, given.hash, status)
    await audit.record(
        connection, who, f"campaign.{Act.APPROVE}", found.stored.edition,
        approved_hash=given.hash, status=status, path=given.path, **told,
    )  # fmt: skip


async def _second_person(connection: Connection, stored: StoredCampaign, by: str) -> str:
    """Whoever had a hand in it is an author: a draft may have been written anew by somebody else."""
    return second_person(by, [stored.author, *await audit.actors(connection, "campaign.add", stored.edition)])


async def _breach(connection: Connection, stored: StoredCampaign, office: Office) -> str | None:
    waves = await campaigns.waves(connection, stored.id)
    return await fingerprint.breach(connection, stored, waves, office.routes, bodies=None)


def _accepted(found: Review, findings: tuple[str, ...], accept: str, alert: str, seen: str) -> tuple[str, ...]:
    """What speaks against it and is accepted all the same. Raises where it is not to be."""
    if found.refusals:
        raise ruled_out(found.campaign, found.refusals)
    if not found.hash.startswith(seen):
        raise ControlError(f"Chiến dịch đã đổi sau khi xem lại (mã {seen}, nay là {found.hash[:12]}). {_look(found)}")
    if alert:
        if not found.alert:
            raise ControlError('Chỉ chiến dịch có priority = "alert" mới được duyệt nhanh.')
        return (*findings, *([found.over_ceiling] if found.over_ceiling else []))
    if found.over_ceiling:
        raise ControlError(f"Chưa duyệt được: {found.over_ceiling}.")
    if findings and not accept:
        listed = "".join(f"\n- {finding}" for finding in findings)
        raise ControlError(f'Chưa duyệt được, vì:{listed}\nVẫn duyệt thì ghi lý do: --accept "LÝ DO".')
    return findings


def _look(found: Review) -> str:
    return f"Xem lại: dispatcher campaign review {found.stored.edition}"


async def confirm(connection: Connection, edition: str, by: str, office: Office) -> None:
    """Afterwards, somebody who is not its author stands for an alert that was approved the short way. Raises `ControlError`."""
    stored = await find(connection, edition, lock=True)
    who = await _second_person(connection, stored, by)
    approval = await approvals.last(connection, stored.id)
    if approval is None or approval.hash != stored.approved_hash or approval.path is not Path.ALERT:
        raise ControlError(f"Chiến dịch {edition} không có cảnh báo duyệt nhanh nào chờ xác nhận.")
    if await approvals.confirmed(connection, stored.id, approval.hash):
        raise ControlError(f"Chiến dịch {edition} đã được xác nhận từ trước.")
    await approvals.put(connection, stored.id, who, Path.CONFIRMATION, approval.hash, approval.terms)
    await audit.record(connection, who, "campaign.confirm", edition, approved_hash=approval.hash)
    await campaigns.set_void(connection, stored.id, await _breach(connection, stored, office))


async def withdraw(connection: Connection, edition: str, by: str, why: str) -> None:
    """Make an approved campaign that has not begun a draft again. Raises `ControlError`."""
    stored = await find(connection, edition, lock=True)
    moved(stored, Act.WITHDRAW)
    if not why.strip():
        raise ControlError("Cần ghi lý do rút phê duyệt (--reason).")
    await campaigns.withdraw(connection, stored.id)
    await audit.record(
        connection, person(by), f"campaign.{Act.WITHDRAW}", edition,
        reason=why.strip(), approved_by=stored.approved_by, approved_hash=stored.approved_hash,
    )  # fmt: skip
