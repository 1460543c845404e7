"""Statuses and allowed moves of campaign, wave, message and broadcast, as tables."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """Where a message stands. What each means to staff: docs/glossary.md."""

    QUEUED = "queued"
    SENDING = "sending"
    SUBMITTED = "submitted"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    REJECTED = "rejected"
    RETRYING = "retrying"
    FAILED = "failed"
    UNCERTAIN = "uncertain"
    UNCONFIRMED = "unconfirmed"
    SUPPRESSED = "suppressed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


FINAL = frozenset(
    {
        Status.DELIVERED,
        Status.UNDELIVERED,
        Status.REJECTED,
        Status.FAILED,
        Status.UNCONFIRMED,
        Status.SUPPRESSED,
        Status.CANCELLED,
        Status.EXPIRED,
    }
)
WAITING = (Status.QUEUED, Status.RETRYING)


class Event(StrEnum):
    """What can happen to a message."""

    CLAIMED = "claimed"
    SUPPRESSED = "suppressed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    UNROUTED = "unrouted"
    ERASED = "erased"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    NOT_SENT = "not_sent"
    EXHAUSTED = "exhausted"
    RETURNED = "returned"
    REROUTED = "rerouted"
    LOST = "lost"
    UNSETTLED = "unsettled"
    RESENT = "resent"
    ABSENT = "absent"  # the carrier never took it; the next two: and it is too late to send it
    ABSENT_CANCELLED = "absent_cancelled"
    ABSENT_EXPIRED = "absent_expired"
    UNARRIVED = "unarrived"  # accepted, and can arrive no more: another channel takes it
    RECEIPT_DELIVERED = "receipt_delivered"
    RECEIPT_UNDELIVERED = "receipt_undelivered"


S, E = Status, Event

# (from, event) -> to. What is not in the table does not move, but is logged all the same.
# A receipt may come before our own record of the answer: it settles `sending` too, and the verdict then moves nothing.
MOVES: dict[tuple[Status, Event], Status] = {
    (S.QUEUED, E.SUPPRESSED): S.SUPPRESSED,
    (S.RETRYING, E.SUPPRESSED): S.SUPPRESSED,
    (S.QUEUED, E.CANCELLED): S.CANCELLED,
    (S.RETRYING, E.CANCELLED): S.CANCELLED,
    (S.QUEUED, E.EXPIRED): S.EXPIRED,
    (S.RETRYING, E.EXPIRED): S.EXPIRED,
    (S.QUEUED, E.UNROUTED): S.FAILED,
    (S.QUEUED, E.ERASED): S.FAILED,
    (S.RETRYING, E.ERASED): S.FAILED,
    (S.QUEUED, E.CLAIMED): S.SENDING,
    (S.RETRYING, E.CLAIMED): S.SENDING,
    (S.SENDING, E.ACCEPTED): S.SUBMITTED,
    (S.SENDING, E.REFUSED): S.REJECTED,
    (S.SENDING, E.NOT_SENT): S.RETRYING,
    (S.SENDING, E.EXHAUSTED): S.FAILED,
    (S.SENDING, E.RETURNED): S.QUEUED,
    (S.SENDING, E.REROUTED): S.QUEUED,
    (S.SENDING, E.LOST): S.UNCERTAIN,
    (S.SENDING, E.RECEIPT_UNDELIVERED): S.UNDELIVERED,
    (S.SUBMITTED, E.RECEIPT_UNDELIVERED): S.UNDELIVERED,
    (S.SUBMITTED, E.UNARRIVED): S.QUEUED,
    # A worker that was given up for dead, or overtaken by a decision to send again, may still bring its answer.
    (S.UNCERTAIN, E.ACCEPTED): S.SUBMITTED,
    (S.UNCONFIRMED, E.ACCEPTED): S.SUBMITTED,
    (S.QUEUED, E.ACCEPTED): S.SUBMITTED,
    (S.RETRYING, E.ACCEPTED): S.SUBMITTED,
    (S.UNCERTAIN, E.REFUSED): S.REJECTED,
    (S.UNCERTAIN, E.REROUTED): S.QUEUED,
    (S.UNCERTAIN, E.UNSETTLED): S.UNCONFIRMED,
    (S.UNCERTAIN, E.RESENT): S.QUEUED,
    (S.UNCONFIRMED, E.RESENT): S.QUEUED,
    (S.UNCERTAIN, E.ABSENT): S.QUEUED,
    (S.UNCERTAIN, E.ABSENT_CANCELLED): S.CANCELLED,
    (S.UNCERTAIN, E.ABSENT_EXPIRED): S.EXPIRED,
    (S.UNCERTAIN, E.RECEIPT_UNDELIVERED): S.UNDELIVERED,
    (S.UNCONFIRMED, E.RECEIPT_UNDELIVERED): S.UNDELIVERED,
    # Who has it has it, whatever we thought: waiting to be sent again after a doubt, refused the second time, cancelled.
    **{(status, E.RECEIPT_DELIVERED): S.DELIVERED for status in S if status is not S.DELIVERED},
}


def move(status: Status, event: Event) -> Status:
    """Where `status` goes when `event` happens: itself where the table has no move."""
    return MOVES.get((status, event), status)


class CampaignStatus(StrEnum):
    DRAFT = "draft"
    APPROVED = "approved"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    CANCELLED = "cancelled"


class Act(StrEnum):
    """What a person (or, for `finish`, the clock) does to a campaign."""

    APPROVE = "approve"
    WITHDRAW = "withdraw"
    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"
    FINISH = "finish"


C = CampaignStatus

CAMPAIGN_MOVES: dict[tuple[CampaignStatus, Act], CampaignStatus] = {
    (C.DRAFT, Act.APPROVE): C.APPROVED,
    # Approving again is for an approval that no longer covers what would be sent.
    (C.APPROVED, Act.APPROVE): C.APPROVED,
    (C.RUNNING, Act.APPROVE): C.RUNNING,
    (C.PAUSED, Act.APPROVE): C.PAUSED,
    (C.APPROVED, Act.WITHDRAW): C.DRAFT,
    (C.DRAFT, Act.CANCEL): C.CANCELLED,
    (C.APPROVED, Act.START): C.RUNNING,
    (C.APPROVED, Act.CANCEL): C.CANCELLED,
    (C.RUNNING, Act.PAUSE): C.PAUSED,
    (C.RUNNING, Act.CANCEL): C.CANCELLED,
    (C.RUNNING, Act.FINISH): C.FINISHED,
    (C.PAUSED, Act.RESUME): C.RUNNING,
    (C.PAUSED, Act.CANCEL): C.CANCELLED,
}


class WaveStatus(StrEnum):
    SCHEDULED = "scheduled"
    EXPANDING = "expanding"
    SENDING = "sending"
    DONE = "done"
    MISSED = "missed"
    CANCELLED = "cancelled"


class BroadcastStatus(StrEnum):
    """Where an article stands that an account sends to its followers."""

    DRAFT = "draft"
    APPROVED = "approved"
    SENDING = "sending"
    SENT = "sent"
    REFUSED = "refused"
    HELD = "held"
    UNCERTAIN = "uncertain"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class Turn(StrEnum):
    """What people, time and the account's answers do to a broadcast."""

    APPROVE = "approve"
    WITHDRAW = "withdraw"
    CANCEL = "cancel"
    RESUME = "resume"
    FOUND = "found"  # a person has looked at the account: it was sent
    MISSED = "missed"  # likewise: it was not, or the article was not made
    CLAIM = "claim"
    MADE = "made"  # the article is at the account, or has its id
    SENT = "sent"
    REFUSED = "refused"
    NOT_SENT = "not_sent"
    HOLD = "hold"
    LOSE = "lose"
    EXPIRE = "expire"


B, T = BroadcastStatus, Turn

# Nothing that is not in the table happens. An answer that comes late, from a worker that was given up for dead, still counts.
BROADCAST_MOVES: dict[tuple[BroadcastStatus, Turn], BroadcastStatus] = {
    (B.DRAFT, T.APPROVE): B.APPROVED,
    (B.DRAFT, T.CANCEL): B.CANCELLED,
    (B.APPROVED, T.WITHDRAW): B.DRAFT,
    (B.APPROVED, T.CANCEL): B.CANCELLED,
    (B.APPROVED, T.CLAIM): B.SENDING,
    (B.APPROVED, T.MADE): B.APPROVED,
    (B.APPROVED, T.REFUSED): B.REFUSED,
    (B.APPROVED, T.HOLD): B.HELD,
    (B.APPROVED, T.EXPIRE): B.EXPIRED,
    (B.HELD, T.RESUME): B.APPROVED,
    (B.HELD, T.WITHDRAW): B.DRAFT,
    (B.HELD, T.CANCEL): B.CANCELLED,
    (B.HELD, T.EXPIRE): B.EXPIRED,
    (B.SENDING, T.MADE): B.APPROVED,
    (B.SENDING, T.SENT): B.SENT,
    (B.SENDING, T.REFUSED): B.REFUSED,
    (B.SENDING, T.NOT_SENT): B.APPROVED,
    (B.SENDING, T.HOLD): B.HELD,
    (B.SENDING, T.LOSE): B.UNCERTAIN,
    # The database was put back from a copy: what has happened since nobody here knows.
    (B.APPROVED, T.LOSE): B.UNCERTAIN,
    (B.HELD, T.LOSE): B.UNCERTAIN,
    (B.UNCERTAIN, T.MADE): B.APPROVED,
    (B.UNCERTAIN, T.REFUSED): B.REFUSED,
    (B.UNCERTAIN, T.NOT_SENT): B.APPROVED,
    (B.UNCERTAIN, T.HOLD): B.HELD,
    (B.UNCERTAIN, T.FOUND): B.SENT,
    (B.UNCERTAIN, T.MISSED): B.APPROVED,
    # Refused or too late is provably not sent: it may be mended and approved anew.
    (B.REFUSED, T.WITHDRAW): B.DRAFT,
    (B.EXPIRED, T.WITHDRAW): B.DRAFT,
    **{(status, T.SENT): B.SENT for status in (B.UNCERTAIN, B.APPROVED, B.HELD, B.DRAFT, B.CANCELLED, B.EXPIRED)},
}
