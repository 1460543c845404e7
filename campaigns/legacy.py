"""Vietnamese as it was typed before Unicode: TCVN3 (ABC, fonts like .VnTime) and VNI, told apart and read.

Both put Vietnamese letters where Latin-1 has others, so that "NguyÔn" and "Nguyeãn" are Nguyễn. A text is taken for one of them
when its words are no Vietnamese as they stand and are when read so. Sources: TCVN 5712:1993 (table 3) with its fonts; the VNI
for Windows character set.
"""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum


class Script(StrEnum):
    TCVN3 = "TCVN3 (ABC)"
    VNI = "VNI"


class MixedError(ValueError):
    """Some words are Unicode, others of an old script: one way of reading would spoil either."""


_TCVN3 = str.maketrans(
    "¡¢£¤¥¦§¨©ª«¬\xad®µ¶·¸¹»¼½¾ÆÇÈÉÊËÌÎÏÐÑÒÓÔÕÖ×ØÜÝÞßáâãäåæçèéêëìíîïñòóôõö÷øùúûüýþ",
    "ĂÂÊÔƠƯĐăâêôơưđàảãáạằẳẵắặầẩẫấậèẻẽéẹềểễếệìỉĩíịòỏõóọồổỗốộờởỡớợùủũúụừửữứựỳỷỹýỵ",
)
# The mark that follows a vowel, by the vowels that it stands on.
_MARKS = {
    **dict(zip("øùûõï", "\u0300\u0301\u0309\u0303\u0323", strict=True)),  # on any vowel
    **dict(zip("âàáåãä", ("\u0302", *(f"\u0302{tone}" for tone in "\u0300\u0301\u0309\u0303\u0323")), strict=True)),
    **dict(zip("êèéúüë", ("\u0306", *(f"\u0306{tone}" for tone in "\u0300\u0301\u0309\u0303\u0323")), strict=True)),
}
_ALONE = str.maketrans("ôöñæóòîÔÖÑÆÓÒÎ", "ơưđỉĩịỵƠƯĐỈĨỊỴ")
_PAIR = re.compile(r"([aeouyôöAEOUYÔÖ])([øùûõïâàáåãäêèéúüëØÙÛÕÏÂÀÁÅÃÄÊÈÉÚÜË])")

_WORD = re.compile(r"[^\s\d.,;:()/\\\"'|+\u2010-\u2027-]+")
_VOWELS = (
    "a|ă|â|e|ê|i|o|ô|ơ|u|ư|y|ai|ao|au|ay|âu|ây|eo|êu|ia|iê|iêu|yê|yêu|iu|oa|oai|oay|oao|oă|oe|oeo|oi|ôi|ơi|oo|ua|uâ|uây|uê|ui|uô|"
    "uôi|uơ|uy|uya|uyê|uyu|ưa|ưi|ươ|ươi|ươu|ưu"
)
_SYLLABLE = re.compile(rf"(?:ngh?|gh?|gi|kh|nh|ph|qu|th|tr|ch|[bcdđhklmnprstvx])?(?:{_VOWELS})(?:ch|ng|nh|[cmnpt])?")
_TONES = str.maketrans("", "", "\u0300\u0301\u0309\u0303\u0323")
FEWEST_WORDS = 3
CERTAIN = 0.8


def read(text: str, script: Script) -> str:
    """The text in Unicode (NFC)."""
    if text.isascii():
        return text
    return text.translate(_TCVN3) if script is Script.TCVN3 else _read_vni(text)


def _read_vni(text: str) -> str:
    paired = _PAIR.sub(lambda found: f"{found[1].translate(_ALONE)}{_MARKS[found[2].lower()]}", text)
    return unicodedata.normalize("NFC", paired).translate(_ALONE) if paired == text else _composed(paired)


def _composed(paired: str) -> str:
    """Letters that stand alone are read before marks are put together: ô is ơ, but o and â are ô."""
    return unicodedata.normalize("NFC", paired.translate(_ALONE))


def recognised(text: str) -> Script | None:
    """The old script that a text is written in; None for Unicode, and for what is neither. Raises `MixedError`."""
    words = [word for word in _WORD.findall(unicodedata.normalize("NFC", text)) if not word.isascii()]
    odd = [word for word in words if max(word) <= "\xff" and not _syllable(word)]
    if len(odd) < FEWEST_WORDS:
        return None
    counted = {script: sum(_syllable(read(word, script)) for word in odd) for script in Script}
    script = max(counted, key=counted.__getitem__)
    if counted[script] < CERTAIN * len(odd):
        return None
    if any(max(word) > "\xff" for word in words):
        raise MixedError(f"{script}: {', '.join(odd[:FEWEST_WORDS])}")
    return script


def _syllable(word: str) -> bool:
    plain = unicodedata.normalize("NFD", word.lower())
    bare = unicodedata.normalize("NFC", plain.translate(_TONES))
    return _SYLLABLE.fullmatch(bare) is not None
