"""A pretend Zalo's articles, and their sending to followers: what was made, what went out, and how often."""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

from providers.sandbox.ledger import Ledger
from providers.sandbox.zalo.dials import ZaloDials

OK, PROCESSING, INVALID, NOT_VERIFIED = 0, -214, -201, -221
WRITTEN = ("title", "author", "description", "cover", "body")


@dataclass(frozen=True, slots=True)
class Made:
    """An article that was taken."""

    time: float
    token: str
    id: str
    title: str
    status: str
    answered: bool
    kind: str = field(default="article", init=False)


@dataclass(frozen=True, slots=True)
class Sent:
    """An article that went to followers; `message_id` is empty where it was refused."""

    time: float
    article: str
    target: Mapping[str, str]
    message_id: str
    code: int
    answered: bool
    kind: str = field(default="broadcast", init=False)


class Shelf:
    """The articles of one account."""

    def __init__(self, dials: ZaloDials, ledger: Ledger) -> None:
        self._dials, self._ledger = dials, ledger
        self.made: list[Made] = []
        self.sent: list[Sent] = []
        self._looked: dict[str, int] = {}

    def make(self, told: object) -> Made | int:
        """Take an article; a code where it lacks something. Made twice it is there twice."""
        if not isinstance(told, Mapping) or not all(told.get(name) for name in WRITTEN):
            return INVALID
        number, lost = len(self.made), self._dials.articles.lost_articles
        digest = blake2b(f"{self._dials.seed}:article:{number}".encode(), digest_size=12)
        token = b64encode(digest.digest() * 4).decode()
        one = Made(time.time(), token, digest.hexdigest(), str(told["title"]), str(told.get("status")), number >= lost)
        self.made.append(one)
        self._ledger.note(one)
        return one

    def look(self, token: str) -> str | int:
        """The id of an article, once it has been asked for often enough."""
        found = next((one for one in self.made if one.token == token), None)
        if found is None:
            return INVALID
        self._looked[token] = self._looked.get(token, 0) + 1
        return found.id if self._looked[token] > self._dials.articles.looks else PROCESSING

    def send(self, told: object) -> Sent | None:
        """Send an article to followers, or refuse to; None for what cannot be read."""
        read = _read(told)
        if read is None:
            return None
        article, target = read
        taken = [one for one in self.sent if one.message_id]
        code = self._code(article)
        id_ = "" if code else blake2b(f"{self._dials.seed}:broadcast:{len(taken)}".encode(), digest_size=12).hexdigest()
        answered = bool(code) or len(taken) >= self._dials.articles.lost_broadcasts
        one = Sent(time.time(), article, target, id_, code, answered)
        self.sent.append(one)
        self._ledger.note(one)
        return one

    def _code(self, article: str) -> int:
        if not self._dials.articles.verified:
            return NOT_VERIFIED
        known = {*self._dials.articles.at_hand, *(one.id for one in self.made)}
        return self._dials.articles.refused if article in known else INVALID


def _read(told: object) -> tuple[str, Mapping[str, str]] | None:
    match told:
        case {
            "recipient": {"target": Mapping() as target},
            "message": {
                "attachment": {
                    "type": "template",
                    "payload": {
                        "template_type": "media",
                        "elements": [{"media_type": "article", "attachment_id": str() as article}],
                    },
                }
            },
        }:
            return article, dict(target)
    return None
