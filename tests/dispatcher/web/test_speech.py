"""The pages' words: Vietnamese as written, English for every sentence, numbers and times of Viet Nam."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from dispatcher import vouching
from dispatcher.accounts import ROLE_WORDS
from dispatcher.complaints import CAME_BY_WORDS
from dispatcher.control import SPOKEN
from dispatcher.correspondence import SCOPE_WORDS
from dispatcher.reconciling import WORDS as DIFFERENCE_WORDS
from dispatcher.review import WHY_WORDS
from dispatcher.web import broadcasting, charts, deeds, rendering, speech
from dispatcher.web.complaining import RELEASED_WORDS
from dispatcher.web.navigation import ROOMS
from dispatcher.web.neighbours import SOURCE_WORDS
from dispatcher.web.programs import KIND_WORDS
from dispatcher.web.rights import ACTION_WORDS
from dispatcher.web.speech import Speech
from dispatcher.words import (
    ACT_WORDS,
    APPROVAL_WORDS,
    BROADCAST_STEPS,
    CHANNEL_WORDS,
    DETAIL_WORDS,
    OUTCOME_WORDS,
    REASON_WORDS,
    STATUS_WORDS,
    WAVE_WORDS,
)

WEB = Path(speech.__file__).parent
SENTENCE = re.compile(r"""\b_\((?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')""")

TABLES = (
    ROLE_WORDS, SPOKEN, STATUS_WORDS, WAVE_WORDS, SCOPE_WORDS, WHY_WORDS, CHANNEL_WORDS, ACT_WORDS, APPROVAL_WORDS, OUTCOME_WORDS,
    REASON_WORDS, CAME_BY_WORDS, RELEASED_WORDS, ACTION_WORDS, KIND_WORDS, SOURCE_WORDS, DETAIL_WORDS, DIFFERENCE_WORDS,
    deeds.FAMILY_WORDS, deeds.SUBJECT_WORDS, *deeds.VALUE_WORDS.values(),
    broadcasting.WORDS, broadcasting.TOLD, BROADCAST_STEPS,
)  # fmt: skip


def sentences() -> Iterator[str]:
    """Everything that a page may ask the catalog for."""
    for template in (WEB / "templates").rglob("*.html"):
        yield from (one or other for one, other in SENTENCE.findall(template.read_text("utf-8")))
    for module in WEB.glob("*.py"):
        for node in ast.walk(ast.parse(module.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "word":
                yield from (part.value for part in ast.walk(node.args[0]) if isinstance(part, ast.Constant))
    for words in TABLES:
        yield from words.values()
    yield from (words for _, words, _ in charts.BANDS)
    yield from (words for words, _, _ in broadcasting.TODAY)
    yield vouching.NAME
    for room, ways in ROOMS:
        yield from (room, *(way.words for way in ways))


def test_every_sentence_has_an_english_one_with_the_same_gaps() -> None:
    asked, english = set(sentences()), speech.catalog("en")
    assert len(asked) > 400
    assert asked - set(english) == set()
    for sentence in asked:
        assert set(re.findall(r"\{\w+\}", sentence)) == set(re.findall(r"\{\w+\}", english[sentence])), sentence


def test_no_english_is_left_over() -> None:
    written = "".join(path.read_text("utf-8") for path in WEB.rglob("*") if path.suffix in (".html", ".py"))
    unused = set(speech.catalog("en")) - set(sentences())
    assert {sentence for sentence in unused if sentence not in written} == set()


def test_every_act_that_is_recorded_has_words() -> None:
    hall = "".join(path.read_text("utf-8") for path in WEB.parent.rglob("*.py"))
    recorded = set(re.findall(r"""record\((?:[^()]|\([^()]*\))*?"([a-z]+\.[a-z_-]+)\"""", hall))
    assert len(recorded) > 40
    assert recorded - set(ACT_WORDS) == set()


def test_numbers_and_times_are_those_of_viet_nam() -> None:
    vietnamese, english = Speech("vi"), Speech("en")
    assert (vietnamese.number(1234567), english.number(1234567)) == ("1.234.567", "1,234,567")
    assert vietnamese.money(1250000.4) == "1.250.000 đồng"
    assert vietnamese.percent(1, 8) == "12,5%"
    late = datetime(2026, 5, 31, 17, 30, tzinfo=UTC)
    assert (vietnamese.moment(late), english.moment(late)) == ("00:30 01/06/2026", "00:30 01/06/2026")
    assert vietnamese.word("{count} tin", count=10000) == "10.000 tin"


def test_every_template_can_be_read() -> None:
    rendering.read_all()
    assert len(rendering.environment().list_templates()) > 50
