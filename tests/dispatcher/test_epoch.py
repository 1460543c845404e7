"""Whether a database may send: one row, one case."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from dispatcher.epoch import LAG, REASONS, RIGHTFUL, Mark, Standing, Stored, Witnesses, judge

OURS, OTHER = UUID(int=1), UUID(int=2)
NONE = Witnesses(None, None, None)


def stored(generation: int | None = 100, *, at_home: bool = True, used: bool = True) -> Stored:
    mark = None if generation is None else Mark(OURS, generation)
    return Stored(mark, datetime(2026, 6, 1, tzinfo=UTC), at_home, used)


def known(memory: int | None = None, file: int | None = None, valkey: int | None = None) -> Witnesses:
    return Witnesses(*(None if g is None else Mark(OURS, g) for g in (memory, file, valkey)))


COPY = Mark(OURS, 100, in_place=False)
ALIEN = Mark(OTHER, 900)

# what the database says, what the witnesses say, on servers of its own, embedded in one folder
CASES = {
    "never started": (stored(None, used=False), NONE, Standing.FRESH, Standing.FRESH),
    "of an older version": (stored(None), NONE, Standing.FRESH, Standing.FRESH),
    "a backup of an older version, file": (stored(None), known(file=7), Standing.RESTORED, Standing.RESTORED),
    "a backup of an older version, Valkey": (stored(None), known(valkey=7), Standing.RESTORED, Standing.RESTORED),
    "new, in the folder of another": (stored(None, used=False), known(file=7), Standing.FRESH, Standing.FRESH),
    "new, at the Valkey of another": (stored(None, used=False), known(valkey=7), Standing.REPLACED, Standing.REPLACED),
    "all agree": (stored(), known(100, 100, 100), Standing.OURS, Standing.OURS),
    "a second host": (stored(), known(valkey=100), Standing.OURS, Standing.UNKNOWN),
    "Valkey emptied": (stored(), known(file=100), Standing.OURS, Standing.OURS),
    "Valkey emptied under us, no folder": (stored(), known(memory=100), Standing.OURS, Standing.OURS),
    "Valkey restored to a minute ago": (stored(), known(file=100, valkey=94), Standing.OURS, Standing.OURS),
    "killed before the witnesses were told": (stored(), known(file=99, valkey=99), Standing.OURS, Standing.OURS),
    "several killed so": (stored(), known(file=100 - LAG), Standing.OURS, Standing.OURS),
    "this host slept for long": (stored(), known(file=100 - LAG - 1), Standing.UNKNOWN, Standing.UNKNOWN),
    "this host slept, others did not": (stored(), known(file=3, valkey=100), Standing.OURS, Standing.UNKNOWN),
    "an older database, the file knows": (stored(), known(file=101), Standing.RESTORED, Standing.RESTORED),
    "an older database, Valkey knows": (stored(), known(file=100, valkey=101), Standing.RESTORED, Standing.RESTORED),
    "an older database under us": (stored(), known(101, 100, 100), Standing.RESTORED, Standing.RESTORED),
    "a copy on a new server": (stored(), NONE, Standing.UNKNOWN, Standing.UNKNOWN),
    "a dump, even with all witnesses": (stored(at_home=False), known(100, 100, 100), Standing.MOVED, Standing.MOVED),
    "adopted elsewhere": (stored(), Witnesses(Mark(OURS, 100), Mark(OURS, 100), ALIEN), Standing.REPLACED, Standing.REPLACED),
    "the file is another's": (stored(), Witnesses(None, ALIEN, Mark(OURS, 100)), Standing.OURS, Standing.UNKNOWN),
    "a copied folder": (stored(), Witnesses(None, COPY, Mark(OURS, 100)), Standing.OURS, Standing.COPIED),
    "a copied folder, nothing else": (stored(), Witnesses(None, COPY, None), Standing.UNKNOWN, Standing.COPIED),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_the_database_and_its_witnesses_come_to(case: tuple[Stored, Witnesses, Standing, Standing]) -> None:
    database, witnesses, apart, embedded = case
    assert judge(database, witnesses, embedded=False) is apart
    assert judge(database, witnesses, embedded=True) is embedded


def test_every_standing_is_either_rightful_or_explained_to_a_person() -> None:
    assert {*RIGHTFUL, *REASONS} == set(Standing)
    assert not RIGHTFUL & set(REASONS)
