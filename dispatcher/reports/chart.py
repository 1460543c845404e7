"""Column charts that the office can edit in its word processor: DrawingML with the figures in a workbook inside."""

from __future__ import annotations

import io
from collections.abc import Sequence
from xml.sax.saxutils import escape

import xlsxwriter
from docx.document import Document
from docx.opc.constants import CONTENT_TYPE, RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from docx.shared import Cm
from docx.text.paragraph import Paragraph

_SHEET = "Figures"
WIDTH, HEIGHT = Cm(15.5), Cm(6.5)
COLOURS = ("7A9CC6", "1F4E79")  # told apart in black and white too
_NAMESPACES = (
    'xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart"'
    ' xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
    ' xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
)
_FONT = (
    '<c:txPr><a:bodyPr/><a:p><a:pPr><a:defRPr sz="1000"><a:latin typeface="Times New Roman"/></a:defRPr></a:pPr>'
    '<a:endParaRPr lang="vi-VN"/></a:p></c:txPr>'
)


def put(
    document: Document,
    paragraph: Paragraph,
    number: int,
    names: Sequence[str],
    series: Sequence[tuple[str, Sequence[int]]],
) -> None:
    """Put a chart in place of a paragraph's text; `number` is that of the chart in the document, from 1."""
    package = document.part.package
    chart = Part(PackURI(f"/word/charts/chart{number}.xml"), CONTENT_TYPE.DML_CHART, b"", package)
    book = Part(
        PackURI(f"/word/embeddings/chart{number}.xlsx"), CONTENT_TYPE.SML_SHEET, _workbook(names, series), package
    )
    inside = chart.relate_to(book, RELATIONSHIP_TYPE.PACKAGE)
    chart._blob = _chart(names, series, inside).encode()
    for run in paragraph.runs:
        run.text = ""
    paragraph.add_run()._r.append(parse_xml(_frame(document.part.relate_to(chart, RELATIONSHIP_TYPE.CHART), number)))


def _workbook(names: Sequence[str], series: Sequence[tuple[str, Sequence[int]]]) -> bytes:
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True, "strings_to_formulas": False}) as book:
        sheet = book.add_worksheet(_SHEET)
        sheet.write_column(1, 0, names)
        for column, (title, values) in enumerate(series, start=1):
            sheet.write(0, column, title)
            sheet.write_column(1, column, values)
    return content.getvalue()


def _frame(relation: str, number: int) -> str:
    return f"""<w:drawing {nsdecls("w", "wp", "a")}><wp:inline distT="0" distB="0" distL="0" distR="0">
<wp:extent cx="{WIDTH}" cy="{HEIGHT}"/><wp:docPr id="{100 + number}" name="Biểu đồ {number}"/><wp:cNvGraphicFramePr/>
<a:graphic><a:graphicData uri="http://schemas.openxmlformats.org/drawingml/2006/chart">
<c:chart xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart"
 xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" r:id="{relation}"/>
</a:graphicData></a:graphic></wp:inline></w:drawing>"""


def _chart(names: Sequence[str], series: Sequence[tuple[str, Sequence[int]]], inside: str) -> str:
    columns = "".join(_series(place, title, names, values) for place, (title, values) in enumerate(series))
    return f"""<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<c:chartSpace {_NAMESPACES}><c:roundedCorners val="0"/><c:chart><c:autoTitleDeleted val="1"/><c:plotArea><c:layout/>
<c:barChart><c:barDir val="col"/><c:grouping val="clustered"/><c:varyColors val="0"/>{columns}
<c:gapWidth val="80"/><c:axId val="1"/><c:axId val="2"/></c:barChart>
<c:catAx><c:axId val="1"/><c:scaling><c:orientation val="minMax"/></c:scaling><c:delete val="0"/><c:axPos val="b"/>
<c:numFmt formatCode="General" sourceLinked="0"/><c:majorTickMark val="none"/><c:minorTickMark val="none"/>
<c:tickLblPos val="nextTo"/>{_FONT}<c:crossAx val="2"/><c:crosses val="autoZero"/></c:catAx>
<c:valAx><c:axId val="2"/><c:scaling><c:orientation val="minMax"/><c:min val="0"/></c:scaling><c:delete val="0"/><c:axPos val="l"/>
<c:majorGridlines><c:spPr><a:ln w="6350"><a:solidFill><a:srgbClr val="D9D9D9"/></a:solidFill></a:ln></c:spPr></c:majorGridlines>
<c:numFmt formatCode="#,##0" sourceLinked="0"/><c:majorTickMark val="none"/><c:minorTickMark val="none"/>
<c:tickLblPos val="nextTo"/>{_FONT}<c:crossAx val="1"/><c:crosses val="autoZero"/></c:valAx></c:plotArea>
<c:legend><c:legendPos val="b"/><c:overlay val="0"/>{_FONT}</c:legend><c:plotVisOnly val="1"/></c:chart>
<c:externalData r:id="{inside}"><c:autoUpdate val="0"/></c:externalData></c:chartSpace>"""


def _series(place: int, title: str, names: Sequence[str], values: Sequence[int]) -> str:
    column, last = "BC"[place], len(names) + 1
    said = "".join(f'<c:pt idx="{n}"><c:v>{escape(name)}</c:v></c:pt>' for n, name in enumerate(names))
    counted = "".join(f'<c:pt idx="{n}"><c:v>{value}</c:v></c:pt>' for n, value in enumerate(values))
    return f"""<c:ser><c:idx val="{place}"/><c:order val="{place}"/>
<c:tx><c:strRef><c:f>{_SHEET}!${column}$1</c:f>
<c:strCache><c:ptCount val="1"/><c:pt idx="0"><c:v>{escape(title)}</c:v></c:pt></c:strCache></c:strRef></c:tx>
<c:spPr><a:solidFill><a:srgbClr val="{COLOURS[place]}"/></a:solidFill></c:spPr><c:invertIfNegative val="0"/>
<c:cat><c:strRef><c:f>{_SHEET}!$A$2:$A${last}</c:f>
<c:strCache><c:ptCount val="{len(names)}"/>{said}</c:strCache></c:strRef></c:cat>
<c:val><c:numRef><c:f>{_SHEET}!${column}$2:${column}${last}</c:f>
<c:numCache><c:formatCode>#,##0</c:formatCode><c:ptCount val="{len(values)}"/>{counted}</c:numCache></c:numRef></c:val></c:ser>"""
