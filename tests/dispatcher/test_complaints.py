"""The complaint desk: refusals by scope, in force before the next submission, kept with their proof, released by two."""

from __future__ import annotations

import pytest

from campaigns.campaign import Campaign
from dispatcher import complaints, confirmations, control, expansion, importing, releases, retention, sending
from dispatcher.approval import approve
from dispatcher.complaints import CameBy, ComplaintError, Given, Refused
from dispatcher.releases import Released, ReleaseError
from dispatcher.review import Office, review
from dispatcher.store import complaints as stored
from dispatcher.store import suppressions, users
from dispatcher.store.suppressions import Scope
from tests.dispatcher.hall import APPROVER, AUTHOR, Hall, june, numbers
from tests.dispatcher.test_confirmations import advertising, heard

PERSON = "84960000001"
DRUGS = june().topics[0]


async def take(hall: Hall, refused: Refused | None, document: str = "Đơn số 5", came_by: CameBy = CameBy.LETTER) -> int:
    given = Given(PERSON, came_by, document, "Đừng nhắn nữa", "An", refused)
    async with hall.runtime.pool.connection() as connection:
        return await complaints.take(connection, hall.runtime.keyring, given)


async def release(hall: Hall, by: str, *, advertising: bool = False, why: str = "chủ thuê bao đề nghị") -> Released:
    async with hall.runtime.pool.connection() as connection:
        person = hall.runtime.keyring.hash(PERSON)
        return await releases.release(connection, person, why, by, advertising=advertising)


async def listed(hall: Hall) -> list[tuple[str, list[str], str, str, str]]:
    rows = await hall.sql("SELECT scope, topics, source, proof, added_by FROM suppressions")
    return [tuple(row) for row in rows]


async def opened(hall: Hall, *campaigns: Campaign) -> None:
    """The campaigns planned for two people, the Do-Not-Call list imported."""
    await hall.rehearse()
    await hall.import_rows([(number,) for number in numbers(2)])
    async with hall.runtime.pool.connection() as connection:
        listed = {"84970000009": "viettel"}
        await importing.suppress(connection, hall.runtime.keyring, listed, "DNC", "dnc", AUTHOR, Scope.ADVERTISING)
        for campaign in campaigns:
            await control.add(connection, campaign, AUTHOR)
            await approve(connection, campaign.edition, APPROVER, Office(hall.routes))
            await control.start(connection, campaign.edition, APPROVER, hall.routes)
    for wave in await hall.open_waves():
        await expansion.expand(hall.runtime, wave)


# What is refused -> is the person left out of: public information about drugs, advertising about drugs, something else.
SCOPES = [
    (Refused(Scope.ALL), (True, True, True)),
    (Refused(Scope.ADVERTISING), (False, True, False)),
    (Refused(Scope.TOPICS, (DRUGS,)), (True, True, False)),
    (Refused(Scope.TOPICS, ("flood",)), (False, False, False)),
    (Refused(Scope.ADVERTISING, (DRUGS,)), (True, True, False)),
]
KINDS = ("public", "advertising", "other")
CAMPAIGNS = [
    campaign.model_copy(update={"slug": slug})
    for slug, campaign in zip(
        KINDS, (june(), advertising(), june().model_copy(update={"topics": ("hiv",)})), strict=True
    )
]


@pytest.mark.parametrize(("refused", "left_out"), SCOPES, ids=lambda value: str(value)[:40])
@pytest.mark.parametrize("when", ["before planning", "while it waits"])
async def test_what_is_refused_is_left_out_when_planned_and_when_claimed(
    hall: Hall, refused: Refused, left_out: tuple[bool, ...], when: str
) -> None:
    if when == "before planning":
        await take(hall, refused)
    await opened(hall, *CAMPAIGNS)
    if when == "while it waits":
        await take(hall, refused)
    await hall.send()
    rows = await hall.sql(
        "SELECT c.slug, m.msisdn_hash FROM messages m JOIN waves w ON w.id = m.wave_id JOIN campaigns c ON c.id = w.campaign_id"
        " WHERE m.status = 'suppressed'"
    )
    person = hall.runtime.keyring.hash(PERSON)
    assert {row.msisdn_hash for row in rows} <= {person}
    assert {row.slug for row in rows} == {kind for kind, out in zip(KINDS, left_out, strict=True) if out}
    assert len(hall.carrier.ledger.arrivals) == 6 - sum(left_out)


async def test_who_approves_sees_how_many_have_refused_the_topic(hall: Hall) -> None:
    await take(hall, Refused(Scope.TOPICS, (DRUGS,)))
    await opened(hall, *CAMPAIGNS)
    async with hall.runtime.pool.connection() as connection:
        seen = [await review(connection, campaign.edition, Office(hall.routes)) for campaign in CAMPAIGNS]
    assert [found.waves[0].left_out for found in seen] == [1, 1, 0]


async def test_it_is_in_force_before_the_next_submission_of_a_batch_that_is_being_sent(hall: Hall) -> None:
    """A worker reads its batch once; each claim asks the list again."""
    await hall.planned(20)
    due = await hall.due()
    await hall.sql(
        "CREATE FUNCTION refuse_meanwhile() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " INSERT INTO suppressions (organisation_id, msisdn_hash, reason, source, added_by)"
        " SELECT 1, msisdn_hash, 'x', 'x', 'x' FROM messages ON CONFLICT DO NOTHING; RETURN NULL; END $$"
    )
    await hall.sql(
        "CREATE TRIGGER meanwhile AFTER UPDATE OF leased_until ON batches FOR EACH STATEMENT"
        " EXECUTE FUNCTION refuse_meanwhile()"
    )
    await sending.send(hall.runtime, due[0])
    assert await hall.counts() == {"suppressed": 20}
    assert hall.carrier.ledger.arrivals == []


async def test_source_and_proof_are_kept_and_what_the_list_said_before(hall: Hall) -> None:
    await take(hall, Refused(Scope.TOPICS, (DRUGS,)), "Đơn số 5")
    await take(hall, Refused(Scope.ADVERTISING), "Gọi 09:15", CameBy.CALL)
    assert await listed(hall) == [("advertising", [DRUGS], "call", "Gọi 09:15", "An")]
    await take(hall, Refused(Scope.TOPICS, (DRUGS,)), "Đơn số 6")
    assert await listed(hall) == [("advertising", [DRUGS], "call", "Gọi 09:15", "An")]
    await take(hall, Refused(Scope.ALL), "Đơn số 7")
    await take(hall, Refused(Scope.ADVERTISING), "Đơn số 8")
    assert await listed(hall) == [("all", [DRUGS], "letter", "Đơn số 7", "An")]
    async with hall.runtime.pool.connection() as connection:
        past = await suppressions.past(connection, hall.runtime.keyring.hash(PERSON))
    assert [(one.scope, one.proof) for one in past] == [("topics", "Đơn số 5"), ("advertising", "Gọi 09:15")]


async def test_advertising_reaches_a_person_again_only_when_two_people_say_so(hall: Hall) -> None:
    await take(hall, Refused(Scope.ALL))
    assert await release(hall, "An") is Released.TO_ADVERTISING
    assert [row[0] for row in await listed(hall)] == ["advertising"]
    with pytest.raises(ReleaseError, match="cần hai người"):
        await release(hall, "An")
    assert await release(hall, "An", advertising=True) is Released.ASKED
    with pytest.raises(ReleaseError, match="cần một người khác"):
        await release(hall, "an", advertising=True)
    assert [row[0] for row in await listed(hall)] == ["advertising"]
    assert await release(hall, "Bình", advertising=True) is Released.WHOLLY
    assert await listed(hall) == []
    assert await hall.scalar("SELECT count(*) FROM releases_asked") == 0
    assert await hall.scalar("SELECT count(*) FROM past_suppressions") == 2
    acts = [(row.who, row.act) for row in await hall.sql("SELECT who, act FROM audit_trail ORDER BY id")]
    assert acts == [
        ("An", "complaint.take"),
        ("An", "suppression.release.advertising-stays"),
        ("An", "suppression.release.asked"),
        ("Bình", "suppression.release.wholly"),
    ]


async def test_a_neighbour_neither_sees_a_complaint_nor_releases_whom_it_put_on_the_list(hall: Hall) -> None:
    id_ = await take(hall, Refused(Scope.TOPICS, (DRUGS,)))
    async with hall.runtime.pool.connection() as connection:
        neighbour = await users.add_organisation(connection, "next-door", "Next door")
        await users.act_for(connection, neighbour)
        assert await stored.find(connection, id_) is None
        assert await stored.listing(connection, only_open=False, limit=9) == []
        with pytest.raises(ComplaintError, match="Không có phản ánh"):
            await complaints.answer(connection, id_, "x", "Bình")
        person = hall.runtime.keyring.hash(PERSON)
        with pytest.raises(ReleaseError, match="không có trong danh sách"):
            await releases.release(connection, person, "x", "Bình", advertising=False)
    assert len(await listed(hall)) == 1


async def test_a_release_needs_a_reason_and_somebody_on_the_list(hall: Hall) -> None:
    with pytest.raises(ReleaseError, match="không có trong danh sách"):
        await release(hall, "An")
    await take(hall, Refused(Scope.TOPICS, (DRUGS,)))
    with pytest.raises(ReleaseError, match="Cần ghi lý do"):
        await release(hall, "An", why=" ")
    assert await release(hall, "An") is Released.FROM_TOPICS
    assert await listed(hall) == []


async def test_a_refusal_by_telephone_is_confirmed_like_one_by_text(hall: Hall) -> None:
    await opened(hall, advertising())
    await hall.send()
    await take(hall, Refused(Scope.ADVERTISING), "Gọi 09:15", CameBy.CALL)
    await take(hall, None, "Gọi 09:20", CameBy.CALL)
    await confirmations.plan_owed(hall.runtime)
    await hall.send()
    assert await heard(hall) == [PERSON]


async def test_a_complaint_is_answered_once_and_needs_its_proof(hall: Hall) -> None:
    id_ = await take(hall, None)
    async with hall.runtime.pool.connection() as connection:
        await complaints.answer(connection, id_, "Đã xin lỗi", "Bình")
        for asked, text, said in (
            (id_, "Lần nữa", "đã được trả lời"),
            (99, "x", "Không có phản ánh"),
            (id_, " ", "Cần ghi"),
        ):
            with pytest.raises(ComplaintError, match=said):
                await complaints.answer(connection, asked, text, "Bình")
        with pytest.raises(ComplaintError, match="căn cứ"):
            await complaints.take(connection, hall.runtime.keyring, Given(PERSON, CameBy.CALL, " ", "Đừng nhắn", "An"))
    (row,) = await hall.sql("SELECT taken_by, answer, answered_by FROM complaints")
    assert tuple(row) == ("An", "Đã xin lỗi", "Bình")


async def test_the_words_of_a_complaint_go_with_the_person_the_refusal_stays(hall: Hall) -> None:
    id_ = await take(hall, Refused(Scope.ALL))
    async with hall.runtime.pool.connection() as connection:
        await retention.erase(connection, hall.runtime.keyring, PERSON, "Đơn số 9", "Theo yêu cầu", "An")
        found = await stored.find(connection, id_)
    assert found
    assert (found.said, found.document, found.cipher) == ("", "", None)
    assert await hall.scalar("SELECT scope FROM suppressions") == "all"
