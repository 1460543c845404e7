"""Texts from people: stored once, put together, refusals on the suppression list at once."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest

from dispatcher import inbound
from providers.base import Inbound, Part, user_address
from tests.dispatcher.hall import Hall

WORDS = ("tc*", "tu_choi*", "huy")
PERSON, ANOTHER = "84960000001", "84960000002"
LONG = ("Toi thay co nguoi ban ma tuy ", "o gan cho, ", "mong cong an den som.")


def text(said: str, person: str = PERSON, **fields: Any) -> Inbound:
    return Inbound(person, "8138", said, **fields)


def in_parts(person: str = PERSON, group: int = 7) -> list[Inbound]:
    return [text(said, person, part=Part(group, len(LONG), number)) for number, said in enumerate(LONG, 1)]


async def put(hall: Hall, *texts: Inbound, route: str = "viettel") -> None:
    async with hall.runtime.pool.connection() as connection:
        await inbound.put(connection, hall.runtime.keyring, route, texts, WORDS)


async def bodies(hall: Hall) -> list[str]:
    return [row.body for row in await hall.sql("SELECT body FROM inbound ORDER BY id")]


async def suppressed(hall: Hall) -> list[str]:
    rows = await hall.sql("SELECT msisdn_hash, cipher, key_id FROM suppressions JOIN recipients USING (msisdn_hash)")
    return sorted(hall.runtime.keyring.decrypt(row.cipher, row.msisdn_hash, row.key_id) for row in rows)


async def test_a_refusal_is_on_the_list_at_once_and_in_the_inbox(hall: Hall) -> None:
    await put(hall, text("Từ chối!"), text("Cảm ơn", ANOTHER))
    assert await suppressed(hall) == [PERSON]
    (row,) = await hall.sql("SELECT reason, source, added_by, proof FROM suppressions")
    id_ = await hall.scalar("SELECT id FROM inbound WHERE refusal")
    assert tuple(row) == ("người dân từ chối nhận bằng tin nhắn", "viettel 8138", "inbound", f"tin đến {id_}")
    assert [row.refusal for row in await hall.sql("SELECT refusal FROM inbound ORDER BY id")] == [True, False]


async def test_who_refuses_while_a_wave_waits_gets_nothing_of_it(hall: Hall) -> None:
    await hall.planned(2)
    await put(hall, text("TC"))
    await hall.send()
    counts = await hall.counts()
    assert counts == {"submitted": 1, "suppressed": 1}


async def test_a_text_that_the_carrier_delivers_again_is_that_text(hall: Hall) -> None:
    for _ in range(3):
        await put(hall, text("Cho hỏi"), text("TC"))
    assert await bodies(hall) == ["Cho hỏi", "TC"]
    assert await suppressed(hall) == [PERSON]


async def test_other_words_another_person_and_another_reference_are_other_texts(hall: Hall) -> None:
    await put(hall, text("A"), text("B"), text("A", ANOTHER), text("A", reference="1"), text("A", reference="2"))
    await put(hall, text("A", reference="1"))
    assert await bodies(hall) == ["A", "B", "A", "A", "A"]


async def test_the_same_words_a_day_later_are_a_new_text(hall: Hall) -> None:
    await put(hall, text("Cho hỏi"))
    await hall.sql("UPDATE inbound SET received_at = received_at - interval '1 day'")
    await put(hall, text("Cho hỏi"))
    assert len(await bodies(hall)) == 2


@pytest.mark.parametrize("order", [*itertools.permutations(range(3))], ids=str)
async def test_parts_in_any_order_make_one_text(hall: Hall, order: tuple[int, ...]) -> None:
    parts = in_parts()
    for place in order[:-1]:
        await put(hall, parts[place])
    assert await bodies(hall) == []
    await put(hall, parts[order[-1]])
    assert await bodies(hall) == ["".join(LONG)]


async def test_parts_that_come_again_before_or_after_make_no_second_text(hall: Hall) -> None:
    first, second, third = in_parts()
    await put(hall, first, first)
    await put(hall, second, third)
    await put(hall, first, third)
    await put(hall, second)
    assert await bodies(hall) == ["".join(LONG)]


async def test_a_new_text_may_have_the_numbers_of_an_old_one(hall: Hall) -> None:
    await put(hall, *in_parts())
    await put(hall, *(text(said, part=Part(7, 3, number)) for number, said in enumerate(("x", "y", "z"), 1)))
    assert await bodies(hall) == ["".join(LONG), "xyz"]


async def test_parts_that_come_at_the_same_moment_find_each_other(hall: Hall) -> None:
    await asyncio.gather(*(put(hall, part) for part in in_parts()), *(put(hall, part) for part in in_parts(ANOTHER)))
    assert await bodies(hall) == ["".join(LONG)] * 2


async def test_parts_of_two_people_are_not_mixed(hall: Hall) -> None:
    ours, theirs = in_parts(), in_parts(ANOTHER)
    await put(hall, ours[0], theirs[1], ours[2])
    assert await bodies(hall) == []
    await put(hall, theirs[0], ours[1], theirs[2])
    assert await bodies(hall) == ["".join(LONG)] * 2


async def test_a_refusal_in_parts_is_a_refusal(hall: Hall) -> None:
    await put(hall, text("Từ ch", part=Part(1, 2, 1)), text("ối nhận tin", part=Part(1, 2, 2)))
    assert await suppressed(hall) == [PERSON]


async def test_a_text_whose_rest_never_comes_is_read_as_far_as_it_came(hall: Hall) -> None:
    await put(hall, *in_parts()[:2])
    await hall.sql("UPDATE inbound_parts SET received_at = received_at - interval '61 minutes'")
    await put(hall, text("Chào", ANOTHER))
    rows = await hall.sql("SELECT body, complete FROM inbound ORDER BY complete")
    assert [tuple(row) for row in rows] == [("".join(LONG[:2]), False), ("Chào", True)]


async def test_parts_are_forgotten_in_the_end(hall: Hall) -> None:
    await put(hall, *in_parts())
    await hall.sql("UPDATE inbound_parts SET received_at = received_at - interval '3 hours'")
    await put(hall, text("Chào"))
    assert await hall.scalar("SELECT count(*) FROM inbound_parts") == 0


async def test_numbers_are_stored_encrypted_and_nowhere_else(hall: Hall) -> None:
    await put(hall, text("Chào", "84123"), *in_parts())
    for table in ("inbound", "inbound_parts", "recipients"):
        assert PERSON not in str(await hall.sql(f"SELECT * FROM {table}"))
    assert await hall.scalar("SELECT count(*) FROM recipients") == 2


async def test_what_a_database_or_a_terminal_would_choke_on_is_blanked(hall: Hall) -> None:
    await put(hall, text("a\0b\x1b[31mc\nd\u202ee"))
    assert await bodies(hall) == ["a b [31mc\nd e"]


async def test_a_refusal_on_zalo_counts_and_no_sms_confirms_it(hall: Hall) -> None:
    async with hall.runtime.pool.connection() as connection:
        texts = [text("TC", user_address("7312345678"))]
        await inbound.put(connection, hall.runtime.keyring, "zalo", texts, WORDS, confirm_all=True)
    assert await suppressed(hall) == ["zalo:7312345678"]
    assert await hall.scalar("SELECT network FROM recipients") == "zalo"
    assert await hall.sql("SELECT FROM confirmations") == []
