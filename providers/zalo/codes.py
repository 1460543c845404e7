"""Zalo's error codes, of the template host and the Official Account's host: what each means for us.

Sources and their confidence: docs/providers/zalo_zbs.md and zalo_oa.md. A code that is not here is kept and counted as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from providers.base import Reason
from providers.errors import Misconfigured, Throttled, Uncertain
from providers.reading import Meaning

VIETNAM = ZoneInfo("Asia/Ho_Chi_Minh")
SENDING_BEGINS, SENDING_ENDS = time(6), time(22)  # what Zalo itself allows for ordinary templates

ACCEPTED = "0"
# The token was refused, so nothing was sent: with a newer one the same call may be made again, once.
STALE_TOKEN = frozenset({"-124", "-216", "-220"})
PER_MINUTE = 60.0  # the limit is counted by the minute


def _all(codes: str, kind: Reason | type[Misconfigured | Throttled | Uncertain], words: str) -> dict[str, Meaning]:
    return dict.fromkeys(codes.split(), Meaning(kind, words))


# Of the Official Account's host.
OA: Mapping[str, Meaning] = {
    **_all("-124 -216 -220", Misconfigured, "the access token is refused, a fresh one too"),
    **_all("-209 -212 -219", Misconfigured, "the app is unknown, inactive or not linked"),
    **_all("-204 -205 -221 -223 -224 -235", Misconfigured, "the account may not do this"),
    **_all("-242 -320", Misconfigured, "the account is wrongly set up"),
    "-248": Meaning(Misconfigured, "the account is blocked for a violation"),
    "-321": Meaning(Misconfigured, "not enough money in the account"),
    "-249": Meaning(Reason.CONTENT, "the template cannot be sent"),
    **_all("-210 -233 -237 -238 -240 -241 -403 -1340 -1341", Reason.REQUEST, "not understood"),
    "-100": Meaning(Reason.REQUEST, "an attachment has expired"),
    **_all("-201 -213 -218 -227 -230 -231 -232", Reason.RECIPIENT, "this person cannot be written to by the account"),
    **_all("-217 -244", Reason.OPT_OUT, "this person refuses messages of the account"),
    "-200": Meaning(Uncertain, "an unknown error of Zalo's"),
    "-214": Meaning(Throttled, "not ready yet"),
    "-32": Meaning(Throttled, "too many calls in a minute", PER_MINUTE),
    "-234": Meaning(Throttled, "nothing is taken at night"),
    "-211": Meaning(Throttled, "the quota of the day is used up"),
}

# Templates by user id go through the account's host, so that both tables are theirs; where they differ their own host's counts.
CODES: Mapping[str, Meaning] = {
    **OA,
    **_all("-101 -102 -103 -104 -105", Misconfigured, "the app is unknown, inactive or not linked"),
    **_all("-120 -135 -136 -138 -1381 -145", Misconfigured, "the account may not do this"),
    **_all("-125 -1201 -1202 -1241", Misconfigured, "the account is wrongly set up"),
    "-1351": Meaning(Misconfigured, "the account is blocked for a violation"),
    **_all("-115 -126 -137", Misconfigured, "not enough money in the account"),
    **_all("-1441 -160", Misconfigured, "the account's quota of the month is used up"),
    **_all("-109 -1091 -113 -1131 -1132 -116 -117 -121 -131 -146", Reason.CONTENT, "the template cannot be sent"),
    **_all(
        "-106 -107 -111 -112 -1121 -1122 -1123 -1124 -122 -123 -127 -128 -130 -132 -142 -143",
        Reason.REQUEST,
        "not understood",
    ),
    **_all("-148 -149 -1491 -150 -151 -152 -153 -158 -159 -161 -162", Reason.REQUEST, "not understood"),
    **_all("-108 -110 -114 -118 -119 -134 -140 -1471 -1472", Reason.RECIPIENT, "this person cannot be reached on Zalo"),
    **_all("-139 -141", Reason.OPT_OUT, "this person refuses messages of the account"),
    "-100": Meaning(Uncertain, "an unknown error of Zalo's"),
    "-129": Meaning(Throttled, "not ready yet"),
    "-133": Meaning(Throttled, "nothing is taken at night"),
    **_all("-144 -147", Throttled, "the quota of the day is used up"),
}


def until(hour: time, now: datetime) -> float:
    """Seconds until it is that hour in Viet Nam the next time. `now` must be aware."""
    here = now.astimezone(VIETNAM)
    day = here.date() + timedelta(days=here.time() >= hour)
    return (datetime.combine(day, hour, VIETNAM) - here).total_seconds()


# Seconds until Zalo takes messages again, where the code says so.
WAITS: Mapping[str, Callable[[datetime], float]] = {
    **dict.fromkeys(("-133", "-234"), lambda now: until(SENDING_BEGINS, now)),
    **dict.fromkeys(("-144", "-147", "-211"), lambda now: until(time(0), now)),
}
