"""Orders from an installation that is not here: made and signed as its own would make them."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from campaigns import orders as documents
from campaigns import schedule
from campaigns.campaign import Campaign
from campaigns.orders import Approval, Order, Party
from dispatcher.sealed import seal
from dispatcher.signing import SigningKey, open_signing_key
from tests.dispatcher.hall import Hall

LANG_SON = "20"


def own_key(hall: Hall) -> SigningKey:
    """The key of the installation that is here."""
    return open_signing_key(hall.runtime.settings.signing_path, create=True)


def signed_order(campaign: Campaign, giver: SigningKey, taker: SigningKey, sender: str) -> str:
    """The file by which the one wave of a campaign is ordered from Viettel, for Lạng Sơn."""
    (wave,) = campaign.waves
    ordered = wave.model_copy(update={"order": ("viettel",), "areas": (LANG_SON,)})
    campaign = campaign.model_copy(update={"waves": (ordered,), "audience": None})
    (planned,) = schedule.waves(campaign)
    areas = documents.communes(ordered.areas)
    order = Order(
        id=uuid.uuid4(),
        made_at=datetime(2026, 5, 20, tzinfo=UTC),
        expires_at=planned.closes_at,
        giver=Party(key=giver.id, name=campaign.owner or ""),
        taker=Party(key=taker.id, name="nha-mang"),
        network="viettel",
        areas=areas,
        sender=sender,
        campaign=campaign,
        texts=documents.bodies(campaign, areas),
        opens_at=planned.opens_at,
        closes_at=planned.closes_at,
        window=(planned.window_from, planned.window_to),
        approval=Approval(hash="0" * 64, by="tran.binh", at=datetime(2026, 5, 19, tzinfo=UTC)),
    )
    return seal(order.model_dump(mode="json"), giver)
