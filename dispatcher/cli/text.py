"""dispatcher text: a text on the bench before it goes into a campaign."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Iterable, Iterator, Mapping, Set
from datetime import datetime
from pathlib import Path
from typing import Annotated, get_args

import typer
from rich.markup import escape

from campaigns import bench, terms
from campaigns.bench import Question, Report, Written
from campaigns.calendar import VIETNAM
from campaigns.campaign import MessageClass
from campaigns.extremes import NOWHERE
from campaigns.hotlines import dialled
from campaigns.lengths import Fit
from campaigns.lints import Setting
from campaigns.places import areas, province_code
from campaigns.problems import DefinitionError
from campaigns.tariff import Cost, Plan, Total
from campaigns.template import KNOWN, PER_RECIPIENT, Form, Placeholder
from campaigns.text import Kind
from dispatcher.cli.terminal import AsJson, fail, give, number, os_words, out, table

app = typer.Typer(help="Nội dung tin: kiểm tra ký tự, số phần tin, giá, lỗi.", no_args_is_help=True)

MAX_BYTES = 1 << 14  # the longest text of a definition, decomposed and in UTF-16, is no longer
UNUSABLE = 2
FORM_WORDS = {Form.ACCENTED: "có dấu", Form.UNACCENTED: "không dấu"}
PLAN_WORDS = {Plan.ACCENTED: "có dấu", Plan.UNACCENTED: "không dấu", Plan.MIXED: "tùy nhà mạng"}
KIND_WORDS = {
    Kind.LOOKALIKE: "chữ trông giống",
    Kind.SIGN: "dấu câu",
    Kind.SPACE: "khoảng trắng",
    Kind.INVISIBLE: "không nhìn thấy",
    Kind.OTHER: "khác",
}

Source = Annotated[str, typer.Argument(metavar="TỆP|-", help="Tệp chứa nội dung một tin; - là đọc từ đầu vào chuẩn.")]
FormOption = Annotated[Form | None, typer.Option("--form", help="Xét như bản có dấu hay không dấu; mặc định tự nhận.")]
ClassOption = Annotated[MessageClass, typer.Option("--class", help="Loại tin.")]
YearOption = Annotated[int | None, typer.Option("--year", min=2020, max=2099, help="Năm của chiến dịch.")]
OtherYears = Annotated[list[int] | None, typer.Option("--other-year", help="Năm khác được cố ý nhắc tới.")]
Values = Annotated[
    list[str] | None, typer.Option("--value", metavar="TÊN=GIÁ-TRỊ", help="Điền chỗ trống, ví dụ owner=...")
]
Province = Annotated[str | None, typer.Option("--province", help="Tỉnh của người nhận, để tính {commune} dài nhất.")]
Sender = Annotated[str | None, typer.Option("--sender", help="Kiểm tra cả tên hiển thị (brandname) này.")]
Links = Annotated[
    list[str] | None, typer.Option("--allow-link", help="Tên miền được phép ngoài .gov.vn; cần --reason.")
]
Numbers = Annotated[
    list[str] | None, typer.Option("--allow-number", help="Số điện thoại của cơ quan, chưa ai xác minh; cần --reason.")
]
Reason = Annotated[str, typer.Option("--reason", help="Lý do cho phép liên kết hoặc số điện thoại đó.")]
TermsOption = Annotated[
    Path | None, typer.Option("--terms", help="Tệp TOML: giá, độ dài, từ cấm, liên kết, số điện thoại của đơn vị.")
]
People = Annotated[
    list[str] | None, typer.Option("--people", metavar="NHÀ-MẠNG=SỐ", help="Số người nhận theo nhà mạng.")
]


@app.callback()
def text() -> None:
    """Keeps `check` a word of its own while it is the only command."""


@app.command()
def check(
    source: Source,
    form: FormOption = None,
    message_class: ClassOption = MessageClass.PUBLIC_INFORMATION,
    year: YearOption = None,
    other_year: OtherYears = None,
    value: Values = None,
    province: Province = None,
    sender: Sender = None,
    allow_link: Links = None,
    allow_number: Numbers = None,
    reason: Reason = "",
    terms_file: TermsOption = None,
    people: People = None,
    as_json: AsJson = False,
) -> None:
    """Kiểm tra nội dung một tin. Trả về 0: dùng được; 1: có lỗi phải sửa; 2: không đọc được đầu vào."""
    this_year = datetime.now(VIETNAM).year
    facts = bench.facts(year or this_year, _values(value or []))
    links = _allowed("--allow-link", allow_link or [], reason)
    own_hotlines = _allowed("--allow-number", map(dialled, allow_number or []), reason)
    report = bench.examine(
        Question(
            text=_text(source),
            setting=Setting(year, tuple(other_year or ()), message_class, facts, links, own_hotlines),
            this_year=this_year,
            form=form,
            terms=_terms(terms_file),
            communes=_communes(province),
            people=_people(people or []),
            sender=sender,
        )
    )
    if as_json:
        give({name: getattr(report, name) for name in (*Report.__dataclass_fields__, "usable")})
    else:
        _print(report)
    raise typer.Exit(0 if report.usable else 1)


def _text(source: str) -> str:
    try:
        content = _content(source)
    except OSError as error:
        fail(os_words(error), UNUSABLE)
    except ValueError:
        fail("đường dẫn không dùng được; kiểm tra lại tên tệp.", UNUSABLE)
    if len(content) > MAX_BYTES:
        fail(f"{source}: lớn hơn {MAX_BYTES >> 10} KiB nên không phải nội dung một tin; chọn lại tệp.", UNUSABLE)
    written = _decoded(content, source).replace("\r\n", "\n").strip()
    if not written:
        fail(f"{source}: chưa có nội dung nào.", UNUSABLE)
    return written


def _content(source: str) -> bytes:
    if source == "-":
        return sys.stdin.buffer.read(MAX_BYTES + 1)
    with Path(source).open("rb") as file:
        return file.read(MAX_BYTES + 1)


def _decoded(content: bytes, source: str) -> str:
    marked = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        written = content.decode("utf-16" if marked else "utf-8-sig")
    except UnicodeDecodeError as error:
        fail(
            f"{source}: byte thứ {error.start + 1} không phải {'UTF-16' if marked else 'UTF-8'}; "
            "lưu lại thành tệp văn bản với mã hóa UTF-8 (chữ Unicode, không phải TCVN3 hay VNI).",
            UNUSABLE,
        )
    if "\0" in written:
        fail(f"{source}: tệp nhị phân hoặc mã hóa lạ; lưu lại thành tệp văn bản với mã hóa UTF-8.", UNUSABLE)
    return written


def _values(given: list[str]) -> dict[Placeholder, str]:
    names = set(Placeholder) - PER_RECIPIENT
    return {Placeholder(name): value for name, value in _pairs("--value", given, names, f"chỉ dùng {KNOWN}")}


def _people(given: list[str]) -> dict[str, int]:
    networks = set(get_args(terms.Network))
    counts = {}
    for network, count in _pairs("--people", given, networks, f"nhà mạng là một trong: {', '.join(sorted(networks))}"):
        if not (count.isascii() and count.isdigit() and len(count) <= 10):
            fail(f"--people {network}={count[:40]}: số người phải là số nguyên, ví dụ {network}=120000.", UNUSABLE)
        counts[network] = int(count)
    return counts


def _pairs(option: str, given: list[str], known: Set[str], hint: str) -> Iterator[tuple[str, str]]:
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals or name not in known:
            fail(f"{option} {pair[:60]}: viết TÊN=GIÁ-TRỊ; {hint}.", UNUSABLE)
        yield name, value


def _allowed(option: str, named: Iterable[str], reason: str) -> dict[str, str]:
    allowed = dict.fromkeys(named, reason.strip())
    if allowed and not reason.strip():
        fail(f"{option} cần --reason: ai cho phép và vì sao.", UNUSABLE)
    return allowed


def _terms(file: Path | None) -> terms.Terms:
    try:
        return terms.load(file) if file else terms.Terms()
    except DefinitionError as error:
        fail(str(error), UNUSABLE)


def _communes(province: str | None) -> tuple[str, ...] | None:
    if province is None:
        return None
    code = province_code(province)
    if not code:
        fail(f"--province {province[:60]}: không có tỉnh này; ghi tên một trong 34 tỉnh, ví dụ Lạng Sơn.", UNUSABLE)
    return (NOWHERE, *(area.name for area in areas().values() if area.province_code == code))


def _print(report: Report) -> None:
    forms = {Form.ACCENTED: report.accented, Form.UNACCENTED: report.plain}
    shown = forms if report.form is Form.ACCENTED else {Form.UNACCENTED: report.plain}
    for form, written in shown.items():
        out.print(f"[bold]Bản {FORM_WORDS[form]}[/]: {_size(written)}")
        out.print(f"  {visible(written.text)}", markup=False, soft_wrap=True)
    if report.best.size != report.worst.size:
        _print_range(report)
    _print_costly(report)
    _print_ambiguous(report)
    _print_lengths(shown)
    _print_costs(report)
    for finding in report.findings:
        mark = "[red]Phải sửa:[/]" if finding.refuses else "[yellow]Lưu ý:[/]"
        out.print(f"{mark} {escape(visible(str(finding)))}", soft_wrap=True)
    refused = sum(finding.refuses for finding in report.findings)
    out.print(f"[red]Chưa dùng được: {refused} chỗ phải sửa.[/]" if refused else "[green]Dùng được.[/]")


def visible(written: str) -> str:
    """A text that does nothing to a terminal: what cannot be seen is shown as its code."""
    return "".join(char if char.isprintable() or char == "\n" else f"\\u{ord(char):04x}" for char in written)


def _size(written: Written) -> str:
    return f"{written.segments} phần tin ({written.encoding.value}, {written.units} đơn vị)"


def _print_range(report: Report) -> None:
    for word, case in (("Ngắn nhất", report.best), ("Dài nhất", report.worst)):
        size = case.size
        out.print(f"{word}: {size.segments} phần tin ({size.encoding.value}, {size.units} đơn vị)")
        out.print(f"  {visible(case.body)}", markup=False, soft_wrap=True)


def _print_costly(report: Report) -> None:
    letters = sum(char.kind is Kind.ACCENT for char in report.costly)
    if letters:
        out.print(f"{number(letters)} chữ có dấu làm cả tin thành UCS-2.")
    rows = [
        (
            visible(char.char),
            char.code_point,
            char.name,
            char.position,
            KIND_WORDS[char.kind],
            _instead(char.replacement),
        )
        for char in report.costly
        if char.kind is not Kind.ACCENT
    ]
    if rows:
        table("Ký tự tốn tiền", ("ký tự", "mã", "tên Unicode", "vị trí", "loại", "thay bằng"), rows)


def _instead(replacement: str | None) -> str:
    return "không có" if replacement is None else f'"{replacement}"' if replacement else "bỏ đi"


def _print_ambiguous(report: Report) -> None:
    rows = [(one.position, one.written, one.plain, one.reading, one.note) for one in report.ambiguous]
    if rows:
        table("Bỏ dấu dễ đọc nhầm", ("vị trí", "có dấu", "không dấu", "đọc nhầm thành", "ghi chú"), rows)


def _print_lengths(shown: Mapping[Form, Written]) -> None:
    parts = {form: {fit.name: _parts(fit) for fit in written.lengths} for form, written in shown.items()}
    names = dict.fromkeys(name for known in parts.values() for name in known)
    rows = [(name, *(known.get(name, "chưa rõ") for known in parts.values())) for name in names]
    columns = ("cách tính của nhà cung cấp", *(FORM_WORDS[form] for form in shown))
    table("Số phần tin bán ra", columns, rows)


def _parts(fit: Fit) -> str:
    return "quá dài" if fit.parts is None else f"{fit.parts} (còn {fit.left})"


def _print_costs(report: Report) -> None:
    shares = {
        network: [cost for total in report.costs for cost in total.costs if cost.network == network]
        for network in dict.fromkeys(cost.network for total in report.costs for cost in total.costs)
    }
    rows = [(network, costs[0].people, *map(_share, costs)) for network, costs in shares.items()]
    table("Giá", ("nhà mạng", "người nhận", *(PLAN_WORDS[total.plan] for total in report.costs)), rows)
    for total in report.costs:
        if total.segments is not None:
            out.print(f"Gửi {PLAN_WORDS[total.plan]}: {_summed(total)}.")
    for source in dict.fromkeys(costs[0].source for costs in shares.values() if costs[0].source):
        out.print(f"Nguồn giá: {source}.", markup=False)


def _share(cost: Cost) -> str:
    if cost.vnd_each is None:
        return "chưa có giá"
    whole = "" if cost.vnd is None else f"{_money(cost.vnd)} đồng"
    return ", ".join(filter(None, (f"{_money(cost.vnd_each)} đồng/người", whole, _time(cost.seconds))))


def _summed(total: Total) -> str:
    money = "chưa đủ giá" if total.vnd is None else f"{_money(total.vnd)} đồng"
    parts = (f"{number(total.segments or 0)} phần tin", money, _time(total.seconds) or "chưa biết tốc độ")
    return ", ".join(parts)


def _money(vnd: float) -> str:
    return number(round(vnd))


def _time(seconds: float | None) -> str:
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60} giờ {minutes % 60:02} phút" if minutes >= 60 else f"{minutes} phút {rest:02} giây"
