"""An article that an Official Account sends to its followers at once, as staff write it: content, whom, when, on what it rests."""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, StrictStr, StringConstraints

from campaigns.calendar import VIETNAM
from campaigns.campaign import MessageClass, Part
from campaigns.decree91 import outside
from campaigns.moments import shown, wrong
from campaigns.policy import DEFAULTS
from campaigns.problems import Found
from campaigns.toml_file import tables, written
from campaigns.written import Body, FullDate, Name, Sentence, Slug, Window, Written, read

HINT = "; xem ví dụ trong tài liệu về kênh Zalo"
LONGEST_ADDRESS = 2000


class Ages(StrEnum):
    """The groups of ages that Zalo tells followers by."""

    TO_12 = "0-12"
    TO_17 = "13-17"
    TO_24 = "18-24"
    TO_34 = "25-34"
    TO_44 = "35-44"
    TO_54 = "45-54"
    TO_64 = "55-64"
    FROM_65 = "65+"


class Gender(StrEnum):
    MALE = "male"
    FEMALE = "female"


class Region(StrEnum):
    NORTH = "north"
    CENTRAL = "central"
    SOUTH = "south"


class Platform(StrEnum):
    IOS = "ios"
    ANDROID = "android"
    WINDOWS_PHONE = "windows_phone"


class Target(Part):
    """Which followers; what is empty chooses nobody out. `cities` are Zalo's codes of provinces, and stand for regions."""

    ages: tuple[Ages, ...] = ()
    gender: Gender | None = None
    regions: tuple[Region, ...] = ()
    cities: tuple[str, ...] = ()
    platforms: tuple[Platform, ...] = ()


class Article(Part):
    """What people read: `cover` is the public address of a picture, `body` its paragraphs."""

    title: str
    author: str
    description: str
    cover: str
    body: tuple[str, ...]


class Broadcast(Part):
    """One sending, over a route of the account: on one of the days from `date` to `until` (included), inside `window`.

    Either `article` is written here, or `article_id` names one that is at Zalo already.
    """

    slug: str
    route: str
    basis: str
    topics: tuple[str, ...] = ()
    date: datetime.date
    until: datetime.date
    window: tuple[datetime.time, datetime.time]
    article: Article | None = None
    article_id: str | None = None
    target: Target = Target()

    @property
    def opens_at(self) -> datetime.datetime:
        return datetime.datetime.combine(self.date, self.window[0], VIETNAM)

    @property
    def closes_at(self) -> datetime.datetime:
        return datetime.datetime.combine(self.until, self.window[1], VIETNAM)

    @property
    def title(self) -> str:
        """What to call it."""
        return self.article.title if self.article else f"bài {self.article_id}"


def content_hash(content: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical JSON of what an approval is bound to."""
    canonical = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _address(value: str) -> str:
    if not value.startswith("https://") or any(sign.isspace() for sign in value):
        raise wrong(f"{shown(value)} phải là địa chỉ https:// công khai của một ảnh, không có dấu cách")
    return value


def _code(value: str) -> str:
    if not value.isascii() or not value.isdigit():
        raise wrong(f"{shown(value)} không phải mã tỉnh của Zalo; chỉ gồm chữ số")
    return value


def _id(value: str) -> str:
    if not value.isascii() or not value.isalnum():
        raise wrong(f"{shown(value)} không phải mã bài viết của Zalo; chỉ gồm chữ không dấu và chữ số")
    return value


Address = Annotated[StrictStr, StringConstraints(max_length=LONGEST_ADDRESS), AfterValidator(_address)]
City = Annotated[StrictStr, StringConstraints(max_length=6), AfterValidator(_code)]
ArticleId = Annotated[StrictStr, StringConstraints(max_length=64), AfterValidator(_id)]


class ArticleTable(Written):
    """`[article]`"""

    id: ArticleId | None = None
    title: Sentence | None = None
    author: Sentence | None = None
    description: Sentence | None = None
    cover: Address | None = None
    body: tuple[Body, ...] | None = None


class TargetTable(Written):
    """`[target]`"""

    ages: tuple[Ages, ...] | None = None
    gender: Gender | None = None
    regions: tuple[Region, ...] | None = None
    cities: tuple[City, ...] | None = None
    platforms: tuple[Platform, ...] | None = None


class File(Written):
    """The whole file; its tables are read one by one."""

    required = ("slug", "route", "basis", "date", "window", "article")

    slug: Slug | None = None
    route: Name | None = None
    basis: Sentence | None = None
    topics: tuple[Slug, ...] | None = None
    date: FullDate | None = None
    until: FullDate | None = None
    window: Window | None = None
    article: Any = None
    target: Any = None


OF_AN_ARTICLE = ("title", "author", "description", "cover", "body")


def load(path: Path) -> Broadcast:
    """What a file says (UTF-8, at most 1 MiB). Raises `DefinitionError` with all its problems."""
    return parse(written(path, Found(str(path)), HINT), str(path))


def parse(text: str, name: str) -> Broadcast:
    """What a text says; `name` is what problems call it. Raises `DefinitionError` with all its problems."""
    found = Found(name, text)
    raw = tables(text, found, HINT)
    head = read(File, raw, "", found)
    article = read(ArticleTable, head.article, "article", found) if "article" in raw else ArticleTable()
    target = read(TargetTable, head.target, "target", found) if "target" in raw else TargetTable()
    if "article" in raw:
        _whole(article, found)
    _timely(head, found)
    if target.cities and target.regions:
        found.add("target.regions", "Zalo chỉ xét cities khi đã ghi cities; bỏ một trong hai khóa")
    found.stop()
    return Broadcast.model_validate(
        {
            **head.present(),
            "until": head.until or head.date,
            "article": None if article.id else article.present(),
            "article_id": article.id,
            "target": target.present(),
        }
    )


def source(broadcast: Broadcast) -> str:
    """A text that `parse` reads as this broadcast; JSON's strings and lists are TOML's too."""
    told = broadcast.model_dump(mode="json", exclude_defaults=True)
    article, target = told.pop("article", None) or {"id": told.pop("article_id", None)}, told.pop("target", {})
    told["window"] = [f"{one:%H:%M}" for one in broadcast.window]
    return "\n".join([*_keys(told), "", "[article]", *_keys(article), "", "[target]", *_keys(target), ""])


def _keys(table: Mapping[str, Any]) -> list[str]:
    return [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in table.items()]


def _whole(table: ArticleTable, found: Found) -> None:
    """Written here, or named: not half of either."""
    told = table.present()
    written_here = [key for key in OF_AN_ARTICLE if key in told]
    if table.id and written_here:
        found.add("article.id", f"đã ghi id thì bài có sẵn trên Zalo; bỏ {', '.join(written_here)}, hoặc bỏ id")
    for key in () if table.id else OF_AN_ARTICLE:
        if key not in told and not found.has(f"article.{key}"):
            found.add(f"article.{key}", "thiếu khóa này; hoặc ghi id của một bài có sẵn trên Zalo")
    if table.body == ():
        found.add("article.body", 'cần ít nhất một đoạn, ví dụ body = ["Nội dung"]')


def _timely(head: File, found: Found) -> None:
    if head.date and head.until and head.until < head.date:
        found.add("until", "ngày cuối đứng trước ngày đầu (date)")
    allowed = DEFAULTS[MessageClass.PUBLIC_INFORMATION].hours
    if head.window and outside(head.window, allowed):
        found.add(
            "window",
            f"khung giờ lấn vào giờ không gửi; chọn trong {allowed[0]:%H:%M}-{allowed[1]:%H:%M} (giờ Việt Nam)",
        )


def too_long(article: Article, most: Mapping[str, int]) -> Iterable[str]:
    """Fields of an article that are longer than what the account takes, in words."""
    for key, words in (("title", "tiêu đề"), ("description", "mô tả")):
        if len(getattr(article, key)) > most[key]:
            yield f"{words} có {len(getattr(article, key))} ký tự, Zalo nhận nhiều nhất {most[key]}"
