"""What a form brings, read up to a bound: what is longer is refused before it is all here."""

from __future__ import annotations

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message

from dispatcher.errors import UserError

MAX_FIELDS, MAX_FILES = 400, 1


class TooLargeError(UserError):
    """More was sent than the page takes."""


async def read_form(request: Request, largest: int) -> FormData:
    """The fields and files of a form. Raises `TooLargeError`, `UserError`."""
    declared = request.headers.get("content-length", "0")
    if not declared.isascii() or not declared.isdigit() or int(declared) > largest:
        raise _too_large(largest)
    counted = Request(request.scope, _counting(request, largest))
    try:
        return await counted.form(max_files=MAX_FILES, max_fields=MAX_FIELDS, max_part_size=largest)
    except HTTPException:
        raise UserError("Không đọc được biểu mẫu. Tải lại trang rồi gửi lại.") from None


def _counting(request: Request, largest: int):  # type: ignore[no-untyped-def]
    seen = 0

    async def receive() -> Message:
        nonlocal seen
        message = await request.receive()
        seen += len(message.get("body", b""))
        if seen > largest:
            raise _too_large(largest)
        return message

    return receive


def _too_large(largest: int) -> TooLargeError:
    size = f"{largest >> 20} MB" if largest >= 1 << 20 else f"{largest >> 10} kB"
    return TooLargeError(f"Dữ liệu gửi lên lớn hơn mức cho phép ({size}). Chia tệp nhỏ hơn rồi gửi lại.")
