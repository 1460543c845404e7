"""A rehearsal from the draft to its hash on the approval: real processes, a pretend carrier, nobody's real number."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from dispatcher.control import ControlError
from dispatcher.demo.stage import Stage
from dispatcher.household import background, children
from dispatcher.importing import suppress
from dispatcher.rehearsing.cast import engage
from dispatcher.rehearsing.script import digest, read
from dispatcher.rehearsing.staging import House, keep, rehearse
from dispatcher.review import Office, Review, review
from dispatcher.routing import leaves_this_machine
from dispatcher.settings import load_routes
from dispatcher.store.suppressions import Refused, Scope
from dispatcher.supervisor import Supervisor
from tests.dispatcher.hall import AUTHOR, DISGUISED, EDITION, LAUNCH, Hall, june, numbers

PEOPLE = 40
REFUSED = "84960000001"
MEMBERS = """
SELECT a.n, r.network, a.area_code, a.group_name, a.language, a.birth_year, s.scope
FROM audience_members a JOIN recipients r USING (msisdn_hash) LEFT JOIN suppressions s USING (msisdn_hash)
WHERE a.audience_id = %s ORDER BY a.n
"""


async def drafted(hall: Hall, *slugs: str) -> None:
    """A campaign for people of two networks, one of whom has refused its topic."""
    await hall.rehearse(hours=-24)
    people = [*numbers(PEOPLE // 2), *numbers(PEOPLE // 2, "091")]
    await hall.import_rows(
        [(number, "Kỳ Lừa" if i % 3 else "Đồng Đăng", "học sinh") for i, number in enumerate(people)]
    )
    await hall.add(june(*slugs))
    topics = Refused(Scope.TOPICS, june().topics[:1])
    async with hall.runtime.pool.connection() as connection:
        keyring = hall.runtime.keyring
        await suppress(connection, keyring, {REFUSED: "viettel"}, "x", "x", AUTHOR, topics.scope, topics=topics.topics)


async def seen(hall: Hall) -> Review:
    async with hall.runtime.pool.connection() as connection:
        return await review(connection, EDITION, Office(hall.routes))


async def test_the_cast_is_like_the_people_in_everything_but_their_numbers(hall: Hall) -> None:
    await drafted(hall)
    async with hall.runtime.pool.connection() as theirs:
        script = await read(theirs, EDITION, Office(hall.routes))
    keyring, pool = hall.runtime.keyring, hall.runtime.pool
    async with pool.connection() as theirs, pool.connection() as stage:
        ((real, copy),) = (await engage(theirs, stage, keyring, script)).items()
    assert copy != real
    before, after = await hall.sql(MEMBERS, real), await hall.sql(MEMBERS, copy)
    assert [row[:-1] for row in after] == [row[:-1] for row in before]
    assert [row.n for row in after if row.scope] == [row.n for row in before if row.scope] == [1]
    shared = "SELECT count(*) FROM audience_members a JOIN audience_members b USING (msisdn_hash)"
    assert await hall.scalar(f"{shared} WHERE a.audience_id = %s AND b.audience_id = %s", real, copy) == 0


@contextmanager
def running(stage: Stage) -> Iterator[None]:
    for route in load_routes(stage.settings.routes):
        assert leaves_this_machine(route.options) == []
    with background(Supervisor(children(stage.settings, stage.environment), log_folder=stage.folder / "log")):
        yield


async def test_a_rehearsal_sends_to_everybody_on_the_stage_and_its_hash_is_on_the_approval(hall: Hall) -> None:
    await drafted(hall, LAUNCH, DISGUISED)
    house = House(hall.folder / "stage", 1, None, 600, running, lambda _state: None)
    script, came = await rehearse(hall.runtime.pool, EDITION, Office(hall.routes), house)
    assert sum(came["counts"].values()) == 2 * PEOPLE
    assert came["counts"]["suppressed"] == 2
    assert set(came["by_network"]) == {"viettel", "vinaphone"}
    assert came["finishes_at"] == came["waves"][DISGUISED]
    found = await seen(hall)
    for wave in found.waves:
        assert wave.opens_at.isoformat() <= came["waves"][wave.slug] <= wave.closes_at.isoformat()
    ledger = [json.loads(line) for line in (house.folder / "carrier-ledger.jsonl").read_text().splitlines()]
    asked = {entry["phone"] for entry in ledger if entry["kind"] == "request"}
    assert len(asked) == PEOPLE - 1
    assert asked.isdisjoint({f"84{number[1:]}" for number in numbers(PEOPLE)})
    assert hall.carrier.ledger.arrivals == []
    async with hall.runtime.pool.connection() as connection:
        hashed = await keep(connection, script, came, AUTHOR)
    assert (await seen(hall)).rehearsed
    given = await hall.approve(accept="x")
    assert given.rehearsal == hashed == digest(given.hash, came)
    assert await hall.scalar("SELECT rehearsal FROM approvals") == hashed


async def test_a_rehearsal_of_something_else_is_not_put_on_an_approval(hall: Hall) -> None:
    await drafted(hall)
    async with hall.runtime.pool.connection() as connection:
        script = await read(connection, EDITION, Office(hall.routes))
    async with hall.runtime.pool.connection() as connection:
        await keep(connection, script, {"finishes_at": None}, AUTHOR)
    assert (await seen(hall)).rehearsed
    await hall.add(june().model_copy(update={"title": "Something else"}))
    assert not (await seen(hall)).rehearsed
    assert (await hall.approve(accept="x")).rehearsal is None


async def test_a_campaign_for_nobody_is_not_rehearsed(hall: Hall) -> None:
    await hall.rehearse(hours=-24)
    await hall.import_rows([(REFUSED,)])
    await hall.add(june())
    async with hall.runtime.pool.connection() as connection:
        await suppress(connection, hall.runtime.keyring, {REFUSED: "viettel"}, "x", "x", AUTHOR)
    async with hall.runtime.pool.connection() as connection:
        with pytest.raises(ControlError, match="không có ai để gửi"):
            await read(connection, EDITION, Office(hall.routes))
