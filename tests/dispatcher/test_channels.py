"""Zalo first, then SMS: whoever Zalo refuses or cannot reach gets an SMS, nobody gets both, and doubt never falls back."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from campaigns.campaign import Campaign, Channel, ZaloText
from campaigns.tariff import Tariff
from campaigns.template import Form
from dispatcher import clock, delivery_log, expansion, failover, fallback, followers, importing, renewing, sending
from dispatcher.delivery_log import Format
from dispatcher.followers import FollowersError
from dispatcher.links import listener
from dispatcher.preflight import About, freight, lacking, preflight
from dispatcher.receipts import Inbox, arrived, settle
from dispatcher.review import Office, Review, review
from dispatcher.routing import NUMBERS
from dispatcher.rulings import RuledOutError
from dispatcher.runtime import Runtime
from dispatcher.settings import Settings, fixed
from dispatcher.store import batches, installation, log, receipts, statements
from dispatcher.store.search import Wanted
from providers.base import Callback, Follow, Receipt, user_address
from providers.sandbox import PretendCarrier
from providers.sandbox.dials import Spread
from providers.sandbox.zalo import PretendZalo, WebhookDials, ZaloDials
from providers.sandbox.zalo.dials import TemplateDials
from providers.tokens import Signed
from providers.zalo.calls import Zalo
from tests.dispatcher.hall import EDITION, SENDER, Hall, june, numbers

COMMUNE = 40
PRICE = 200  # what the pretend Zalo says of its template
TEMPLATE = TemplateDials(parameters={"xa": COMMUNE}, timeout_seconds=3600)
QUIET = WebhookDials(lost=1.0, delay_seconds=Spread())  # arrives at once, by a clock that no rehearsal moves
WAIT_MINUTES = 30
ALWAYS = datetime(2020, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC)
PAST_ALL = timedelta(hours=1, minutes=5)  # the template's time, and a little


@pytest.fixture
def zalo_dials() -> ZaloDials:
    return ZaloDials(template=TEMPLATE)


@pytest.fixture
async def zalo(zalo_dials: ZaloDials) -> AsyncIterator[PretendZalo]:
    async with PretendZalo(zalo_dials) as zalo:
        yield zalo


@pytest.fixture
def address() -> str:
    """How the Zalo route addresses people."""
    return "phone"


@pytest.fixture
def settings(tmp_path: Path, carrier: PretendCarrier, zalo: PretendZalo, address: str) -> Settings:
    """An SMS route to the pretend carrier, and a Zalo route to the pretend Zalo."""
    networks = '["zalo"]' if address == "uid" else '["*"]'
    told = "\n".join(f'{name} = "{value}"' for name, value in zalo.options.items())
    routes = tmp_path / "routes.toml"
    routes.write_text(
        f"""
[[route]]
name = "main"
provider = "esms"
networks = ["*"]
sender = "{SENDER}"
tps = 5000
[route.options]
base_url = "{carrier.base_url}"
api_key = "sandbox-api-key"
secret_key = "sandbox-secret-key"
[[route]]
name = "zalo"
provider = "zalo_zbs"
networks = {networks}
sender = "Công an tỉnh"
tps = 5000
vnd_per_message = {PRICE}
[route.options]
address = "{address}"
{told}
"""
    )
    return fixed(folder=tmp_path / "var", routes=routes, batch_size=20)


@pytest.fixture
async def hall(runtime: Runtime, carrier: PretendCarrier, zalo: PretendZalo, tmp_path: Path) -> Hall:
    provider = runtime.routes["zalo"].provider
    assert isinstance(provider, Signed)
    await provider.tokens.begin(await provider.granted(zalo.account.grant, "verifier"))  # type: ignore[attr-defined]  # a Keeper
    return Hall(runtime, carrier, tmp_path)


def campaign(policy: Channel = Channel.ZALO_THEN_SMS, parameters: dict[str, str] | None = None) -> Campaign:
    """The June campaign's first wave by Zalo."""
    plain = june()
    (wave,) = plain.waves
    text = plain.texts[wave.text].model_copy(
        update={"zalo": ZaloText(template=TEMPLATE.id, parameters=parameters or {"xa": "{commune}"})}
    )
    own = {"channel": policy, "wait_minutes": WAIT_MINUTES, "form": Form.ACCENTED}  # several segments by SMS
    waves = (wave.model_copy(update=own),)
    return plain.model_copy(update={"texts": {**plain.texts, wave.text: text}, "waves": waves})


async def planned(hall: Hall, count: int, campaign_: Campaign) -> None:
    await hall.rehearse()
    await hall.import_rows([(number, "xã Na Sầm") for number in numbers(count)])
    async with hall.runtime.pool.connection() as connection:
        await importing.relate(connection, "people", "phụ huynh đã đăng ký nhận tin, 2025", "An")
    await hall.add(campaign_)
    await hall.approve()
    await hall.start()
    (wave,) = await hall.open_waves()
    await expansion.expand(hall.runtime, wave)


async def sent(hall: Hall, count: int = 40, policy: Channel = Channel.ZALO_THEN_SMS) -> None:
    """Everything that can be sent now, by Zalo and then by SMS."""
    await planned(hall, count, campaign(policy))
    await hall.send_all()


async def later(hall: Hall, by: timedelta) -> None:
    """Move the clock on, and do what the clock does."""
    await hall.fold()
    async with hall.runtime.pool.connection() as connection:
        await installation.rehearse_at(connection, await installation.now(connection) + by)
    await fallback.fall_back(hall.runtime)
    await hall.send_all()


async def hear(hall: Hall, zalo: PretendZalo) -> None:
    """Take the webhooks of all messages that have arrived."""
    provider = hall.runtime.routes["zalo"].provider
    for taken in zalo.account.messages.values():
        message = {"msg_id": taken.msg_id, "tracking_id": taken.order.tracking_id}
        told = {"recipient": {"id": taken.order.address}, "event_name": "user_received_message", "message": message}
        body, headers = zalo.webhooks.signed(told)
        read = provider.read_callback(Callback("POST", {}, headers, body))
        found = [arrived("zalo", one, hall.runtime.keyring) for one in read if isinstance(one, Receipt)]
        async with hall.runtime.pool.connection() as connection:
            await receipts.put(connection, found)
    await settle(hall.runtime)


def by_sms(hall: Hall) -> Counter[str]:
    return hall.carrier.ledger.received


async def test_whom_zalo_takes_gets_no_sms(hall: Hall, zalo: PretendZalo) -> None:
    await sent(hall)
    await hear(hall, zalo)
    assert await hall.counts() == {"delivered": 40}
    assert len(zalo.ledger.received) == 40
    assert not by_sms(hall)


@pytest.mark.parametrize("zalo_dials", [ZaloDials(template=TEMPLATE, no_account=0.4)])
async def test_whoever_has_no_zalo_gets_an_sms_instead_and_nobody_gets_both(hall: Hall, zalo: PretendZalo) -> None:
    await sent(hall)
    assert await hall.counts() == {"submitted": 40}
    assert by_sms(hall)
    assert not zalo.ledger.received.keys() & by_sms(hall).keys()
    assert max((zalo.ledger.received + by_sms(hall)).values()) == 1
    segments = await hall.sql("SELECT DISTINCT b.route, m.segments FROM messages m JOIN batches b ON b.id = m.batch_id")
    assert {tuple(row) for row in segments} >= {("zalo", 1)}
    assert {row.route: row.segments for row in segments}["main"] > 1


@pytest.mark.parametrize("zalo_dials", [ZaloDials(template=TEMPLATE, refusals={"-141": 1.0})])
async def test_who_refuses_messages_of_the_account_is_not_written_to_by_sms(hall: Hall, zalo: PretendZalo) -> None:
    await sent(hall, 5)
    assert await hall.counts() == {"rejected": 5}
    assert not by_sms(hall)


@pytest.mark.parametrize("zalo_dials", [ZaloDials(template=TEMPLATE, no_account=1.0)])
async def test_a_wave_for_zalo_only_ends_with_the_refusal(hall: Hall) -> None:
    await sent(hall, 5, Channel.ZALO)
    assert await hall.counts() == {"rejected": 5}
    assert not by_sms(hall)


@pytest.mark.parametrize("zalo_dials", [ZaloDials(template=TEMPLATE, lost_answers=1.0, webhooks=QUIET)])
async def test_an_uncertain_message_never_falls_back(hall: Hall, zalo: PretendZalo) -> None:
    await sent(hall, 5)
    await later(hall, PAST_ALL)
    assert await hall.counts() == {"uncertain": 5}
    assert not by_sms(hall)
    await hear(hall, zalo)
    assert await hall.counts() == {"delivered": 5}


@pytest.mark.parametrize("zalo_dials", [ZaloDials(template=TEMPLATE, unreached=1.0)])
async def test_what_can_arrive_no_more_goes_on_by_sms(hall: Hall, zalo: PretendZalo) -> None:
    await sent(hall, 5)
    await later(hall, timedelta(minutes=WAIT_MINUTES + 5))
    assert not by_sms(hall), "it may still arrive"
    await later(hall, PAST_ALL)
    assert by_sms(hall) == zalo.ledger.received
    assert await hall.counts() == {"submitted": 5}
    await later(hall, PAST_ALL)
    assert max(by_sms(hall).values()) == 1


@pytest.mark.parametrize("zalo_dials", [ZaloDials(template=TEMPLATE, webhooks=QUIET)])
async def test_a_lost_webhook_is_made_up_for_by_asking(hall: Hall) -> None:
    await sent(hall, 5)
    assert await hall.counts() == {"submitted": 5}
    await later(hall, PAST_ALL)
    assert await hall.counts() == {"delivered": 5}
    assert not by_sms(hall)
    assert await hall.scalar("SELECT count(*) FROM awaited") == 0


@pytest.mark.parametrize(
    "zalo_dials", [ZaloDials(template=TEMPLATE.model_copy(update={"timeout_seconds": None}), unreached=1.0)]
)
async def test_without_a_time_of_the_template_silence_proves_nothing(hall: Hall) -> None:
    await sent(hall, 5)
    await later(hall, timedelta(hours=3))
    assert await hall.counts() == {"submitted": 5}
    assert not by_sms(hall)


@pytest.mark.parametrize("zalo_dials", [ZaloDials(template=TEMPLATE, unreached=1.0)])
async def test_what_zalo_alone_does_not_bring_is_undelivered(hall: Hall) -> None:
    await sent(hall, 5, Channel.ZALO)
    await later(hall, PAST_ALL)
    assert await hall.counts() == {"undelivered": 5}


@pytest.mark.parametrize("zalo_dials", [ZaloDials(template=TEMPLATE, daily_quota=12)])
async def test_a_used_up_quota_sends_the_rest_by_sms_at_once(hall: Hall, zalo: PretendZalo) -> None:
    await sent(hall)
    assert len(zalo.ledger.received) == 12
    assert len(by_sms(hall)) == 28
    assert not zalo.ledger.received.keys() & by_sms(hall).keys()


@pytest.mark.parametrize("zalo_dials", [ZaloDials(template=TEMPLATE, daily_quota=0)])
async def test_a_used_up_quota_makes_a_wave_for_zalo_only_wait(hall: Hall) -> None:
    await planned(hall, 5, campaign(Channel.ZALO))
    await hall.send()
    assert await hall.counts() == {"queued": 4, "retrying": 1} or await hall.counts() == {"retrying": 5}
    assert await hall.due() == []


async def test_a_route_that_needs_a_person_hands_its_messages_to_sms(hall: Hall, zalo: PretendZalo) -> None:
    await planned(hall, 30, campaign())
    zalo.account.revoke()
    await hall.send()
    assert await hall.counts() == {"queued": 30}
    async with hall.runtime.pool.connection() as connection:
        assert await failover.move_waiting(connection, hall.routes) == 30
    await hall.send_all()
    assert len(by_sms(hall)) == 30
    assert not zalo.ledger.received


async def test_a_wave_for_zalo_only_waits_for_that_person(hall: Hall, zalo: PretendZalo) -> None:
    await planned(hall, 30, campaign(Channel.ZALO))
    zalo.account.revoke()
    await hall.send()
    async with hall.runtime.pool.connection() as connection:
        assert await failover.move_waiting(connection, hall.routes) == 0
    assert await hall.counts() == {"queued": 30}


SIGN_IN = "đường gửi zalo đang dừng chờ người xử lý"


@pytest.mark.parametrize("policy", [Channel.ZALO, Channel.ZALO_THEN_SMS])
@pytest.mark.parametrize("sent_before", [False, True])
async def test_status_says_that_a_wave_waits_for_somebody_to_sign_in_at_zalo(
    hall: Hall, zalo: PretendZalo, policy: Channel, sent_before: bool
) -> None:
    await planned(hall, 30, campaign(policy))
    if sent_before:  # so that the template is known, and it is a message that is refused
        (first, _) = await hall.due()
        await sending.send(hall.runtime, first)
        await hall.sql("UPDATE batches SET enqueued_at = NULL")
    zalo.account.revoke()
    await hall.send()
    (wave,) = (await hall.view()).waves
    assert wave.waits is not None
    assert SIGN_IN in wave.waits
    assert "cấp quyền lại (dispatcher route authorise)" in wave.waits


async def test_status_says_so_too_where_the_token_was_to_be_renewed_while_nothing_was_sent(
    hall: Hall, zalo: PretendZalo, account: Zalo
) -> None:
    await planned(hall, 30, campaign(Channel.ZALO))
    zalo.account.revoke()
    await hall.sql(
        "UPDATE provider_tokens SET refreshed_at = clock_timestamp() - interval '1 day', expires_at = clock_timestamp()"
    )
    await renewing.renew(hall.runtime, "zalo", account)
    (wave,) = (await hall.view()).waves
    assert SIGN_IN in (wave.waits or "")


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"commune": "{commune}"}, "không có tham số commune"),
        ({"xa": "{commune}" + "x" * COMMUNE}, "mẫu cho phép 0-40"),
        ({"xa": ""}, "thiếu tham số xa"),
    ],
)
async def test_a_template_that_does_not_take_what_we_fill_in_holds_the_wave_before_anything_is_sent(
    hall: Hall, zalo: PretendZalo, parameters: dict[str, str], told: str
) -> None:
    await planned(hall, 5, campaign(parameters=parameters))
    await hall.send()
    assert told in await hall.scalar("SELECT held FROM waves")
    assert await hall.counts() == {"queued": 5}
    assert zalo.ledger.arrivals == []


async def test_an_audience_without_a_recorded_relation_is_refused(hall: Hall) -> None:
    await hall.rehearse()
    await hall.import_rows([(number,) for number in numbers(3)])
    await hall.add(campaign())
    with pytest.raises(RuledOutError, match="chưa ghi quan hệ trước đó"):
        await hall.approve()


async def test_an_approval_covers_channel_template_and_relation(hall: Hall) -> None:
    await planned(hall, 3, campaign())
    async with hall.runtime.pool.connection() as connection:
        await importing.relate(connection, "people", "khác", "An")
    async with hall.runtime.pool.connection() as connection:
        await clock.check_approvals(connection, hall.routes)
    assert "nhóm người nhận" in await hall.scalar("SELECT void FROM campaigns")
    await hall.send()
    assert await hall.counts() == {"queued": 3}


NOW = datetime(2026, 6, 1, 3, tzinfo=UTC)
by_id = pytest.mark.parametrize(
    ("address", "zalo_dials"), [("uid", ZaloDials(template=TEMPLATE, followers=120))], ids=["by id"]
)


@pytest.fixture
def account(hall: Hall) -> Zalo:
    provider = hall.runtime.routes["zalo"].provider
    assert isinstance(provider, Zalo)
    return provider


def word(number: int, follows: bool, minutes: int = 0) -> Follow:
    return Follow(user_address(str(number)), follows, NOW + timedelta(minutes=minutes))


async def people(hall: Hall, account: Zalo) -> int:
    async with hall.runtime.pool.connection() as connection:
        return (await followers.audience(connection, account, "followers", "An")).recipients


@by_id
async def test_the_last_word_counts_in_whatever_order_words_come(hall: Hall, account: Zalo) -> None:
    hear = listener(hall.runtime, Inbox(hall.runtime.pool), "zalo")
    await hear([word(1, follows=False, minutes=5), word(2, follows=True)])
    await hear([word(1, follows=True), word(3, follows=True)])
    await hear([word(2, follows=True), word(3, follows=False, minutes=1), word(3, follows=True, minutes=2)])
    assert await people(hall, account) == 2


@by_id
async def test_nobody_is_no_audience(hall: Hall, account: Zalo) -> None:
    with pytest.raises(FollowersError, match="--fetch"):
        await people(hall, account)


@by_id
async def test_all_who_follow_are_asked_for_page_by_page_and_get_a_wave_by_their_ids_and_none_by_sms(
    hall: Hall, account: Zalo, zalo: PretendZalo
) -> None:
    async with hall.runtime.pool.connection() as connection:
        assert len(await followers.fetch(connection, hall.runtime.keyring, account)) == 120
        made = await followers.audience(connection, account, "people", "An")
    assert (made.recipients, made.relation) == (120, "người quan tâm Official Account Công an tỉnh")
    await hall.rehearse()
    await hall.add(campaign(Channel.ZALO_THEN_SMS))
    await hall.approve()
    await hall.start()
    (wave,) = await hall.open_waves()
    await expansion.expand(hall.runtime, wave)
    await hall.send_all()
    assert await hall.counts() == {"submitted": 120}
    assert len(zalo.ledger.received) == 120
    assert not by_sms(hall)


async def given_up(hall: Hall, zalo: PretendZalo, count: int, *, meanwhile: str = "SELECT") -> None:
    """Zalo has refused everybody, but whoever is to write it down is declared dead before it can."""
    await planned(hall, count, campaign())
    async with hall.runtime.pool.connection() as connection:
        await connection.execute("LOCK TABLE attempts IN SHARE MODE")  # the answers wait to be written down
        (batch,) = await hall.due()
        sending_ = asyncio.create_task(sending.send(hall.runtime, batch))
        while len(zalo.ledger.arrivals) < count:  # noqa: ASYNC110  the pretend carrier tells nobody
            await asyncio.sleep(0.01)
        await connection.execute("UPDATE batches SET leased_until = clock_timestamp() - interval '1 s'")
        assert await batches.disown_abandoned(connection) == count
        await connection.execute(meanwhile)
    await sending_


@pytest.mark.parametrize("zalo_dials", [ZaloDials(template=TEMPLATE, no_account=1.0)])
async def test_a_refusal_that_comes_after_its_worker_was_given_up_still_goes_on_by_sms(
    hall: Hall, zalo: PretendZalo
) -> None:
    await given_up(hall, zalo, 3)
    assert await hall.counts() == {"queued": 3}
    await hall.send_all()
    assert await hall.counts() == {"submitted": 3}
    assert sorted(by_sms(hall).values()) == [1, 1, 1]


@pytest.mark.parametrize("zalo_dials", [ZaloDials(template=TEMPLATE, no_account=1.0)])
@pytest.mark.parametrize(
    "meanwhile",
    [
        "UPDATE campaigns SET status = 'cancelled'",
        "UPDATE waves SET status = 'cancelled'",
        "UPDATE waves SET closes_at = dispatcher_now()",
    ],
)
async def test_it_does_not_where_the_wave_is_over_by_then(hall: Hall, zalo: PretendZalo, meanwhile: str) -> None:
    await given_up(hall, zalo, 3, meanwhile=meanwhile)
    assert await hall.counts() == {"rejected": 3}
    assert not by_sms(hall)


@pytest.mark.parametrize("zalo_dials", [ZaloDials(template=TEMPLATE, no_account=1.0)])
async def test_a_wave_that_was_done_by_then_opens_again(hall: Hall, zalo: PretendZalo) -> None:
    done = "UPDATE waves SET status = 'done'; UPDATE campaigns SET status = 'finished'; UPDATE batches SET done = true"
    await given_up(hall, zalo, 3, meanwhile=done)
    await hall.send_all()
    assert len(by_sms(hall)) == 3


@pytest.mark.parametrize("zalo_dials", [ZaloDials(template=TEMPLATE, no_account=1.0)])
async def test_whom_a_person_had_sent_to_again_by_then_goes_on_by_sms_once_zalo_refuses_again(
    hall: Hall, zalo: PretendZalo
) -> None:
    again = "UPDATE stored_messages SET status = 'queued'; UPDATE batches SET due_at = clock_timestamp();"
    counted = " UPDATE status_deltas SET status = 'queued' WHERE status = 'uncertain'"
    await given_up(hall, zalo, 3, meanwhile=again + counted)
    assert await hall.counts() == {"queued": 3}
    await hall.send_all()
    assert len(zalo.ledger.arrivals) == 6
    assert sorted(by_sms(hall).values()) == [1, 1, 1]


@pytest.mark.parametrize("zalo_dials", [ZaloDials(template=TEMPLATE, no_account=0.5)])
async def test_log_export_and_statement_show_what_was_sent(hall: Hall, tmp_path: Path) -> None:
    await sent(hall, 10)
    async with hall.runtime.pool.connection() as connection:
        rows = [row async for page in log.of_campaign(connection, EDITION, 100) for row in page]
        exported = log.of_campaign(connection, EDITION, 100)
        keyring, path = hall.runtime.keyring, tmp_path / "log.jsonl"
        await delivery_log.export(exported, keyring, path, Format.JSONL, reveal=False, progress=lambda _: None)
        told = [await statements.sent(connection, row.msisdn_hash, *ALWAYS) for row in rows]
    (body,) = {row.text for row in rows if row.route == "main"}
    assert "ma túy" in body
    assert {row.text for row in rows if row.route == "zalo"} == {f"Zalo, mẫu {TEMPLATE.id}: xa = Na Sầm"}
    assert [[one.text for one in messages] for messages in told] == [[row.text] for row in rows]
    assert [one["template"] for one in map(json.loads, path.read_text("utf-8").splitlines())] == [
        TEMPLATE.id if row.route == "zalo" else None for row in rows
    ]


@pytest.mark.parametrize("zalo_dials", [ZaloDials(template=TEMPLATE, unreached=1.0)])
async def test_a_statement_shows_the_template_where_the_sms_that_was_to_follow_never_left(hall: Hall) -> None:
    await sent(hall, 1)
    await hall.fold()
    await hall.sql("UPDATE batches SET due_at = clock_timestamp() + interval '1 hour'")
    async with hall.runtime.pool.connection() as connection:
        await installation.rehearse_at(connection, await installation.now(connection) + PAST_ALL)
    await fallback.fall_back(hall.runtime)
    assert await hall.counts() == {"queued": 1}
    async with hall.runtime.pool.connection() as connection:
        (row,) = await log.first(connection, Wanted(edition=EDITION), 5)
        (told,) = await statements.sent(connection, row.msisdn_hash, *ALWAYS)
    assert row.text == told.text == f"Zalo, mẫu {TEMPLATE.id}: xa = Na Sầm"


CONTRACT = {network: Tariff(network, 250.0, source="hợp đồng") for network in NUMBERS}


async def looked_at(hall: Hall, policy: Channel, budget: int) -> Review:
    await hall.rehearse()
    await hall.import_rows([(number, "xã Na Sầm") for number in numbers(10)])
    async with hall.runtime.pool.connection() as connection:
        await importing.relate(connection, "people", "phụ huynh đã đăng ký nhận tin, 2025", "An")
    await hall.add(campaign(policy).model_copy(update={"budget": budget}))
    async with hall.runtime.pool.connection() as connection:
        return await review(connection, EDITION, Office(hall.routes, prices=CONTRACT))


async def test_an_approver_sees_the_price_of_zalo_and_whether_it_is_over_the_ceiling(hall: Hall) -> None:
    seen = await looked_at(hall, Channel.ZALO, budget=1999)
    assert (seen.vnd, seen.waves[0].segments) == (10 * PRICE, 10)
    assert {amount.source for amount in seen.amounts} == {"routes.toml, đường gửi zalo"}
    assert "vượt mức chi tối đa" in (seen.over_ceiling or "")


async def test_of_zalo_and_then_sms_everybody_is_reckoned_by_the_dearer_way(hall: Hall) -> None:
    seen = await looked_at(hall, Channel.ZALO_THEN_SMS, budget=10**9)
    (wave,) = seen.waves
    assert seen.vnd == wave.segments * 250 > 10 * PRICE
    assert any("cách đắt hơn" in warning for warning in seen.warnings)
    assert seen.over_ceiling is None


@pytest.mark.parametrize("zalo_dials", [ZaloDials(template=TEMPLATE, daily_quota=4)])
async def test_before_the_campaign_the_zalo_route_is_asked_for_quota_and_template(hall: Hall) -> None:
    await looked_at(hall, Channel.ZALO_THEN_SMS, budget=10**9)
    async with hall.runtime.pool.connection() as connection:
        carried = await freight(connection, EDITION, Office(hall.routes, prices=CONTRACT))
    assert carried.volumes is not None
    assert {name: (volume.people, volume.vnd is None) for name, volume in carried.volumes.items()} == {
        "zalo": (10, False),
        "main": (10, False),
    }
    assert carried.volumes["zalo"].vnd == 10 * PRICE
    found = await preflight([hall.runtime.routes["zalo"]], carried)
    said = {finding.about: finding.said for one in found for finding in one.findings}
    assert said[About.QUOTA] == "Hạn mức hôm nay còn 4 tin, chiến dịch cần 10 tin."
    assert About.TEMPLATE not in said


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ({"status": "PENDING_REVIEW"}, "chưa dùng được (PENDING_REVIEW)"),
        ({"parameters": {"xa": 3}}, "mẫu cho phép 0-3"),
        ({"id": "999"}, "chưa dùng được"),
    ],
)
async def test_a_template_that_cannot_be_sent_is_told_before_the_campaign(
    hall: Hall, zalo: PretendZalo, template: dict[str, object], told: str
) -> None:
    await looked_at(hall, Channel.ZALO, budget=10**9)
    async with hall.runtime.pool.connection() as connection:
        carried = await freight(connection, EDITION, Office(hall.routes, prices=CONTRACT))
    zalo.account.dials = zalo.dials = zalo.dials.model_copy(update={"template": TEMPLATE.model_copy(update=template)})
    (one,) = await lacking([hall.runtime.routes["zalo"]], carried)
    assert told in one


async def test_another_price_at_zalo_than_ours_is_told(hall: Hall) -> None:
    await looked_at(hall, Channel.ZALO, budget=10**9)
    dear = [one.model_copy(update={"vnd_per_message": 150.0}) for one in hall.routes]
    async with hall.runtime.pool.connection() as connection:
        carried = await freight(connection, EDITION, Office(dear, prices=CONTRACT))
    route = replace(hall.runtime.routes["zalo"], config=next(one for one in dear if one.name == "zalo"))
    (one,) = await preflight([route], carried)
    (said,) = [finding.said for finding in one.findings if finding.about is About.PRICE]
    assert said == "Zalo tính 200 đồng một tin của mẫu 204519, đường gửi ghi 150 đồng."
    assert one.ok
