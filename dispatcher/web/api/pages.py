"""Lists come in pages: each says where the next one begins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel, Field

T = TypeVar("T")

Limit = Annotated[int, Query(ge=1, le=200, description="How many at most.")]
Cursor = Annotated[
    str | None, Query(pattern=r"^[0-9]{1,18}$", description="`next` of the page before; without it, the first page.")
]


class Page(BaseModel, Generic[T]):
    items: list[T]
    next: str | None = Field(description="The cursor of the next page; null where this is the last.")


def page(found: Sequence[T], limit: int, place: Callable[[T], object]) -> Page[T]:
    """A page of at most `limit` out of up to one more; `place` is where an item stands in the order."""
    shown = list(found[:limit])
    return Page(items=shown, next=str(place(shown[-1])) if len(found) > limit else None)


def after(cursor: str | None) -> int | None:
    return int(cursor) if cursor else None
