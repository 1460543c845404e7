"""Who plays the people: members like the real ones in every way but their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import polars as pl

from campaigns import msisdn
from campaigns.campaign import Campaign
from dispatcher import control, fingerprint
from dispatcher.keyring import Keyring
from dispatcher.lifecycle import CampaignStatus
from dispatcher.rehearsing.script import Script
from dispatcher.settings import RouteConfig
from dispatcher.store import approvals, audiences, campaigns, installation, rehearsals
from dispatcher.store.approvals import Path
from dispatcher.store.audiences import PEOPLE, Rows
from dispatcher.store.campaigns import StoredWave
from dispatcher.store.database import Connection
from dispatcher.store.rehearsals import Likeness

AUTHOR, PLAYER = "author", "rehearsal"
BLOCK = 1_000_000


def number(network: str, who: int) -> str:
    """A number of that network, counted on: only a pretend carrier on this machine is given it."""
    blocks = msisdn.blocks(network)
    return f"84{blocks[who // BLOCK % len(blocks)]}{who % BLOCK:06}"


async def engage(source: Connection, stage: Connection, keyring: Keyring, script: Script) -> dict[int, int]:
    """Copy the audiences of the waves without their numbers; answers audience -> audience on the stage."""
    wanted = sorted({wave.audience_id or 0 for wave in script.waves})
    return {audience: await _copy(source, stage, keyring, script.campaign, audience, wanted) for audience in wanted}


async def _copy(
    source: Connection, stage: Connection, keyring: Keyring, campaign: Campaign, audience: int, wanted: Sequence[int]
) -> int:
    named = await audiences.of_id(source, audience)
    if named is None:
        raise LookupError(f"no audience {audience}")
    values = {"name": named.name, "source_name": "", "source_sha256": "", "mapping": {}, "imported_by": PLAYER}
    copy, _year = await audiences.begin(stage, values)
    refused: list[int] = []
    pages = rehearsals.likenesses(source, audience, wanted, campaign.message_class.value, campaign.topics)
    async for page in pages:
        await audiences.put(stage, _rows(page, keyring, copy))
        refused += [one.n for one in page if one.refused]
    count = named.recipients
    counts = {"lines": count, "accepted": count, "duplicate": 0, "rejected": 0, "recipients": count}
    await audiences.finish(stage, copy, keyring.current, counts)
    await rehearsals.refuse(stage, copy, refused)
    return copy


def _rows(page: Sequence[Likeness], keyring: Keyring, audience: int) -> Rows:
    numbers = [number(one.network, one.who) for one in page]
    hashes = keyring.hashes(numbers)
    people = pl.DataFrame(
        [(one.n, one.n, one.network, one.area_code, one.group_name, one.language, one.birth_year) for one in page],
        schema=PEOPLE,
        orient="row",
    )
    return Rows.of(audience, people, hashes, keyring.encrypt_all(numbers, hashes))


async def open_on(
    stage: Connection, script: Script, cast: dict[int, int], routes: Sequence[RouteConfig], moment: datetime
) -> list[StoredWave]:
    """Let the campaign run on the stage from `moment` on, bound to what is sent there; answers its waves with people."""
    await installation.rehearse_at(stage, moment)
    await control.add(stage, script.campaign, AUTHOR)
    stored = await control.find(stage, script.campaign.edition)
    ours = {wave.slug: wave for wave in await campaigns.waves(stage, stored.id)}
    for wave in script.waves:
        await campaigns.pin_audience(stage, ours[wave.slug].id, cast[wave.audience_id or 0], wave.selection)
    waves = await campaigns.waves(stage, stored.id)
    terms = await fingerprint.terms(stage, stored, waves, routes)
    bound = fingerprint.digest(terms)
    await approvals.put(stage, stored.id, PLAYER, Path.FULL, bound, terms)
    await campaigns.approve(stage, stored.id, PLAYER, bound, CampaignStatus.RUNNING)
    return [wave for wave in waves if wave.audience_id]
