"""Articles of an Official Account, and sending one to many of its followers at once ("broadcast").

Source: developers.zalo.me, the vendor's SDK and their mirrors; each fact with its confidence in docs/providers/zalo_oa.md.
Zalo deduplicates none of these calls and cannot be asked about one whose answer was lost; it tells nothing of single people.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from providers.base import Accepted, Submitted
from providers.blanking import blanked
from providers.errors import Misconfigured
from providers.reading import known, refused
from providers.zalo.calls import Asked
from providers.zalo.codes import ACCEPTED
from providers.zalo.oa import Oa

# What Zalo gives for an article that it has not looked at yet: base64, longer than an id.
TOKEN = re.compile(r"[A-Za-z0-9+/=_.-]{1,512}")

AGES = {
    "0-12": "0",
    "13-17": "1",
    "18-24": "2",
    "25-34": "3",
    "35-44": "4",
    "45-54": "5",
    "55-64": "6",
    "65+": "7",
}
GENDERS = {"male": "1", "female": "2"}
REGIONS = {"north": "0", "central": "1", "south": "2"}
PLATFORMS = {"ios": "1", "android": "2", "windows_phone": "3"}
# Broadcasts of a calendar month, by what the account calls its package.
PACKAGES = {
    "basic": 1,
    "cơ bản": 1,
    "trial": 4,
    "dùng thử": 4,
    "advanced": 4,
    "nâng cao": 4,
    "premium": 6,
}


@dataclass(frozen=True, slots=True)
class Article:
    """What people read. `cover` is the public address of a picture, which Zalo fetches; `body` its paragraphs."""

    title: str
    author: str
    description: str
    cover: str
    body: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """Which followers, in the words of the tables above; `cities` are Zalo's codes. What is empty chooses nobody out."""

    ages: tuple[str, ...] = ()
    gender: str = ""
    regions: tuple[str, ...] = ()
    cities: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()

    def wire(self) -> dict[str, str]:
        """As Zalo has it: codes joined by commas, both genders where nobody is chosen out. Raises KeyError for an unknown word."""
        told = {
            "ages": _joined(self.ages, AGES),
            "gender": _joined([self.gender] if self.gender else [], GENDERS),
            "locations": _joined(self.regions, REGIONS),
            "cities": ",".join(self.cities),
            "platform": _joined(self.platforms, PLATFORMS),
        }
        return {name: codes for name, codes in told.items() if codes} or {"gender": "0"}


def _joined(words: Iterable[str], codes: Mapping[str, str]) -> str:
    return ",".join(codes[word] for word in words)


@dataclass(frozen=True, slots=True)
class Standing:
    """The account as Zalo tells it. `monthly`: broadcasts of a month; None for whatever is not told or not known."""

    name: str
    followers: int | None
    package: str
    verified: bool | None
    monthly: int | None


class Articles:
    """The calls for articles of one account. All raise a `ProviderError` where the whole call failed."""

    def __init__(self, account: Oa) -> None:
        self._account, self._options = account, account.options

    async def create(self, article: Article) -> Submitted:
        """Hand over an article; the reference is a token by which it is asked for. A lost answer is in doubt."""
        options = self._options
        body: dict[str, object] = {
            "type": "normal",
            "title": article.title,
            "author": article.author,
            "cover": {"cover_type": "photo", "photo_url": article.cover, "status": "show"},
            "description": article.description,
            "body": [{"type": "text", "content": paragraph} for paragraph in article.body],
            "status": options.article_status,
            "comment": options.article_comment,
        }
        kept = {"body": f"{sum(map(len, article.body))} characters"}
        asked = Asked("POST", self._url(options.article_path), "Zalo, create an article", body, kept)
        return await self._account.handed_over(asked, "token", TOKEN)

    async def made(self, token: str) -> Submitted:
        """Ask for an article's id; only reads. Raises `Throttled` while Zalo has not looked at the article yet."""
        asked = Asked("POST", self._url(self._options.verify_path), "Zalo, ask for an article", {"token": token})
        return await self._account.handed_over(asked, "id")

    async def send(self, article_id: str, target: Target) -> Submitted:
        """Have an article sent to followers; the reference is Zalo's, None where it gives none. A lost answer is in doubt."""
        element = {"media_type": "article", "attachment_id": article_id}
        payload = {"template_type": "media", "elements": [element]}
        body: dict[str, object] = {
            "recipient": {"target": target.wire()},
            "message": {"attachment": {"type": "template", "payload": payload}},
        }
        asked = Asked("POST", self._url(self._options.broadcast_path), "Zalo, send an article to followers", body)
        call, said, answer = await self._account.asked(asked)
        if said.error != ACCEPTED:
            return Submitted((refused(self._account.codes, said.error, said.message, call, answer),), answer.exchange)
        return Submitted((Accepted(known(str(said.data.get("message_id", "")))),), answer.exchange)

    async def standing(self) -> Standing:
        """Ask who the account is, how many follow it, and what its package allows."""
        asked = Asked("GET", self._url(self._options.account_path), "Zalo, ask for the account")
        call, said, answer = await self._account.asked(asked)
        if said.error != ACCEPTED:
            verdict = refused(self._account.codes, said.error, said.message, call, answer)
            raise Misconfigured(f"{call.tried}: {verdict.detail}", code=verdict.code, exchange=answer.exchange)
        package = blanked(str(said.data.get("package_name") or ""), limit=60)
        verified = said.data.get("is_verified")
        return Standing(
            blanked(str(said.data.get("name") or ""), limit=60),
            said.number("num_follower"),
            package,
            verified if isinstance(verified, bool) else None,
            self._options.broadcasts_a_month or PACKAGES.get(package.casefold()),
        )

    def _url(self, path: str) -> str:
        return self._options.base_url + path
