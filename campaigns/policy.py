"""At which hours and how often a person may be texted: by message class, and where a campaign says otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time, timedelta

from campaigns.campaign import Campaign, MessageClass

# Decree 91/2020/ND-CP Art. 13(6) allows advertising messages from 07:00 to 22:00 only. Awareness messages are not
# advertising in law (Art. 3(1)); for them the same hours are our courtesy.
SENDING_FROM = time(7)
SENDING_TO = time(22)
HOURS = (SENDING_FROM, SENDING_TO)


@dataclass(frozen=True, slots=True)
class Limits:
    """Hours of the day, and at most `most` messages to a person in any stretch of `within`; None = as many as come."""

    hours: tuple[time, time]
    most: int | None
    within: timedelta


DAY, WEEK = timedelta(days=1), timedelta(days=7)

# Advertising: Decree 91/2020/ND-CP Art. 13(5-6). The others: our courtesy. June and November have two occasions each.
DEFAULTS = {
    MessageClass.PUBLIC_INFORMATION: Limits(HOURS, 3, WEEK),
    MessageClass.ADVERTISING: Limits(HOURS, 3, DAY),
    MessageClass.INTERNAL_NOTICE: Limits(HOURS, None, WEEK),
    MessageClass.CUSTOMER_CARE: Limits(HOURS, None, WEEK),
}


def limits(campaign: Campaign) -> Limits:
    """The limits of the campaign's class, with what its own `[policy]` changes."""
    usual, own = DEFAULTS[campaign.message_class], campaign.policy
    if own is None:
        return usual
    return Limits(
        hours=own.hours or usual.hours,
        most=own.most_messages or usual.most,
        within=timedelta(hours=own.within_hours) if own.within_hours else usual.within,
    )
