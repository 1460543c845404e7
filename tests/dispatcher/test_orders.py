"""Orders to operators: out as a signed file, run by another installation, back as a signed result; nothing altered passes."""

from __future__ import annotations

import asyncio
import base64
import datetime
import hashlib
import json
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from campaigns import orders as documents
from campaigns.campaign import Campaign
from campaigns.orders import Cell, Order, Result
from dispatcher import orders, receipts
from dispatcher.control import ControlError
from dispatcher.embedded import Embedded
from dispatcher.errors import UserError
from dispatcher.expansion import expand
from dispatcher.orders import OrderError, Wanted
from dispatcher.review import Office
from dispatcher.rosters import RosterError
from dispatcher.runtime import Addresses, open_runtime
from dispatcher.sealed import SealError, canonical, seal
from dispatcher.settings import fixed
from dispatcher.signing import SigningKey, open_signing_key
from dispatcher.store import installation
from dispatcher.store.database import migrate
from providers.sandbox import Dials, PretendCarrier
from tests.dispatcher.hall import APPROVER, AUTHOR, EDITION, LAUNCH, SENDER, Hall, june, numbers

GIVER, TAKER = "cong-an-lang-son", "nha-mang"
LANG_SON, HERE, THERE, ELSEWHERE = "20", "05977", "05986", "00004"


@pytest.fixture
def giver_key(tmp_path: Path) -> SigningKey:
    return open_signing_key(tmp_path / "giver.pem", create=True)


@pytest.fixture
def taker_key(tmp_path: Path) -> SigningKey:
    return open_signing_key(tmp_path / "taker.pem", create=True)


def ordered(*networks: str, slug: str = LAUNCH) -> Campaign:
    """The June campaign with one wave, for the operators of these networks."""
    campaign = june(slug, audience=None)
    (wave,) = campaign.waves
    return campaign.model_copy(
        update={"waves": (wave.model_copy(update={"order": networks or ("viettel",), "areas": (LANG_SON,)}),)}
    )


def wanted(**changed: str) -> Wanted:
    asked = {"edition": EDITION, "wave": LAUNCH, "network": "viettel", "partner": TAKER, "sender": SENDER, "by": AUTHOR}
    return Wanted(**{**asked, **changed})


async def given(hall: Hall, key: SigningKey, taker: SigningKey, campaign: Campaign | None = None) -> str:
    """The signed file of an order for the wave, whose campaign is approved and running."""
    await hall.rehearse()
    await hall.add(campaign or ordered())
    await hall.approve()
    await hall.start()
    async with hall.runtime.pool.connection() as connection:
        await orders.trust(connection, TAKER, taker.public.written, AUTHOR)
        _, file = await orders.give(connection, key, wanted(), office(hall).routes)
    return file


async def take(hall: Hall, key: SigningKey, file: str) -> orders.Taken:
    async with hall.runtime.pool.connection() as connection:
        return await orders.take(connection, key, file.encode(), AUTHOR)


def office(hall: Hall, **changed: str) -> Office:
    """What the hall knows of its routes."""
    return Office([route.config.model_copy(update=changed) for route in hall.runtime.routes.values()])


async def run(hall: Hall, order: uuid.UUID, subscribers: Path, by: str = APPROVER, **changed: Any) -> Any:
    async with hall.runtime.pool.connection() as connection:
        return await orders.run(
            connection,
            hall.runtime.keyring,
            order,
            subscribers,
            by,
            office(hall),
            lambda _done, _total: None,
            **changed,
        )


async def trusting(hall: Hall, key: SigningKey, name: str = GIVER) -> None:
    async with hall.runtime.pool.connection() as connection:
        await orders.trust(connection, name, key.public.written, AUTHOR)


@pytest.fixture
async def partner(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Hall]:
    """A second installation: servers, keyring and carrier of its own."""
    folder = tmp_path_factory.mktemp("partner")
    routes = folder / "routes.toml"
    async with PretendCarrier(Dials(brandnames=(SENDER,), refusals={"99": 0.1})) as carrier:
        routes.write_text(
            f'[[route]]\nname = "own"\nprovider = "esms"\nnetworks = ["*"]\nsender = "{SENDER}"\ntps = 5000\n'
            f'[route.options]\nbase_url = "{carrier.base_url}"\napi_key = "sandbox-api-key"\n'
            'secret_key = "sandbox-secret-key"\n'
        )
        settings = fixed(folder=folder, routes=routes, batch_size=50)
        with Embedded(folder) as servers:
            migrate(servers.database_url)
            async with open_runtime(settings, Addresses(servers.database_url, servers.redis_url)) as runtime:
                yield Hall(runtime, carrier, folder)


def subscribers(hall: Hall) -> Path:
    """250 in one commune of the order, 47 in another, 3 of another network, 20 elsewhere, one who is nobody."""
    people = [
        *((number, HERE) for number in numbers(250)),
        *((number, THERE) for number in numbers(47, "097")),
        *((number, THERE) for number in numbers(3, "093")),
        *((number, ELSEWHERE) for number in numbers(20, "098")),
        ("hỏng", HERE),
    ]
    return hall.roster([(number, area, "") for number, area in people])


async def sent(hall: Hall) -> None:
    for wave in await hall.open_waves():
        await expand(hall.runtime, wave)
    while await hall.send():
        await hall.tidy()
    await receipts.settle(hall.runtime)


async def test_an_order_goes_out_is_run_there_and_its_result_comes_back_with_equal_totals(
    hall: Hall, partner: Hall, giver_key: SigningKey, taker_key: SigningKey
) -> None:
    file = await given(hall, giver_key, taker_key)
    await partner.rehearse()
    await trusting(partner, giver_key)
    taken = await take(partner, taker_key, file)
    imported = await run(partner, taken.order.id, subscribers(partner))
    assert (imported.audience.lines, imported.audience.accepted, imported.audience.rejected) == (321, 300, 21)
    await sent(partner)
    async with partner.runtime.pool.connection() as connection:
        made, result = await orders.report(connection, taker_key, taken.order.id, AUTHOR)
    async with hall.runtime.pool.connection() as connection:
        answered = await orders.accept(connection, result.encode(), AUTHOR)
    rows = await partner.sql("SELECT status::text, count(*)::int AS n FROM messages GROUP BY 1")
    there = {row.status: row.n for row in rows}
    assert len(there) == 2
    assert answered.result == made
    assert answered.result.totals() == there
    assert sum(there.values()) == answered.result.planned == len(partner.carrier.ledger.arrivals) == 300
    assert {body for (body,) in await partner.sql("SELECT body FROM texts")} == {t.body for t in taken.order.texts}
    everything = file + result
    assert not [number for number in numbers(250) if number[1:] in everything]
    assert hall.carrier.ledger.arrivals == []


async def test_the_same_order_twice_is_known_and_runs_once(
    hall: Hall, giver_key: SigningKey, taker_key: SigningKey
) -> None:
    """One installation may be both sides: the order is under one id on either."""
    file = await given(hall, giver_key, taker_key)
    await hall.sql("DELETE FROM orders")
    await trusting(hall, giver_key)
    assert not (await take(hall, taker_key, file)).already
    assert (await take(hall, taker_key, json.dumps(json.loads(file)))).already
    (order,) = [row.id for row in await hall.sql("SELECT id FROM orders")]
    people = hall.roster([(number, HERE, "") for number in numbers(5)])
    with pytest.raises(ControlError, match="người duyệt phải là người khác"):
        await run(hall, order, people, AUTHOR)
    assert await hall.scalar("SELECT count(*) FROM audiences") == 0
    await run(hall, order, people)
    with pytest.raises(OrderError, match="đã chạy"):
        await run(hall, order, people)


@dataclass(frozen=True)
class Made:
    """An order on its way, and the keys of all concerned."""

    file: str
    giver: SigningKey
    taker: SigningKey
    stranger: SigningKey

    @property
    def content(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.file)["content"]
        return content

    def altered(self, change: Callable[[dict[str, Any]], Any]) -> str:
        """The file with something changed in it, the signature as it was."""
        document = json.loads(self.file)
        change(document)
        return json.dumps(document, ensure_ascii=False)

    def signed_anew(self, key: SigningKey, **fields: Any) -> str:
        return seal({**self.content, **fields}, key)


def _set(document: dict[str, Any], *path: str | int, to: Any) -> None:
    for step in path[:-1]:
        document = document[step]  # type: ignore[index]
    document[path[-1]] = to  # type: ignore[index]


def _digest_too(document: dict[str, Any]) -> None:
    """Whoever changes a field may well write its new digest beside it."""
    document["content"]["network"] = "mobifone"
    document["digests"]["network"] = hashlib.sha256(canonical("mobifone")).hexdigest()


def _later(made: Made, days: int) -> str:
    moment = datetime.datetime.fromisoformat(made.content["closes_at"]) + datetime.timedelta(days=days)
    return moment.isoformat()


TAMPERINGS: dict[str, tuple[Callable[[Made], str], str]] = {
    "another text": (
        lambda m: m.altered(lambda d: _set(d, "content", "texts", 0, "body", to="Chuyen tien den 0912345678")),
        "Mục texts đã bị sửa sau khi ký",
    ),
    "fewer segments": (
        lambda m: m.altered(lambda d: _set(d, "content", "texts", 0, "segments", to=1 + 5)),
        "Mục texts đã bị sửa",
    ),
    "another sender": (
        lambda m: m.altered(lambda d: _set(d, "content", "sender", to="VIETCOMBANK")),
        "Mục sender đã bị sửa",
    ),
    "more communes": (
        lambda m: m.altered(lambda d: d["content"]["areas"].append(ELSEWHERE)),
        "Mục areas đã bị sửa",
    ),
    "a longer window": (
        lambda m: m.altered(lambda d: _set(d, "content", "window", 1, to="23:59:00")),
        "Mục window đã bị sửa",
    ),
    "a later end": (
        lambda m: m.altered(lambda d: _set(d, "content", "expires_at", to=_later(m, 30))),
        "Mục expires_at",
    ),
    "another approval": (
        lambda m: m.altered(lambda d: _set(d, "content", "approval", "hash", to="0" * 64)),
        "Mục approval đã bị sửa",
    ),
    "another campaign": (
        lambda m: m.altered(lambda d: _set(d, "content", "campaign", "message_class", to="internal_notice")),
        "Mục campaign đã bị sửa",
    ),
    "a field less": (lambda m: m.altered(lambda d: d["content"].pop("approval")), "Mục approval đã bị xóa sau khi ký"),
    "a field more": (
        lambda m: m.altered(lambda d: _set(d, "content", "note", to="gấp")),
        "Mục note bị thêm vào sau khi ký",
    ),
    "the digest changed too": (lambda m: m.altered(_digest_too), "Chữ ký không đúng"),
    "another signature": (
        lambda m: m.altered(lambda d: _set(d, "signature", to=base64.b64encode(m.stranger.sign(b"x")).decode())),
        "Chữ ký không đúng",
    ),
    "no signature": (lambda m: m.altered(lambda d: _set(d, "signature", to="")), "Chữ ký không đúng"),
    "signed by a stranger": (lambda m: m.signed_anew(m.stranger), "chưa được tin cậy"),
    "signed by a stranger under our partner's name": (
        lambda m: m.signed_anew(m.stranger).replace(m.stranger.id, m.giver.id),
        "Chữ ký không đúng",
    ),
    "a key that is doubled": (
        lambda m: m.file.replace('"network": "viettel"', '"network": "mobifone",\n    "network": "viettel"'),
        "'network' xuất hiện hai lần",
    ),
    "for somebody else": (
        lambda m: m.signed_anew(m.giver, taker={"key": m.stranger.id, "name": "khác"}),
        "không phải cho nơi này",
    ),
    "in another's name": (
        lambda m: m.signed_anew(m.giver, giver={"key": m.stranger.id, "name": "Bộ Công an"}),
        "nhưng được ký bằng khóa",
    ),
    "a later version": (lambda m: m.signed_anew(m.giver, version=2), "Phiên bản 2 của tệp chưa đọc được"),
    "another kind": (lambda m: m.signed_anew(m.giver, kind="invoice"), "Đây là 'invoice'"),
    "texts that the campaign does not say": (
        lambda m: m.signed_anew(m.giver, texts=[{**m.content["texts"][0], "body": "Xin chao"}]),
        "nội dung tin không khớp với chiến dịch đã duyệt",
    ),
    "communes that were not approved": (
        lambda m: m.signed_anew(m.giver, areas=[*m.content["areas"], ELSEWHERE]),
        "địa bàn không khớp với đợt gửi đã duyệt",
    ),
    "a network that was not approved": (
        lambda m: m.signed_anew(m.giver, network="mobifone"),
        "nhà mạng mobifone không có trong đợt gửi đã duyệt",
    ),
    "good for longer than the wave": (
        lambda m: m.signed_anew(m.giver, expires_at=_later(m, 30)),
        "còn hiệu lực sau khi đợt gửi kết thúc",
    ),
    "expired": (
        lambda m: m.signed_anew(m.giver, expires_at="2026-05-31T00:00:00+07:00"),
        "đã hết hiệu lực lúc 00:00 ngày 31/05/2026",
    ),
    "a fraction": (lambda m: m.file.replace('"version": 1', '"version": 1.0'), "chỉ dùng số nguyên"),
    "cut short": (lambda m: m.file[: len(m.file) // 2], "bị cắt hoặc bị hỏng"),
    "something else": (lambda m: '{"content": {}}', "cần đúng các mục"),
}


@pytest.fixture
async def made(hall: Hall, giver_key: SigningKey, taker_key: SigningKey, tmp_path: Path) -> Made:
    stranger = open_signing_key(tmp_path / "stranger.pem", create=True)
    file = await given(hall, giver_key, taker_key)
    await hall.sql("DELETE FROM orders")
    await trusting(hall, giver_key)
    return Made(file, giver_key, taker_key, stranger)


async def test_every_tampering_with_an_order_is_refused_and_named(hall: Hall, made: Made) -> None:
    for name, (tamper, said) in TAMPERINGS.items():
        with pytest.raises(UserError) as caught:
            await take(hall, made.taker, tamper(made))
        assert said in str(caught.value), name
    assert await hall.scalar("SELECT count(*) FROM orders") == 0
    assert not (await take(hall, made.taker, made.file)).already


async def test_the_same_id_with_another_content_is_refused(hall: Hall, made: Made) -> None:
    await take(hall, made.taker, made.file)
    with pytest.raises(OrderError, match="đã nhập trước đó với nội dung khác"):
        await take(hall, made.taker, made.signed_anew(made.giver, sender="KHAC"))


async def test_an_order_is_not_run_when_it_is_late_its_giver_distrusted_or_its_sender_another(
    hall: Hall, made: Made
) -> None:
    order = (await take(hall, made.taker, made.file)).order
    people = hall.roster([(number, HERE, "") for number in numbers(5)])
    async with hall.runtime.pool.connection() as connection:
        with pytest.raises(OrderError, match=f"ghi tên hiển thị {SENDER}, nhưng đường gửi ở đây gửi với tên KHAC"):
            await orders.run(
                connection,
                hall.runtime.keyring,
                order.id,
                people,
                APPROVER,
                office(hall, sender="KHAC"),
                lambda _done, _total: None,
            )
    async with hall.runtime.pool.connection() as connection:
        await orders.distrust(connection, GIVER, AUTHOR)
    with pytest.raises(OrderError, match="không còn được tin cậy"):
        await run(hall, order.id, people)
    await trusting(hall, made.giver)
    async with hall.runtime.pool.connection() as connection:
        await installation.rehearse_at(connection, order.closes_at)
    with pytest.raises(OrderError, match="đã hết hiệu lực"):
        await run(hall, order.id, people)
    with pytest.raises(OrderError, match="Không có yêu cầu"):
        await run(hall, uuid.uuid4(), people)


def answer(ordered: Order, ran: str, **changed: Any) -> dict[str, Any]:
    """A result as the taker would sign it: 100 delivered in one commune."""
    result = Result(
        order=ordered.id,
        digest=ran,
        made_at=datetime.datetime(2026, 6, 2, tzinfo=datetime.UTC),
        complete=True,
        people={"lines": 101, "accepted": 100, "duplicate": 0, "rejected": 1},  # type: ignore[arg-type]
        planned=100,
        segments=200,
        small=5,
        cells=(Cell(area=HERE, network="viettel", status="delivered", messages=100),),
    )
    return {**result.model_dump(mode="json"), **changed}


def cell(**changed: Any) -> list[dict[str, Any]]:
    return [{"area": HERE, "network": "viettel", "status": "delivered", "messages": 100, **changed}]


RESULTS: dict[str, tuple[dict[str, Any], str]] = {
    "an order that nobody gave": ({"order": str(uuid.UUID(int=7))}, "Không có yêu cầu"),
    "an order that was changed": ({"digest": "0" * 64}, "nội dung đã chạy không phải nội dung đã giao"),
    "more than was planned": ({"planned": 99}, "cộng các ô được 100 tin, nhưng ghi đã lập 99 tin"),
    "lines that do not add up": (
        {"people": {"lines": 100, "accepted": 100, "duplicate": 0, "rejected": 1}},
        "số dòng thuê bao không bằng",
    ),
    "a status that there is not": ({"cells": cell(status="read")}, "trạng thái lạ: read"),
    "a commune that was not ordered": ({"cells": cell(area=ELSEWHERE)}, f"địa bàn ngoài yêu cầu: {ELSEWHERE}"),
    "a network that there is not": ({"cells": cell(network="sông")}, "nhà mạng lạ"),
    "a cell that points at somebody": (
        {"cells": [*cell(messages=98), *cell(status="failed", messages=2)]},
        "có ô dưới 5 tin",
    ),
    "fewer than none": ({"cells": cell(messages=-1)}, "cells.0.messages"),
    "an order instead": ({"kind": "dispatcher-order"}, "cần 'dispatcher-order-result'"),
}


async def accept(hall: Hall, file: str) -> orders.Answered:
    async with hall.runtime.pool.connection() as connection:
        return await orders.accept(connection, file.encode(), AUTHOR)


async def test_a_result_is_refused_unless_it_is_of_this_order_by_its_taker_and_adds_up(
    hall: Hall, giver_key: SigningKey, taker_key: SigningKey, tmp_path: Path
) -> None:
    await given(hall, giver_key, taker_key)
    (row,) = await hall.sql("SELECT content, digest FROM orders")
    order, digest = Order.model_validate(row.content), row.digest
    for name, (changed, said) in RESULTS.items():
        with pytest.raises(UserError) as caught:
            await accept(hall, seal(answer(order, digest, **changed), taker_key))
        assert said in str(caught.value), name
    other = open_signing_key(tmp_path / "other.pem", create=True)
    await trusting(hall, other, "khac")
    with pytest.raises(OrderError, match="nhưng yêu cầu đã giao cho khóa"):
        await accept(hall, seal(answer(order, digest), other))
    good = seal(answer(order, digest), taker_key)
    with pytest.raises(SealError, match="Mục cells đã bị sửa"):
        await accept(hall, good.replace('"messages": 100', '"messages": 1000'))
    assert await hall.scalar("SELECT count(*) FROM order_results") == 0
    assert not (await accept(hall, good)).already
    assert (await accept(hall, good)).already
    with pytest.raises(OrderError, match="cũ hơn"):
        await accept(hall, seal(answer(order, digest, made_at="2026-06-01T00:00:00Z"), taker_key))


async def test_what_is_ordered_must_be_approved_and_meant_for_operators(
    hall: Hall, giver_key: SigningKey, taker_key: SigningKey
) -> None:
    await hall.rehearse()
    await trusting(hall, taker_key, TAKER)
    await hall.add(ordered())
    async with hall.runtime.pool.connection() as connection:
        with pytest.raises(ControlError, match="bản nháp"):
            await orders.give(connection, giver_key, wanted(), office(hall).routes)
    await hall.approve()
    for changed, said in (
        ({"network": "mobifone"}, "không có mobifone"),
        ({"wave": "no"}, "không có đợt no"),
        ({"partner": "ai"}, "Chưa có khóa của ai"),
    ):
        async with hall.runtime.pool.connection() as connection:
            with pytest.raises(OrderError, match=said):
                await orders.give(connection, giver_key, wanted(**changed), office(hall).routes)
    await hall.sql("UPDATE campaigns SET definition = jsonb_set(definition, '{title}', '\"Khác\"')")
    async with hall.runtime.pool.connection() as connection:
        with pytest.raises(ControlError, match="đã đổi sau khi duyệt"):
            await orders.give(connection, giver_key, wanted(), office(hall).routes)


async def test_a_wave_in_the_hands_of_operators_sends_nothing_here_and_ends_with_its_time(
    hall: Hall, giver_key: SigningKey, taker_key: SigningKey
) -> None:
    await given(hall, giver_key, taker_key)
    assert await hall.open_waves() == []
    assert "nhà mạng tự gửi" in ((await hall.view()).waves[0].waits or "")
    await hall.tidy()
    assert (await hall.view()).status == "running"
    await hall.rehearse(days=30)
    await hall.open_waves()
    await hall.tidy()
    assert await hall.wave_status() == "done"
    assert (await hall.view()).status == "finished"


async def test_each_commune_gets_the_text_that_names_it(
    hall: Hall, giver_key: SigningKey, taker_key: SigningKey
) -> None:
    """Every body is in the order, and composed anew where it is taken."""
    campaign = ordered(slug="disguised").model_copy(update={"slug": june().slug})
    await hall.rehearse()
    await hall.add(campaign)
    await hall.approve()
    await trusting(hall, taker_key, TAKER)
    await trusting(hall, giver_key)
    async with hall.runtime.pool.connection() as connection:
        order, file = await orders.give(connection, giver_key, wanted(wave="disguised"), office(hall).routes)
    assert len(order.texts) == len(order.areas) + 1 == 66
    await hall.sql("DELETE FROM orders")
    assert (await take(hall, taker_key, file)).order == order


@pytest.fixture
def query(tmp_path: Path) -> Path:
    path = tmp_path / "subscribers.sql"
    path.write_text("SELECT number AS msisdn, commune AS area, 'ignored' AS note FROM their_people ORDER BY id;\n")
    return path


async def test_subscribers_may_come_from_the_operators_own_database(
    hall: Hall, made: Made, addresses: Addresses, query: Path
) -> None:
    await hall.sql("CREATE TABLE their_people (id serial, number text, commune text)")
    await hall.sql(
        "INSERT INTO their_people (number, commune) SELECT '096' || lpad(n::text, 7, '0'), CASE WHEN n <= 50000 THEN %s END"
        " FROM generate_series(1, 50010) AS n",
        HERE,
    )
    order = (await take(hall, made.taker, made.file)).order
    imported = await run(hall, order.id, query, url=addresses.database_url)
    assert (imported.audience.lines, imported.audience.recipients) == (50_010, 50_000)
    assert imported.reasons == {"outside-order": 10}


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("SELECT 1 AS n", "phải trả về cột msisdn; có: n"),
        ("SELECT msisdn FROM nowhere", 'relation "nowhere" does not exist'),
        ("DELETE FROM recipients", "không trả lời được"),
    ],
)
async def test_a_query_that_cannot_be_used_is_told_and_nothing_is_run(
    hall: Hall, made: Made, addresses: Addresses, query: Path, statement: str, said: str
) -> None:
    order = (await take(hall, made.taker, made.file)).order
    await asyncio.to_thread(query.write_text, statement)
    with pytest.raises(RosterError, match=said):
        await run(hall, order.id, query, url=addresses.database_url)
    with pytest.raises(RosterError, match="DISPATCHER_SUBSCRIBERS_URL"):
        await run(hall, order.id, query)
    assert await hall.scalar("SELECT ran_as FROM orders") is None


def test_small_cells_are_put_together_and_the_sum_stays() -> None:
    counted: dict[tuple[str | None, str, str], int] = {
        (HERE, "viettel", "delivered"): 900,
        (HERE, "viettel", "undelivered"): 4,
        (THERE, "viettel", "undelivered"): 3,
        (THERE, "mobifone", "undelivered"): 1,
        (None, "viettel", "failed"): 2,
    }
    found = documents.cells(counted)
    assert [(c.area, c.network, c.status, c.messages) for c in found] == [
        ("*", "*", "failed", 2),
        ("*", "*", "undelivered", 1),
        ("*", "viettel", "undelivered", 7),
        (HERE, "viettel", "delivered", 900),
    ]
    assert sum(cell.messages for cell in found) == sum(counted.values())
