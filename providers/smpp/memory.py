"""Which of our messages a centre's id stands for: of late, and at most so many."""

from __future__ import annotations

MOST = 100_000


class Memory:
    """Spares the database a search for most receipts, and a wait for those that outrun the storing of their message.

    Two generations: when the younger is full the older is forgotten. What is forgotten is found in the database.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most // 2
        self._young: dict[str, str] = {}
        self._old: dict[str, str] = {}

    def keep(self, id_: str, name: str) -> None:
        if len(self._young) >= self._most:
            self._young, self._old = {}, self._young
        self._young[id_] = name

    def name(self, id_: str) -> str | None:
        return self._young.get(id_) or self._old.get(id_)
