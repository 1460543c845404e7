"""The letter of a statement, twice: the PDF says what the .docx says, in letters of its own, on the paper of the decree."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import docx
import pytest
from docx.table import Table
from docx.text.paragraph import Paragraph
from pypdf import PdfReader

from campaigns.obligations import Form, Office
from dispatcher.reports import letter
from dispatcher.reports.letter import Statement
from dispatcher.store.statements import Request, Sent

NOW = datetime(2026, 7, 1, 3, 0, 0, 123456, tzinfo=UTC)
VOWELS = "aàáảãạăằắẳẵặâầấẩẫậeèéẻẽẹêềếểễệiìíỉĩịoòóỏõọôồốổỗộơờớởỡợuùúủũụưừứửữựyỳýỷỹỵđ"
MARKUP = 'Nói *không* với _ma túy_ #1: [xã] "gọi" \\ $x$ @ban <a> = - + // /* 100% ~'


def office(form: Form) -> Office:
    return Office(
        date(2026, 1, 1), "Ủy ban nhân dân tỉnh Lạng Sơn", "Sở Văn hóa, Thể thao và Du lịch", "SVHTTDL", "Lạng Sơn",
        ("KT. GIÁM ĐỐC", "PHÓ GIÁM ĐỐC"), "BCXB", "Nguyễn Văn An", form,
    )  # fmt: skip


def statement(messages: int) -> Statement:
    asked = Request(
        1, bytes(16), date(2026, 1, 1), date(2026, 6, 30), "Cơ quan Cảnh sát điều tra", "12/CV-CSĐT", date(2026, 6, 5),
        "Điều 88 Bộ luật Tố tụng hình sự", "an", NOW, None, None,
    )  # fmt: skip
    words = (VOWELS, VOWELS.upper(), MARKUP)
    sent = [
        Sent(
            UUID(int=n), UUID(int=1), "c", "t", "w", words[n % 3], 2, "delivered", "b", NOW, "main", f"R-{n}",
            NOW + timedelta(minutes=n),
        )
        for n in range(messages)
    ]  # fmt: skip
    return Statement(asked, "84912345678", sent, NOW, "bang-ke.extract.jsonl", "ab12" * 16, ["attempts 12"])


def printed(messages: int, form: Form = Form.STATE) -> PdfReader:
    return PdfReader(io.BytesIO(letter.printed(statement(messages), office(form))))


def without_space(text: str) -> str:
    return "".join(text.split())


def of_word(container: Any) -> Iterator[str]:
    for part in container.iter_inner_content():
        if isinstance(part, Paragraph):
            yield part.text
        elif isinstance(part, Table):
            for row in part.rows:
                for cell in row.cells:
                    yield from of_word(cell)


def of_pdf(reader: PdfReader) -> Iterator[str]:
    """Each page's words, without the page number that stands above from the second on."""
    for place, page in enumerate(reader.pages, 1):
        text = without_space(page.extract_text())
        yield text if place == 1 else text.removeprefix(str(place))


@pytest.mark.parametrize("form", Form)
@pytest.mark.parametrize("messages", [0, 1, 60])
def test_the_pdf_says_what_the_docx_says_and_nothing_else(form: Form, messages: int) -> None:
    written = docx.Document(io.BytesIO(letter.render(statement(messages), office(form))))
    expected = without_space("".join(of_word(written)))
    heads = without_space("".join(letter.HEADS))
    said = "".join(of_pdf(printed(messages, form)))
    assert said.replace(heads, "") == expected.replace(heads, "")
    assert said.count(heads) >= 1
    assert (VOWELS in said) is (messages > 0)


def fonts(reader: PdfReader) -> Iterator[Any]:
    for page in reader.pages:
        for font in page["/Resources"]["/Font"].values():
            yield font.get_object()["/DescendantFonts"][0].get_object()["/FontDescriptor"]


def test_every_font_is_embedded_and_one_face_serves_all_letters() -> None:
    described = list(fonts(printed(3)))
    assert all({"/FontFile2", "/FontFile3"} & set(font) for font in described)
    faces = {str(font["/FontName"]).partition("+")[2].partition("-")[0] for font in described}
    assert faces in ({"LibertinusSerif"}, {"TimesNewRomanPSMT"})


def test_it_is_a_tagged_archive_paper_in_vietnamese_of_the_size_a4() -> None:
    reader = printed(60)
    assert {tuple(round(float(side) * 25.4 / 72) for side in page.mediabox[2:]) for page in reader.pages} == {
        (210, 297)
    }
    catalog = reader.trailer["/Root"]
    assert catalog["/Lang"] == "vi"
    assert catalog["/MarkInfo"]["/Marked"]
    assert b"<pdfaid:part>2</pdfaid:part>" in catalog["/Metadata"].get_object().get_data()
    assert reader.metadata is not None
    assert reader.metadata.title == letter.SUBJECT
    assert len(reader.pages) > 2


def test_the_margins_are_those_of_the_decree() -> None:
    """Decree 30/2020, Annex I: 20 mm above, 30 mm to the left; 14 pt, the first line in by 1.27 cm."""
    places: list[tuple[float, float, float]] = []

    def visit(text: str, matrix: Any, _text_matrix: Any, _font: Any, size: float) -> None:
        if text.strip():
            places.append((matrix[4] * 25.4 / 72, 297 - matrix[5] * 25.4 / 72, size))

    printed(1).pages[0].extract_text(visitor_text=visit)
    assert min(left for left, _, _ in places) == pytest.approx(30, abs=1)
    assert min(top for _, top, _ in places) >= 20
    assert {round(size) for _, _, size in places} <= {11, 12, 13, 14}
    assert any(left == pytest.approx(42.7, abs=0.5) and round(size) == 14 for left, _, size in places)


def test_the_same_statement_makes_the_same_pdf() -> None:
    assert letter.printed(statement(3), office(Form.STATE)) == letter.printed(statement(3), office(Form.STATE))
