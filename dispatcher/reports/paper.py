"""What an official paper needs of WordprocessingML beyond python-docx: page number, footnote, short rules, borderless tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from docx.document import Document
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Cm, Mm, Pt, RGBColor
from docx.styles.style import ParagraphStyle
from docx.table import Table, _Cell
from docx.text.paragraph import Paragraph
from docx.text.run import Run

FONT = "Times New Roman"
FOOTNOTES = "application/vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml"
_FACE = f'<w:rFonts w:ascii="{FONT}" w:hAnsi="{FONT}" w:cs="{FONT}"/>'
# The two marks that every footnotes part must begin with.
_FOOTNOTES = f"""<w:footnotes {nsdecls("w")}>
<w:footnote w:type="separator" w:id="-1"><w:p><w:r><w:separator/></w:r></w:p></w:footnote>
<w:footnote w:type="continuationSeparator" w:id="0"><w:p><w:r><w:continuationSeparator/></w:r></w:p></w:footnote>
<w:footnote w:id="1"><w:p><w:pPr><w:jc w:val="both"/></w:pPr>
<w:r><w:rPr>{_FACE}<w:vertAlign w:val="superscript"/><w:sz w:val="20"/></w:rPr><w:footnoteRef/></w:r>
<w:r><w:rPr>{_FACE}<w:sz w:val="20"/></w:rPr><w:t xml:space="preserve"> %s</w:t></w:r>
</w:p></w:footnote></w:footnotes>"""


def page(document: Document) -> None:
    """A4 upright; margins 20 mm above and below, 30 mm left, 20 mm right (Decree 30/2020, Annex I.I.1)."""
    (section,) = document.sections
    section.page_width, section.page_height = Mm(210), Mm(297)
    section.top_margin = section.bottom_margin = section.right_margin = Mm(20)
    section.left_margin = Mm(30)
    section.header_distance = Mm(10)
    section.different_first_page_header_footer = True
    number = section.header.paragraphs[0]
    number.alignment = WD_ALIGN_PARAGRAPH.CENTER
    field(number, "PAGE", size=14)


def plain_style(document: Document, size: float) -> None:
    """Every paragraph: Times New Roman, black, justified, first line in 1.27 cm, 6 pt apart."""
    style = document.styles["Normal"]
    assert isinstance(style, ParagraphStyle)  # noqa: S101  # what python-docx's own default template has
    style.font.name, style.font.size = FONT, Pt(size)
    style.font.color.rgb = RGBColor(0, 0, 0)
    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    for kind in ("w:ascii", "w:hAnsi", "w:cs", "w:eastAsia"):
        fonts.set(qn(kind), FONT)
    for theme in ("w:asciiTheme", "w:hAnsiTheme", "w:cstheme", "w:eastAsiaTheme"):
        fonts.attrib.pop(qn(theme), None)
    style.paragraph_format.space_before, style.paragraph_format.space_after = Pt(0), Pt(6)
    style.paragraph_format.line_spacing = 1.15


def body(parent: Any, text: str, *, bold: bool = False, italic: bool = False, size: float | None = None) -> Paragraph:
    """A paragraph of running text."""
    paragraph: Paragraph = parent.add_paragraph()
    paragraph.alignment = WD_ALIGN_PARAGRAPH.JUSTIFY
    paragraph.paragraph_format.first_line_indent = Cm(1.27)
    said(paragraph, text, bold=bold, italic=italic, size=size)
    return paragraph


def centred(
    parent: Any, text: str, *, bold: bool = False, italic: bool = False, size: float | None = None
) -> Paragraph:
    """A line in the middle, without space after it."""
    paragraph: Paragraph = parent.add_paragraph()
    paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
    paragraph.paragraph_format.space_after = Pt(0)
    said(paragraph, text, bold=bold, italic=italic, size=size)
    return paragraph


def flush(parent: Any, text: str, *, bold: bool = False, italic: bool = False, size: float | None = None) -> Paragraph:
    """A line at the left edge, without space after it."""
    paragraph = centred(parent, text, bold=bold, italic=italic, size=size)
    paragraph.alignment = WD_ALIGN_PARAGRAPH.LEFT
    return paragraph


def tag(parent: Any, text: str) -> None:
    """A paragraph that is an instruction to the template and vanishes when it is filled in."""
    parent.add_paragraph(text)


def said(
    paragraph: Paragraph, text: str, *, bold: bool = False, italic: bool = False, size: float | None = None
) -> Run:
    run = paragraph.add_run(text)
    run.bold, run.italic = bold or None, italic or None
    if size:
        run.font.size = Pt(size)
    return run


def rule(parent: Any, width_cm: float, inside_cm: float) -> None:
    """A solid line of that width in the middle of `inside_cm`: a paragraph without height, with a border above it."""
    paragraph: Paragraph = parent.add_paragraph()
    shape = paragraph.paragraph_format
    shape.left_indent = shape.right_indent = Cm(max(inside_cm - width_cm, 0) / 2)
    shape.space_after, shape.line_spacing = Pt(6), Pt(3)
    border = parse_xml(f'<w:pBdr {nsdecls("w")}><w:top w:val="single" w:sz="6" w:space="1" w:color="000000"/></w:pBdr>')
    paragraph._p.get_or_add_pPr().insert_element_before(border, "w:spacing", "w:ind", "w:jc")


def columns(document: Document, *widths_cm: float, rows: int = 1) -> list[_Cell]:
    """The cells, row by row, of a table without borders whose rows stay on one page each."""
    table = document.add_table(rows=rows, cols=len(widths_cm))
    table.autofit = False
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    _widths(table, widths_cm)
    for row in table.rows:
        row._tr.get_or_add_trPr().append(OxmlElement("w:cantSplit"))
    return [cell for row in table.rows for cell in row.cells]


def _widths(table: Table, widths_cm: Sequence[float]) -> None:
    """Word reads the width of each cell, LibreOffice that of the column."""
    for column, width in zip(table.columns, widths_cm, strict=True):
        column.width = Cm(width)
        for cell in column.cells:
            cell.width = Cm(width)


def close_up(*cells: _Cell) -> None:
    """Remove the empty paragraph that every new cell begins with; each must hold another one by now."""
    for cell in cells:
        first = cell.paragraphs[0]._p
        first.getparent().remove(first)


def grid(
    document: Document, heads: list[str], row: list[str], each: str, widths_cm: list[float], words: Sequence[int] = (0,)
) -> None:
    """A ruled table with a heading that repeats on every page and one row for each thing of `each` ("c in chien_dich").

    `words`: the columns that stand to the left; figures stand to the right.
    """
    table = document.add_table(rows=4, cols=len(heads))
    table.style = document.styles["Table Grid"]
    table.autofit = False
    table.alignment = WD_TABLE_ALIGNMENT.CENTER
    _widths(table, widths_cm)
    texts = (
        heads,
        [f"{{%tr for {each} %}}", *[""] * (len(heads) - 1)],
        row,
        ["{%tr endfor %}", *[""] * (len(heads) - 1)],
    )
    for place, (line, line_texts) in enumerate(zip(table.rows, texts, strict=True)):
        for number, (cell, text) in enumerate(zip(line.cells, line_texts, strict=True)):
            paragraph = cell.paragraphs[0]
            paragraph.paragraph_format.space_after = Pt(0)
            paragraph.paragraph_format.line_spacing = 1
            paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER if place == 0 else _side(words=number in words)
            said(paragraph, text, bold=place == 0, size=12)
    table.rows[0]._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))


def _side(*, words: bool) -> WD_ALIGN_PARAGRAPH:
    return WD_ALIGN_PARAGRAPH.LEFT if words else WD_ALIGN_PARAGRAPH.RIGHT


def field(paragraph: Paragraph, instruction: str, *, size: float) -> None:
    """A field that the word processor fills in, such as PAGE."""
    for kind, text in (("begin", ""), ("", instruction), ("end", "")):
        run = said(paragraph, "", size=size)
        if kind:
            mark = OxmlElement("w:fldChar")
            mark.set(qn("w:fldCharType"), kind)
        else:
            mark = OxmlElement("w:instrText")
            mark.text = text
        run._r.append(mark)


def footnote(document: Document, paragraph: Paragraph, text: str) -> None:
    """The document's one footnote, referred to at the end of the paragraph; `text` may be a template's."""
    part = Part(PackURI("/word/footnotes.xml"), FOOTNOTES, (_FOOTNOTES % text).encode(), document.part.package)
    document.part.relate_to(part, RELATIONSHIP_TYPE.FOOTNOTES)
    run = paragraph.add_run()
    run.font.superscript = True
    reference = OxmlElement("w:footnoteReference")
    reference.set(qn("w:id"), "1")
    run._r.append(reference)
