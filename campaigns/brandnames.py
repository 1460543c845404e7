"""The name that a message is sent under (brandname): what Decree 91/2020/ND-CP and the air interface let it be."""

from __future__ import annotations

import re

from campaigns.text import nfc, plain

LONGEST = 11  # Decree 91 Art. 23(1); also what an alphanumeric sender of 3GPP TS 23.040 9.1.2.5 holds
ARTICLE = "Nghị định 91/2020/NĐ-CP, Điều 23 khoản 1"
NUMBER_ARTICLE = "Nghị định 91/2020/NĐ-CP, Điều 13 khoản 8 và Điều 23 khoản 1"

# What a name must be, and what to say when it is not. The form lets blank names through: the first rule has told them.
RULES: tuple[tuple[str, str], ...] = (
    (r".*\S.*", "đang để trống; ghi tên đã đăng ký với nhà mạng"),
    (rf".{{0,{LONGEST}}}", f"dài quá {LONGEST} ký tự ({ARTICLE})"),
    (r"\s*|[A-Za-z0-9._ -]+", f"chỉ được có chữ Latin không dấu, chữ số, dấu - _ . và dấu cách ({ARTICLE})"),
    (r"(?![\d._ +-]*\d[\d._ +-]*$).*", f"chỉ toàn chữ số: không dùng số điện thoại làm tên ({NUMBER_ARTICLE})"),
    (r"\s*|\S(.*\S)?", "có dấu cách thừa ở đầu hoặc cuối"),
)


def mistakes(name: str) -> tuple[str, ...]:
    """What is wrong with a brandname, in Vietnamese, with what to write instead where that is clear."""
    wrong, instead = _broken(nfc(name)), plain(name).strip()
    if wrong and not _broken(instead):
        return (*wrong[:-1], f'{wrong[-1]}; viết "{instead}"')
    return wrong


def _broken(name: str) -> tuple[str, ...]:
    return tuple(message for form, message in RULES if not re.fullmatch(form, name, re.DOTALL))


def same(one: str, other: str) -> bool:
    """Whether two brandnames are one: case does not count (Decree 91 Art. 23(1))."""
    return one.strip().upper() == other.strip().upper()
