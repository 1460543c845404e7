"""Whether a campaign may be approved and started: the rules, with what only this installation knows."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from campaigns import rules
from campaigns.campaign import Campaign
from campaigns.decree91 import Circumstances, Refusal
from dispatcher.errors import UserError
from dispatcher.store import suppressions
from dispatcher.store.database import Connection
from dispatcher.store.suppressions import Scope


class RuledOutError(UserError):
    """The rules have something against the campaign; every refusal is told, with its article."""


async def judge(connection: Connection, campaign: Campaign, senders: Collection[str] | None) -> list[Refusal]:
    """What the rules have against the campaign going out under these senders (None: not known)."""
    circumstances = Circumstances(
        senders=None if senders is None else tuple(dict.fromkeys(senders)),
        do_not_call=await suppressions.any_of(connection, Scope.ADVERTISING),
    )
    return rules.refusals(campaign, circumstances)


def ruled_out(campaign: Campaign, refusals: Iterable[object]) -> RuledOutError:
    """Every refusal in one error."""
    listed = "".join(f"\n- {refusal}" for refusal in refusals)
    return RuledOutError(f"Chiến dịch {campaign.edition} chưa được phê duyệt hoặc bắt đầu, vì:{listed}")


async def permit(connection: Connection, campaign: Campaign, senders: Collection[str] | None) -> None:
    """Raise `RuledOutError` unless the rules let the campaign go out under these senders (None: not known)."""
    if found := await judge(connection, campaign, senders):
        raise ruled_out(campaign, found)
