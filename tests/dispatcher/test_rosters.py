import csv
import io
import os
import random
import re
import struct
import zipfile

import polars as pl
import pytest
import xlsxwriter
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dispatcher.errors import UserError
from dispatcher.rosters import RosterError, read
from dispatcher.rosters.chunks import MOST_BLANK_ROWS

HEADER = "STT,Họ và tên,Số điện thoại,Xã/phường,Nhóm"
PLAIN = f"{HEADER}\n1,Lan,0912345678,Na Sầm,thanh niên\n2,Hoa,0987654321,Thất Khê,\n"


@pytest.fixture
def file(tmp_path):
    def made(content, name="danh-sach.csv"):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return made


def book(sheets, **options):
    """An XLSX of {sheet name: rows}; a cell is a value, or a function that writes itself."""
    content = io.BytesIO()
    workbook = xlsxwriter.Workbook(content, {"in_memory": True, "strings_to_formulas": False, **options})
    for name, rows in sheets.items():
        worksheet = workbook.add_worksheet(name)
        for row, cells in enumerate(rows):
            for column, cell in enumerate(cells):
                if callable(cell):
                    cell(workbook, worksheet, row, column)
                elif cell is not None:
                    worksheet.write(row, column, cell)
    workbook.close()
    return content.getvalue()


def zipped(entries, packing=zipfile.ZIP_DEFLATED):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", packing) as archive:
        for name, text in entries.items():
            archive.writestr(name, text)
    return content.getvalue()


def sheet(data, strings="", front=""):
    """A workbook by hand, for what no writer would write."""
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    rel = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    return {
        "xl/workbook.xml": f'<workbook {main} xmlns:r="{rel}"><sheets><sheet name="A" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": '<Relationships><Relationship Id="r1" Target="worksheets/s.xml"/></Relationships>',
        "xl/worksheets/s.xml": f"{front}<worksheet {main}><sheetData>{data}</sheetData></worksheet>",
        "xl/sharedStrings.xml": f"<sst {main}>{strings}</sst>",
    }


def inline(reference, text):
    return f'<c r="{reference}" t="inlineStr"><is><t>{text}</t></is></c>'


NUMBERS = f"<row>{inline('A1', 'SĐT')}</row><row>{inline('A2', '0912345678')}</row>"


def rows(roster):
    return [row for chunk in roster for row in chunk.frame.rows()]


def frame(roster):
    return pl.concat([chunk.frame for chunk in roster])


# What staff send


def test_a_roster_tells_what_it_recognised(file):
    roster = read(file(PLAIN))
    assert roster.columns == ("STT", "Họ và tên", "Số điện thoại", "Xã/phường", "Nhóm")
    assert roster.mapping == {"msisdn": "Số điện thoại", "area": "Xã/phường", "group": "Nhóm"}
    assert (roster.encoding, roster.delimiter, roster.sheet, roster.total_hint) == (
        "utf-8",
        ",",
        None,
        len(PLAIN.encode()),
    )
    assert rows(roster) == [(2, "0912345678", "Na Sầm", "thanh niên"), (3, "0987654321", "Thất Khê", None)]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_delimiters_encodings_and_line_ends_make_no_difference(file, delimiter, encoding, ending):
    text = PLAIN.replace(",", delimiter).replace("\n", ending)
    roster = read(file(text.encode(encoding)))
    assert roster.delimiter == delimiter
    assert frame(roster).equals(frame(read(file(PLAIN, "plain.csv"))))


@pytest.mark.parametrize(
    "header",
    [
        "SĐT",
        "Số điện thoại",
        "SO DIEN THOAI",
        "Điện thoại",
        "Di động",
        "Phone",
        "MSISDN",
        "Mobile",
        "Số ĐT",
        "SĐT (Zalo)",
    ],
)
def test_a_number_column_is_known_by_its_header(file, header):
    assert read(file(f"Tên,{header}\nLan,0912345678\n")).mapping == {"msisdn": header}


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("Xã/phường", "area"),
        ("Xã", "area"),
        ("Đơn vị hành chính", "area"),
        ("Mã xã", "area"),
        ("commune", "area"),
        ("AREA", "area"),
        ("Nhóm", "group"),
        ("Đối tượng", "group"),
        ("Ngôn ngữ", "language"),
        ("Tiếng", "language"),
    ],
)
def test_the_other_columns_are_known_by_their_headers(file, header, field):
    assert read(file(f"{header},SĐT\nx,0912345678\n")).mapping[field] == header


def test_a_code_is_preferred_to_a_name(file):
    assert read(file("Tên xã,Mã xã,SĐT\nNa Sầm,06124,0912345678\n")).mapping["area"] == "Mã xã"


def test_a_landline_column_is_no_candidate(file):
    assert read(file("ĐT cố định,Điện thoại cố định,Di động\n1,2,0912345678\n")).mapping["msisdn"] == "Di động"


def test_title_rows_above_the_header_are_passed_over(file):
    roster = read(file(f"DANH SÁCH SỐ ĐIỆN THOẠI,,,,\n,,,,\n{PLAIN}"))
    assert [row[:2] for row in rows(roster)] == [(4, "0912345678"), (5, "0987654321")]


def test_without_a_header_the_one_column_of_numbers_is_used_and_this_is_said(file):
    roster = read(file("Lan,0912345678\nHoa,0987654321\n"))
    assert rows(roster) == [(1, "0912345678"), (2, "0987654321")]
    assert "Không thấy dòng tiêu đề: dùng cột 2" in roster.notes[0]


def test_a_column_can_be_named_by_hand_without_accents_or_case(file):
    path = file("Liên hệ 1,Liên hệ 2\n0912345678,0987654321\n")
    assert rows(read(path, {"msisdn": "lien he 2"})) == [(2, "0987654321")]
    assert rows(read(file("0912345678,0987654321\n", "bare.csv"), {"msisdn": "Cột 2"})) == [(1, "0987654321")]


def test_one_column_with_pairs_in_it_is_not_torn_apart(file):
    roster = read(file("SĐT\n0912345678, 0987654321\n0912345679;0987654322\n"))
    assert roster.delimiter is None
    assert rows(roster) == [(2, "0912345678, 0987654321"), (3, "0912345679;0987654322")]


def test_a_second_number_without_quotes_in_the_last_column_is_kept(file):
    assert rows(read(file("Tên,SĐT\nLan,0912345678, 0987654321\nHoa,0912345679,,\n"))) == [
        (2, "0912345678;  0987654321"),
        (3, "0912345679"),
    ]


def test_rows_too_short_are_rows_without_a_number(file):
    assert rows(read(file("Tên,SĐT\nLan\nHoa,0912345678\n"))) == [(2, None), (3, "0912345678")]


def test_blank_lines_count_inside_and_not_at_the_end(file):
    assert rows(read(file("Tên,SĐT\nLan,0912345678\n\n , \nHoa,0987654321\n\n , \n\n"))) == [
        (2, "0912345678"),
        (3, None),
        (4, None),
        (5, "0987654321"),
    ]


def test_a_record_over_several_lines_has_the_number_of_its_first(file):
    assert rows(read(file('SĐT,Xã\n"0912345678\n0987654321","Na\nSầm"\n0321234567,x\n'))) == [
        (2, "0912345678\n0987654321", "Na\nSầm"),
        (5, "0321234567", "x"),
    ]


def test_stray_quotes_inside_a_name_are_text(file):
    assert rows(read(file('Tên,SĐT\nAnh "Tí" Tèo,0912345678\n"Anh "Tí"",0987654321\n'))) == [
        (2, "0912345678"),
        (3, "0987654321"),
    ]


def test_nul_bytes_are_dropped(file):
    assert rows(read(file("SĐT\n0912\x00345678\n"))) == [(2, "0912345678")]


def test_the_line_that_names_the_delimiter_for_excel_is_no_data(file):
    assert rows(read(file("sep=;\nTên;SĐT\nLan;0912345678\n"))) == [(3, "0912345678")]


def test_chunks_are_of_the_size_asked_for_and_positions_reach_the_end(file):
    roster = read(file("SĐT\n" + "0912345678\n" * 25), chunk_rows=10)
    chunks = list(roster)
    assert [chunk.frame.height for chunk in chunks] == [10, 10, 5]
    assert chunks[-1].position == roster.total_hint
    assert next(iter(roster)).frame["row"][0] == 2


# Workbooks


@pytest.mark.parametrize("constant", [False, True])
def test_csv_and_xlsx_of_the_same_content_give_the_same_frames(file, constant):
    table = [line.split(",") for line in PLAIN.splitlines()]
    table[3:3] = [[""] * 5, ["3", "", "", "", ""]]
    text = "\n".join(",".join(cells) for cells in table)
    workbook = read(file(book({"Sheet1": table}, constant_memory=constant), "danh-sach.xlsx"))
    assert frame(workbook).equals(frame(read(file(text))))
    assert workbook.sheet == "Sheet1"


def test_numbers_are_read_as_the_sheet_shows_them(file):
    def dated(workbook, worksheet, row, column):
        worksheet.write_number(row, column, 45000, workbook.add_format({"num_format": "dd/mm/yyyy"}))

    def formula(result):
        return lambda _workbook, worksheet, row, column: worksheet.write_formula(row, column, "=A1", value=result)

    cells = [
        912345678,
        912345678.0,
        84912345678,
        9.12e20,
        dated,
        True,
        formula(987654321),
        formula("0987"),
        formula("#N/A"),
    ]
    found = rows(read(file(book({"A": [["SĐT"], ["0912345678"], *([cell] for cell in cells)]}), "a.xlsx")))
    assert [number for _, number in found] == [
        "0912345678",
        "912345678",
        "912345678",
        "84912345678",
        "9.12e+20",
        "15/03/2023",
        "TRUE",
        "987654321",
        "0987",
        "#N/A",
    ]


def test_a_formula_without_a_value_is_an_empty_cell_with_a_note(file):
    data = NUMBERS + '<row r="3"><c r="A3"><f>B3</f></c><c r="B3"><v>1</v></c></row>'
    roster = read(file(zipped(sheet(data)), "a.xlsx"))
    assert rows(roster) == [(2, "0912345678"), (3, None)]
    assert "1 ô công thức chưa có giá trị" in roster.notes[0]


def test_cells_without_references_prefixes_and_exponents_are_understood(file):
    parts = sheet(
        "<row><c t='s'><v>0</v></c></row><row><c><v>9.12345678E8</v></c></row>",
        "<si><r><t>S</t></r><r><t>ĐT</t></r></si>",
    )
    parts["xl/worksheets/s.xml"] = (
        '<x:worksheet xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><x:sheetData>'
        '<x:row><x:c t="s"><x:v>0</x:v></x:c></x:row><x:row><x:c><x:v>9.12345678E8</x:v></x:c></x:row>'
        "</x:sheetData></x:worksheet>"
    )
    assert rows(read(file(zipped(parts), "a.xlsx"))) == [(2, "912345678")]


def test_gaps_between_rows_count_and_formatted_rows_at_the_end_do_not(file):
    data = NUMBERS + f'<row r="5">{inline("A5", "0987654321")}</row><row r="9"><c r="A9" s="1"/></row>'
    assert rows(read(file(zipped(sheet(data)), "a.xlsx"))) == [
        (2, "0912345678"),
        (3, None),
        (4, None),
        (5, "0987654321"),
    ]


def test_the_only_sheet_with_numbers_is_taken_and_hidden_ones_are_not_looked_at(file):
    def hidden(_workbook, worksheet, _row, _column):
        worksheet.hide()

    sheets = {
        "Hướng dẫn": [["Cách điền"]],
        "Danh sách": [["SĐT"], ["0912345678"]],
        "Cũ": [["SĐT", hidden], ["0911111111"]],
    }
    path = file(book(sheets), "a.xlsx")
    assert read(path).sheet == "Danh sách"
    assert rows(read(path, sheet="Cũ")) == [(2, "0911111111")]


def test_a_workbook_is_known_by_its_content_not_its_name(file):
    assert rows(read(file(book({"A": [["SĐT"], ["0912345678"]]}), "a.csv"))) == [(2, "0912345678")]


# What is broken, and what is said

ENCRYPTED = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le")


def claiming(size):
    """A workbook whose directory says that the sheet has `size` bytes."""
    content = bytearray(zipped(sheet(NUMBERS)))
    at = content.rindex(b"xl/worksheets/s.xml") - 46
    struct.pack_into("<I", content, at + 24, size)
    return bytes(content)


def doctype(text):
    return zipped(sheet(NUMBERS.replace("SĐT", "SĐT&x;"), front=f"<!DOCTYPE w [{text}]>"))


BROKEN = [
    ("empty", "a.csv", b"", "tệp rỗng"),
    ("only a BOM", "a.csv", b"\xef\xbb\xbf", "không có dữ liệu"),
    ("only blank lines", "a.csv", b"\n\n \t \n", "không có dữ liệu"),
    ("header only", "a.csv", HEADER, "chỉ có dòng tiêu đề (dòng 1)"),
    ("header and blank lines", "a.csv", f"{HEADER}\n\n,,,,\n", "chỉ có dòng tiêu đề"),
    ("Windows-1258", "a.csv", "Tên,Phone\nLan,0912345678\n".encode("cp1258"), "CSV UTF-8"),
    ("TCVN3", "a.csv", b"T\xaan,S\xa7T\nLan,0912345678\n", "dòng 1, byte thứ 1"),
    ("bad byte far down", "a.csv", b"SDT\n" + b"0912345678\n" * 99999 + b"\xff\n", "dòng 100001, byte thứ 1099993"),
    ("half a UTF-16 character", "a.csv", PLAIN.encode("utf-16")[:-1], "UTF-16"),
    ("no number column", "a.csv", "Tên,Tuổi\nLan,20\n", "không tìm thấy cột số điện thoại"),
    ("two number headers", "a.csv", "SĐT,Di động\n0912345678,0987654321\n", '--map msisdn="SĐT"'),
    ("two columns of numbers", "a.csv", "0912345678,0987654321\n", "có 2 cột"),
    ("same header twice", "a.csv", "SĐT,SĐT\n0912345678,0987654321\n", "“SĐT (cột 2)”"),
    ("quote never closed", "a.csv", 'Tên,SĐT\n"Lan,0912345678\nHoa,0987654321\n', "dòng 2: dấu ngoặc kép"),
    (
        "quote closed far below",
        "a.csv",
        "Tên,SĐT\n" + 'x,1\n"Lan,2\n' + "x,3\n" * 99 + '"y",4\n',
        "dòng 3: dấu ngoặc kép",
    ),
    ("a line of ten megabytes", "a.csv", "SĐT\n" + "0" * 10_000_000, "dòng 2: dòng dài hơn"),
    ("100,000 columns", "a.csv", "SĐT" + ",x" * 100_000 + "\n", "có 100001 cột"),
    ("endless blank lines", "a.csv", "SĐT\n1\n" + "\n" * (MOST_BLANK_ROWS + 2), "quá nhiều dòng trống"),
    ("PNG", "a.csv", b"\x89PNG\r\n\x1a\n" + b"\0" * 99, "ảnh PNG"),
    ("PDF", "a.csv", b"%PDF-1.7\n", "tệp PDF"),
    ("ELF", "a.csv", b"\x7fELF\x02\x01\x01", "tệp chương trình"),
    ("HTML", "a.csv", "<html><table>", "trang web"),
    ("binary", "a.csv", bytes(range(256)) * 20, "CSV UTF-8"),
    ("old xls", "a.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 99, "(.xls) chưa đọc được"),
    ("encrypted", "a.xlsx", ENCRYPTED, "có mật khẩu"),
    ("ods", "a.ods", zipped({"mimetype": "application/vnd.oasis.opendocument.spreadsheet"}), "(.ods)"),
    ("xlsb", "a.xlsx", zipped({"xl/workbook.bin": "x"}), ".xlsb"),
    ("not a zip", "a.xlsx", b"hello", "không phải sổ tính Excel"),
    ("truncated zip", "a.xlsx", zipped(sheet(NUMBERS))[:-99], "bị hỏng"),
    ("some other zip", "a.xlsx", zipped({"word/document.xml": "<x/>"}), "không phải sổ tính Excel"),
    ("roster inside a zip", "a.zip", zipped({"ds.csv": PLAIN}), "giải nén trước"),
    ("claim of 4 GB", "a.xlsx", claiming(0xFFFFFFF0), "lớn hơn 2 GB"),
    ("zip bomb", "a.xlsx", zipped({**sheet(NUMBERS), "xl/bomb.xml": b" " * 20_000_000}), "bom nén"),
    ("too many entries", "a.xlsx", zipped({f"x{n}": "" for n in range(10_001)}, zipfile.ZIP_STORED), "10001 mục"),
    ("path traversal", "a.xlsx", zipped({**sheet(NUMBERS), "../../etc/cron.d/x": "x"}), "đường dẫn không an toàn"),
    ("strange packing", "a.xlsx", zipped(sheet(NUMBERS), zipfile.ZIP_LZMA), "bị hỏng"),
    ("external entity", "a.xlsx", doctype('<!ENTITY x SYSTEM "file:///etc/passwd">'), "DOCTYPE"),
    ("billion laughs", "a.xlsx", doctype('<!ENTITY x "ha"><!ENTITY y "&x;&x;">'), "DOCTYPE"),
    ("broken XML", "a.xlsx", zipped(sheet("<row><c>")), "bị hỏng"),
    ("string that is not there", "a.xlsx", zipped(sheet('<row><c t="s"><v>7</v></c></row>')), "bị hỏng"),
    ("row beyond the last", "a.xlsx", zipped(sheet(f'{NUMBERS}<row r="4000000000"/>')), "bị hỏng"),
    ("column beyond the last", "a.xlsx", zipped(sheet(f"<row>{inline('ZZZZ1', 'SĐT')}</row>")), "bị hỏng"),
    ("no sheets", "a.xlsx", zipped({"xl/workbook.xml": "<workbook/>"}), "không có trang nào"),
    ("empty sheet", "a.xlsx", book({"A": []}), "không có dữ liệu"),
    ("sheet with a header only", "a.xlsx", book({"A": [["SĐT"]]}), "chỉ có dòng tiêu đề"),
    (
        "two sheets of numbers",
        "a.xlsx",
        book({"Xã 1": [["SĐT"], ["0912345678"]], "Xã 2": [["SĐT"], ["0912345678"]]}),
        "“Xã 1”, “Xã 2”",
    ),
]


@pytest.mark.parametrize(("name", "content", "words"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN])
def test_a_broken_roster_is_answered_in_words(file, name, content, words):
    with pytest.raises(RosterError) as told:
        rows(read(file(content, name)))
    assert words in str(told.value)
    assert name in str(told.value)


def test_a_roster_error_is_one_that_a_person_can_mend():
    assert issubclass(RosterError, UserError)


def test_a_column_that_does_not_exist_is_answered_with_the_nearest(file):
    with pytest.raises(RosterError, match=r"không có cột “?\"?Số điện thoai di động.*Gần giống: “Số điện thoại”"):
        read(file(PLAIN), {"msisdn": "Số điện thoai di động"})


def test_a_field_that_does_not_exist_is_answered_with_those_that_do(file):
    with pytest.raises(RosterError, match="msisdn, area, group, language"):
        read(file(PLAIN), {"phone": "STT"})


def test_a_sheet_that_does_not_exist_is_answered_with_those_that_do(file):
    with pytest.raises(RosterError, match=r"không có trang tính “B”\. Các trang trong tệp: “A”"):
        read(file(book({"A": [["SĐT"], ["0912345678"]]}), "a.xlsx"), sheet="B")


def test_what_is_no_file_is_said_so(tmp_path):
    os.symlink("loop", tmp_path / "loop")
    os.mkfifo(tmp_path / "pipe")
    told = {
        "missing.csv": "không tìm thấy tệp",
        "": "thư mục",
        "loop": "không đọc được tệp",
        "pipe": "không phải tệp thường",
    }
    for name, words in told.items():
        with pytest.raises(RosterError, match=words):
            read(tmp_path / name)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_said_so(file):
    path = file(PLAIN)
    path.chmod(0)
    with pytest.raises(RosterError, match="không có quyền đọc"):
        read(path)


def corrupted(content, seed):
    """A good file with a few bytes changed: gets deeper than noise does."""
    chance, changed = random.Random(seed), bytearray(content)
    for _ in range(chance.randrange(1, 8)):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


STORED = zipped(sheet(NUMBERS, "<si><t>x</t></si>"), zipfile.ZIP_STORED)
NOISE = st.one_of(
    st.binary(max_size=2000),
    st.text(st.sampled_from('SĐT,;\t"\n\r 0912345678\0x=')).map(str.encode),
    st.builds(corrupted, st.sampled_from([PLAIN.encode(), PLAIN.encode("utf-16"), STORED]), st.integers(0, 1 << 30)),
    st.binary(max_size=300).map(lambda noise: zipped(sheet(noise.decode("latin-1")))),
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(NOISE, st.sampled_from(["noise.csv", "noise.xlsx", "noise.txt"]))
@example(b"\x00\x00\x00\x00\x00\x00", "noise.csv")
def test_noise_is_read_or_refused_and_never_a_traceback(tmp_path, content, name):
    path = tmp_path / name
    path.write_bytes(content)
    try:
        numbers = [row[0] for row in rows(read(path))]
    except RosterError:
        return
    assert numbers == sorted(set(numbers))


CELLS = st.one_of(
    st.sampled_from(
        ["0912345678", "", " ", "Na Sầm", '"Na Sầm"', '"0912, 0987"', '"a\nb"', 'Anh "Tí"', '"', '""', '"a"b']
    ),
    st.text(st.sampled_from('ab ",\n\r0'), max_size=5),
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.lists(CELLS, min_size=1, max_size=5), max_size=12), st.sampled_from([7, 40, 1 << 20]))
@example([["0912345678"], ['","']], 1 << 20)
@example([["0912345678", "0912345678", '",Anh "Tí",0']], 1 << 20)
def test_the_fast_way_through_a_file_gives_what_the_slow_one_gives(tmp_path, monkeypatch, lines, block):
    monkeypatch.setattr("dispatcher.rosters.csvfile.BLOCK", block)
    path = tmp_path / "mixed.csv"
    text = "SĐT,Xã,Nhóm\n1,2,3\n" + "\n".join(map(",".join, lines))
    path.write_text(text, newline="")
    reader = csv.reader(io.StringIO(text.replace("\r\n", "\n").replace("\r", "\n"), newline="\n"))
    expected, number = [], 1
    for cells in reader:
        expected.append((number, *((cells[i].strip() or None) if i < len(cells) else None for i in range(3)), cells))
        number = reader.line_num + 1
    while len(expected) > 2 and not "".join(expected[-1][-1]).strip():
        expected.pop()
    try:
        found = [(row[0], *((cell or "").strip() or None for cell in row[1:])) for row in rows(read(path))]
    except RosterError:
        assert any(piece.count('"') % 2 for piece in re.split(r"[,\r\n]", text))  # a quote that nothing closes
    else:
        assert found == [row[:-1] for row in expected[1:]]


LEGACY = {
    "TCVN3": ("Hä vµ tªn", "Sè ®iÖn tho¹i", "X·/ph­êng", "NguyÔn V¨n §øc", "X· Na SÇm", "Ph­êng Kú Lõa"),
    "VNI": ("Hoï vaø teân", "Soá ñieän thoaïi", "Xaõ/phöôøng", "Nguyeãn Vaên Ñöùc", "Xaõ Na Saàm", "Phöôøng Kyø Löøa"),
}


def legacy_rows(script):
    named, number, area, somebody, first, second = LEGACY[script]
    return [[named, number, area], [somebody, "0912345678", first], [somebody, "0987654321", second]]


@pytest.mark.parametrize("script", LEGACY)
@pytest.mark.parametrize("kind", ["bytes", "utf-8", "xlsx"])
def test_a_roster_in_a_script_from_before_unicode_is_converted_and_this_is_said(file, script, kind):
    table = legacy_rows(script)
    text = "\n".join(";".join(cells) for cells in table)
    content = book({"A": table}) if kind == "xlsx" else text.encode("latin-1" if kind == "bytes" else "utf-8")
    roster = read(file(content, "a.xlsx" if kind == "xlsx" else "a.csv"))
    assert roster.mapping == {"msisdn": "Số điện thoại", "area": "Xã/phường"}
    assert rows(roster) == [(2, "0912345678", "Xã Na Sầm"), (3, "0987654321", "Phường Kỳ Lừa")]
    assert any(script in note and "chuyển sang Unicode" in note for note in roster.notes)


@pytest.mark.parametrize("name", ["a.csv", "a.xlsx"])
def test_a_roster_half_in_unicode_is_refused_for_one_reading_would_spoil_either(file, name):
    table = [*legacy_rows("TCVN3"), ["Trần Thị Hạnh", "0912345670", "Xã Na Sầm"]]
    text = "\n".join(";".join(cells) for cells in table)
    with pytest.raises(RosterError, match="bảng mã cũ"):
        read(file(book({"A": table}) if name == "a.xlsx" else text, name))


def merged(rows_down):
    def write(workbook, worksheet, row, column):
        worksheet.merge_range(row, column, row + rows_down - 1, column, "Na Sầm")

    return write


def test_a_commune_merged_over_several_rows_is_that_of_each_of_them(file):
    table = [
        ["DANH SÁCH"],
        ["SĐT", "Xã"],
        ["0912345670", merged(3)],
        ["0912345671"],
        ["0912345672"],
        ["0912345673", None],
        ["0912345674", "Thất Khê"],
    ]
    roster = read(file(book({"A": table}), "a.xlsx"))
    areas = [area for _, _, area in rows(roster)]
    assert areas == ["Na Sầm", "Na Sầm", "Na Sầm", None, "Thất Khê"]
    assert [area for _, _, area in rows(roster)] == areas  # and again from the start


def test_a_number_merged_over_two_rows_is_one_persons(file):
    def both(workbook, worksheet, row, column):
        worksheet.merge_range(row, column, row + 1, column, "0912345670")

    roster = read(file(book({"A": [["SĐT", "Xã"], [both, "Na Sầm"], [None, "Thất Khê"]]}), "a.xlsx"))
    assert [number for _, number, _ in rows(roster)] == ["0912345670", None]


def test_a_sheet_with_more_merged_cells_than_a_roster_has_is_refused(file, monkeypatch):
    monkeypatch.setattr("dispatcher.rosters.merging.MOST", 1)
    table = [["SĐT", "Xã"], ["0912345670", merged(2)], ["0912345671"], ["0912345672", merged(2)], ["0912345673"]]
    with pytest.raises(RosterError, match=r"a\.xlsx: có hơn 1 ô gộp"):
        rows(read(file(book({"A": table}), "a.xlsx")))
