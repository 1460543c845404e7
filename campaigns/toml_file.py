"""A TOML file as a person wrote and saved it: what cannot be read is explained in Vietnamese, by line."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from campaigns.problems import Found

MAX_BYTES = 1 << 20


def written(source: Path, found: Found, hint: str) -> str:
    """The text of a UTF-8 file of at most 1 MiB; what keeps it from being read goes to `found`, which then stops.

    `hint` is what to do instead where there is no such file.
    """
    content = _content(source, found, hint)
    found.stop()
    text = _decoded(content, found)
    found.stop()
    return text


def tables(text: str, found: Found, hint: str) -> dict[str, Any]:
    """The tables of a TOML text; its mistakes go to `found`, which then stops. `hint` is for an empty text."""
    raw = _toml(text.removeprefix("\ufeff"), found, hint)
    found.stop()
    return raw


def _content(path: Path, found: Found, hint: str) -> bytes:
    try:
        if path.is_dir():
            found.add("", "đây là thư mục; chỉ ra một tệp .toml trong đó")
        elif path.exists() and not path.is_file():
            found.add("", "đây không phải tệp thường; chỉ ra một tệp .toml")
        else:
            with path.open("rb") as file:
                return file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        found.add("", f"không có tệp này; kiểm tra đường dẫn{hint}")
    except PermissionError:
        found.add("", "không có quyền đọc tệp này; xin cấp quyền đọc hoặc chép tệp sang thư mục của mình")
    except (OSError, ValueError) as error:
        found.add("", f"không đọc được tệp ({error}); kiểm tra đường dẫn và ổ đĩa")
    return b""


def _decoded(content: bytes, found: Found) -> str:
    if len(content) > MAX_BYTES:
        found.add("", "tệp lớn hơn 1 MiB; kiểm tra lại có chọn nhầm tệp không")
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


def _toml(text: str, found: Found, hint: str) -> dict[str, Any]:
    if not text.strip():
        found.add("", f"tệp rỗng{hint}")
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
