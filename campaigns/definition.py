"""A campaign, read from a TOML definition; everything wrong with one is found at once, by line and field."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from campaigns.assembly import assemble
from campaigns.campaign import Campaign, LegalBasis, MessageClass, Part, Period, Text, Wave, canonical
from campaigns.problems import DefinitionError, Found, Problem
from campaigns.template import Form
from campaigns.written import nearest

__all__ = [
    "Campaign", "DefinitionError", "Form", "LegalBasis", "MessageClass", "Part", "Period", "Problem", "Text", "Wave",
    "canonical", "library", "library_path", "load", "parse",
]  # fmt: skip

MAX_BYTES = 1 << 20
LIBRARY = Path(__file__).parent / "library"


def library() -> list[str]:
    """Names of the definitions that ship with the package."""
    return sorted(path.stem for path in LIBRARY.glob("*.toml"))


def library_path(name: str) -> Path:
    """Where a definition of the library stands. Raises `DefinitionError` for a name that is not in it."""
    if name not in library():
        found = Found(name)
        found.add("", f"không có mẫu này trong thư viện{nearest(name, library())}")
        found.stop()
    return LIBRARY / f"{name}.toml"


def load(source: Path | str, *, year: int | None = None) -> Campaign:
    """Read a definition file (UTF-8, at most 1 MiB) for a year. Raises `DefinitionError` with all its problems."""
    found = Found(str(source))
    content = _content(Path(source), found)
    found.stop()
    written = _decoded(content, found)
    found.stop()
    return parse(written, str(source), year=year)


def parse(text: str, name: str, *, year: int | None = None) -> Campaign:
    """Read a definition; `name` is what problems call the file. `year` wins over the file's own.

    Raises `DefinitionError` with all problems.
    """
    text = text.removeprefix("\ufeff")
    found = Found(name, text)
    raw = _toml(text, found)
    found.stop()
    fields = assemble(raw, year, found)
    found.stop()
    return Campaign.model_validate(fields)


def _content(path: Path, found: Found) -> bytes:
    try:
        if path.is_dir():
            found.add("", "đây là thư mục; chỉ ra một tệp .toml trong đó")
        elif path.exists() and not path.is_file():
            found.add("", "đây không phải tệp thường; chỉ ra một tệp .toml")
        else:
            with path.open("rb") as file:
                return file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        found.add("", f"không có tệp này; kiểm tra đường dẫn, hoặc dùng một mẫu có sẵn: {', '.join(library())}")
    except PermissionError:
        found.add("", "không có quyền đọc tệp này; xin cấp quyền đọc hoặc chép tệp sang thư mục của mình")
    except (OSError, ValueError) as error:
        found.add("", f"không đọc được tệp ({error}); kiểm tra đường dẫn và ổ đĩa")
    return b""


def _decoded(content: bytes, found: Found) -> str:
    if len(content) > MAX_BYTES:
        found.add("", "tệp lớn hơn 1 MiB nên không phải định nghĩa chiến dịch; kiểm tra lại có chọn nhầm tệp không")
    elif content.startswith((b"\xff\xfe", b"\xfe\xff")):
        found.add("", "tệp lưu ở dạng UTF-16; mở tệp và lưu lại với mã hóa UTF-8")
    else:
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            found.add("", f"byte 0x{content[error.start]:02X} không phải UTF-8; lưu lại tệp với mã hóa UTF-8", line)
    return ""


_SYNTAX = {
    "Cannot overwrite a value": "khóa này đã ghi ở trên; mỗi khóa chỉ ghi một lần, xóa bớt một dòng",
    "Cannot declare": "bảng này đã ghi ở trên; gộp hai bảng làm một hoặc đổi tên "
    "(đợt gửi và căn cứ luôn viết hai ngoặc vuông: [[wave]], [[legal_basis]])",
    "Unterminated string": 'chuỗi chưa có dấu ngoặc kép " đóng lại',
    "Unescaped '\\'": "dấu \\ trong chuỗi phải viết thành \\\\",
    "Illegal character": "có ký tự xuống dòng hoặc điều khiển không được nằm ở đây; chuỗi nhiều dòng đặt giữa "
    'hai bộ ba dấu ngoặc kép """',
    "Expected '='": 'thiếu dấu = sau tên khóa; viết khóa = "giá trị"',
    "Expected newline": 'thừa chữ sau giá trị; chữ, ngày, giờ và số điện thoại phải đặt trong dấu ngoặc kép "..."',
    "Invalid date": 'ngày hoặc giờ không có thật; viết ví dụ "06-26" (tháng-ngày) hoặc "2026-06-26"',
    "Invalid value": 'giá trị không đọc được; chữ phải đặt trong dấu ngoặc kép thẳng "...", không dùng “ ”',
    "Expected ']'": "thiếu dấu ngoặc vuông ] đóng lại, hoặc tên bảng có chữ ngoài a-z, chữ số, gạch dưới, gạch ngang",
    "Unclosed": "ngoặc mở ra chưa đóng lại",
    "Invalid statement": 'dòng này không phải khóa = "giá trị", cũng không phải [bảng]',
}
_POSITION = re.compile(r" \((?:at line (\d+), column (\d+)|at end of document)\)$")


def _toml(text: str, found: Found) -> dict[str, Any]:
    if not text.strip():
        found.add("", f"tệp rỗng; chép một mẫu có sẵn rồi sửa: {', '.join(library())}")
        return {}
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line, message = _syntax(str(error), text)
        found.add("", message, line)
    except (ValueError, RecursionError):  # an integer of thousands of digits; brackets nested without end
        found.add("", "không đọc được: số quá dài hoặc ngoặc lồng nhau quá sâu; kiểm tra có chọn nhầm tệp không")
    return {}


def _syntax(said: str, text: str) -> tuple[int, str]:
    position = _POSITION.search(said)
    reason = next((ours for theirs, ours in _SYNTAX.items() if said.startswith(theirs)), f"không đúng TOML ({said})")
    if position is None or position[1] is None:
        return len(text.rstrip("\n").split("\n")), f"đến cuối tệp: {reason}"
    return int(position[1]), f"cột {position[2]}: {reason}"
