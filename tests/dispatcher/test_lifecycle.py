"""The table of moves: complete, and blind to the order, the number and the time of receipts."""

from __future__ import annotations

from itertools import permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.lifecycle import CAMPAIGN_MOVES, FINAL, MOVES, WAITING, Act, CampaignStatus, Event, Status, move

S, E = Status, Event
DELIVERED, UNDELIVERED = Event.RECEIPT_DELIVERED, Event.RECEIPT_UNDELIVERED

# As docs/message-path.md draws it: status, what happens, status.
DRAWN = [
    (S.QUEUED, E.SUPPRESSED, S.SUPPRESSED),
    (S.QUEUED, E.CANCELLED, S.CANCELLED),
    (S.QUEUED, E.EXPIRED, S.EXPIRED),
    (S.QUEUED, E.UNROUTED, S.FAILED),
    (S.QUEUED, E.ERASED, S.FAILED),
    (S.RETRYING, E.ERASED, S.FAILED),
    (S.QUEUED, E.CLAIMED, S.SENDING),
    (S.RETRYING, E.SUPPRESSED, S.SUPPRESSED),
    (S.RETRYING, E.CANCELLED, S.CANCELLED),
    (S.RETRYING, E.EXPIRED, S.EXPIRED),
    (S.RETRYING, E.CLAIMED, S.SENDING),
    (S.SENDING, E.ACCEPTED, S.SUBMITTED),
    (S.SENDING, E.REFUSED, S.REJECTED),
    (S.SENDING, E.NOT_SENT, S.RETRYING),
    (S.SENDING, E.EXHAUSTED, S.FAILED),
    (S.SENDING, E.RETURNED, S.QUEUED),
    (S.SENDING, E.REROUTED, S.QUEUED),
    (S.SENDING, E.LOST, S.UNCERTAIN),
    (S.SENDING, DELIVERED, S.DELIVERED),
    (S.SENDING, UNDELIVERED, S.UNDELIVERED),
    (S.SUBMITTED, DELIVERED, S.DELIVERED),
    (S.SUBMITTED, UNDELIVERED, S.UNDELIVERED),
    (S.SUBMITTED, E.UNARRIVED, S.QUEUED),
    (S.UNCERTAIN, E.ACCEPTED, S.SUBMITTED),
    (S.UNCERTAIN, E.REFUSED, S.REJECTED),
    (S.UNCERTAIN, E.REROUTED, S.QUEUED),
    (S.UNCERTAIN, E.UNSETTLED, S.UNCONFIRMED),
    (S.UNCERTAIN, E.RESENT, S.QUEUED),
    (S.UNCONFIRMED, E.RESENT, S.QUEUED),
    (S.UNCERTAIN, E.ABSENT, S.QUEUED),
    (S.UNCERTAIN, E.ABSENT_CANCELLED, S.CANCELLED),
    (S.UNCERTAIN, E.ABSENT_EXPIRED, S.EXPIRED),
    (S.UNCERTAIN, DELIVERED, S.DELIVERED),
    (S.UNCERTAIN, UNDELIVERED, S.UNDELIVERED),
    (S.UNDELIVERED, DELIVERED, S.DELIVERED),
    (S.UNCONFIRMED, DELIVERED, S.DELIVERED),
    (S.UNCONFIRMED, UNDELIVERED, S.UNDELIVERED),
    (S.UNCONFIRMED, E.ACCEPTED, S.SUBMITTED),
    (S.QUEUED, E.ACCEPTED, S.SUBMITTED),
    (S.RETRYING, E.ACCEPTED, S.SUBMITTED),
    (S.QUEUED, DELIVERED, S.DELIVERED),
    (S.RETRYING, DELIVERED, S.DELIVERED),
    (S.REJECTED, DELIVERED, S.DELIVERED),
    (S.FAILED, DELIVERED, S.DELIVERED),
    (S.SUPPRESSED, DELIVERED, S.DELIVERED),
    (S.CANCELLED, DELIVERED, S.DELIVERED),
    (S.EXPIRED, DELIVERED, S.DELIVERED),
]


def after(status: Status, *events: Event) -> Status:
    for event in events:
        status = move(status, event)
    return status


@pytest.mark.parametrize(("status", "event", "to"), DRAWN)
def test_each_move_is_the_one_that_is_drawn(status: Status, event: Event, to: Status) -> None:
    assert move(status, event) is to


@pytest.mark.parametrize(
    ("status", "event"), sorted(set(product(Status, Event)) - {(status, event) for status, event, _ in DRAWN})
)
def test_whatever_is_not_drawn_moves_nothing(status: Status, event: Event) -> None:
    assert move(status, event) is status


def test_every_status_can_be_reached_from_queued() -> None:
    reached = {S.QUEUED}
    while new := {to for (status, _), to in MOVES.items() if status in reached} - reached:
        reached |= new
    assert reached == set(Status)


@pytest.mark.parametrize("status", sorted(FINAL))
def test_nothing_but_a_carriers_word_or_a_decision_to_send_again_moves_a_final_status(status: Status) -> None:
    events = {event for was, event in MOVES if was is status}
    assert events <= {DELIVERED, UNDELIVERED, E.RESENT, E.ACCEPTED}


@pytest.mark.parametrize("status", sorted(set(Status) - set(WAITING)))
def test_only_what_waits_can_be_claimed_so_nobody_is_sent_to_twice(status: Status) -> None:
    assert move(status, E.CLAIMED) is status


@pytest.mark.parametrize("status", sorted(set(Status) - set(WAITING)))
def test_what_has_left_is_neither_cancelled_nor_expired_nor_suppressed(status: Status) -> None:
    assert {move(status, event) for event in (E.CANCELLED, E.EXPIRED, E.SUPPRESSED)} == {status}


@pytest.mark.parametrize("order", list(permutations([E.ACCEPTED, DELIVERED, UNDELIVERED])))
def test_answer_and_receipts_in_any_order_end_delivered(order: tuple[Event, ...]) -> None:
    assert after(S.SENDING, *order) is S.DELIVERED


@pytest.mark.parametrize("order", list(permutations([E.LOST, E.UNSETTLED, UNDELIVERED])))
def test_an_undelivered_receipt_settles_a_lost_answer_early_or_late(order: tuple[Event, ...]) -> None:
    # `unsettled` happens to uncertain messages alone, so before `lost` it is no event at all.
    assert after(S.SENDING, *order) is S.UNDELIVERED


@given(
    st.sampled_from([E.ACCEPTED, E.LOST]),
    st.lists(st.sampled_from([DELIVERED, UNDELIVERED]), min_size=1, max_size=8),
    st.data(),
)
def test_receipts_in_any_order_repeated_early_or_late_give_one_end_state(
    answer: Event, receipts: list[Event], data: st.DataObject
) -> None:
    happened = data.draw(st.permutations([answer, *receipts, *receipts]))
    expected = S.DELIVERED if DELIVERED in receipts else S.UNDELIVERED
    assert after(S.SENDING, *happened) is expected


@given(st.lists(st.sampled_from(list(Event)), max_size=12))
def test_delivered_is_never_taken_back(events: list[Event]) -> None:
    assert after(S.DELIVERED, *events) is S.DELIVERED


@given(st.lists(st.sampled_from(list(Event)), max_size=12))
def test_once_claimed_a_message_waits_again_only_if_it_provably_reached_nobody_or_is_sent_again_on_purpose(
    events: list[Event],
) -> None:
    status = S.SENDING
    for event in events:
        was, status = status, move(status, event)
        if status in WAITING and was not in WAITING:
            not_sent = {(S.SENDING, e) for e in (E.NOT_SENT, E.RETURNED, E.REROUTED)}
            late = {(S.UNCERTAIN, E.REROUTED)}  # that very try was refused: an earlier doubt keeps it where it is
            provably = not_sent | late | {(S.UNCERTAIN, E.ABSENT), (S.SUBMITTED, E.UNARRIVED)}
            assert (was, event) in provably or event is E.RESENT


CAMPAIGNS = [
    (CampaignStatus.DRAFT, Act.APPROVE, CampaignStatus.APPROVED),
    (CampaignStatus.APPROVED, Act.APPROVE, CampaignStatus.APPROVED),
    (CampaignStatus.RUNNING, Act.APPROVE, CampaignStatus.RUNNING),
    (CampaignStatus.PAUSED, Act.APPROVE, CampaignStatus.PAUSED),
    (CampaignStatus.APPROVED, Act.WITHDRAW, CampaignStatus.DRAFT),
    (CampaignStatus.DRAFT, Act.CANCEL, CampaignStatus.CANCELLED),
    (CampaignStatus.APPROVED, Act.START, CampaignStatus.RUNNING),
    (CampaignStatus.APPROVED, Act.CANCEL, CampaignStatus.CANCELLED),
    (CampaignStatus.RUNNING, Act.PAUSE, CampaignStatus.PAUSED),
    (CampaignStatus.RUNNING, Act.CANCEL, CampaignStatus.CANCELLED),
    (CampaignStatus.RUNNING, Act.FINISH, CampaignStatus.FINISHED),
    (CampaignStatus.PAUSED, Act.RESUME, CampaignStatus.RUNNING),
    (CampaignStatus.PAUSED, Act.CANCEL, CampaignStatus.CANCELLED),
]


def test_a_campaign_moves_as_drawn_and_no_other_way() -> None:
    assert {(was, act): to for was, act, to in CAMPAIGNS} == CAMPAIGN_MOVES


def test_an_ended_campaign_does_not_move_again() -> None:
    ended = {CampaignStatus.FINISHED, CampaignStatus.CANCELLED}
    assert not {was for was, _ in CAMPAIGN_MOVES} & ended
