"""What a person should look at before approving a campaign: warnings, never errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from campaigns.calendar import occasions, themes
from campaigns.campaign import Campaign
from campaigns.compose import Sample, Variant, samples
from campaigns.hotlines import hotlines
from campaigns.template import Form, Placeholder, placeholders
from campaigns.text import LIMITS, costly, plain

# Refused by some carriers or aggregators in at least one class of message.
REFUSED = frozenset("#&%[]{}\\<@")
NEAR = 10  # units over the edge of a segment that are worth an editor's minute

# HIV law 64/2006/QH11 Art. 9 forbids a negative image; the words of the field have changed since.
STIGMA = {
    "con nghiện": "người sử dụng ma túy",
    "kẻ nghiện": "người sử dụng ma túy",
    "si đa": "HIV/AIDS",
    "nhiễm ết": "người nhiễm HIV",
    "gái mại dâm": "người bán dâm",
}


def warnings(campaign: Campaign) -> list[str]:
    """Everything worth a second look, in Vietnamese; empty for a campaign without remarks."""
    return list(dict.fromkeys(warning for rule in RULES for warning in rule(campaign)))


def _costs(campaign: Campaign) -> Iterator[str]:
    for sample in samples(campaign):
        accented, unaccented = sample.accented.segments, sample.unaccented.segments
        if sample.form is Form.ACCENTED and accented > unaccented:
            yield f"đợt {sample.wave}: gửi có dấu tốn {accented} phần tin mỗi người, không dấu tốn {unaccented}"


def _symbols(campaign: Campaign) -> Iterator[str]:
    """Accented texts that would be plain but for a typographic sign: one en dash costs a campaign."""
    for sample in samples(campaign):
        found = costly(sample.accented.body)
        if sample.form is Form.ACCENTED and found and not any(char.char.isalpha() for char in found):
            signs = ", ".join(dict.fromkeys(f'"{char.char}" ({char.code_point})' for char in found))
            yield f"đợt {sample.wave}: chỉ vì {signs} mà cả tin thành UCS-2; thay bằng dấu thường để giảm số phần tin"


def _edges(campaign: Campaign) -> Iterator[str]:
    for sample in samples(campaign):
        over = _over(sample.chosen)
        if 0 < over <= NEAR:
            yield f"đợt {sample.wave}: bớt {over} ký tự thì còn {sample.chosen.segments - 1} phần tin"


def _over(variant: Variant) -> int:
    """Units beyond what one segment less would hold."""
    limits = LIMITS[variant.encoding]
    fewer = variant.segments - 1
    return variant.units - (limits.alone if fewer == 1 else limits.part * fewer) if fewer else 0


def _leftover_accents(campaign: Campaign) -> Iterator[str]:
    for key, text in campaign.texts.items():
        left = "".join(dict.fromkeys(char for char in text.unaccented if char.isalpha() and plain(char) != char))
        if left:
            yield f"nội dung {key}: bản không dấu vẫn còn chữ có dấu: {left}"


def _refused_signs(campaign: Campaign) -> Iterator[str]:
    for sample in samples(campaign):
        signs = " ".join(sorted(REFUSED.intersection(sample.chosen.body)))
        if signs:
            yield f"đợt {sample.wave}: một số nhà mạng từ chối tin có ký tự {signs}"


def _stigma(campaign: Campaign) -> Iterator[str]:
    for key, text in campaign.texts.items():
        written = f"{text.accented}\n{text.unaccented}".lower()
        for word, instead in STIGMA.items():
            if word in written or f" {plain(word)} " in f" {written} ":
                yield f'nội dung {key}: từ "{word}" mang tính kỳ thị; viết "{instead}"'


def _sender(campaign: Campaign) -> Iterator[str]:
    if campaign.owner is None:
        yield "chưa ghi cơ quan gửi (owner); người nhận cần biết ai gửi tin"
        return
    for sample in samples(campaign):
        if not _named(campaign, sample):
            yield f'đợt {sample.wave}: nội dung không nêu cơ quan gửi "{campaign.owner}"; thêm {{owner}}'


def _named(campaign: Campaign, sample: Sample) -> bool:
    return plain(campaign.owner or "").lower() in plain(sample.chosen.body).lower()


def _legal_basis(campaign: Campaign) -> Iterator[str]:
    if not campaign.legal_basis:
        yield "chưa ghi căn cứ pháp lý; thêm [[legal_basis]]"
        return
    for wave in campaign.waves:
        if not any(basis.in_force(wave.date) for basis in campaign.legal_basis):
            yield f"đợt {wave.slug}: không có căn cứ pháp lý nào còn hiệu lực vào ngày {wave.date:%d/%m/%Y}"


def _theme(campaign: Campaign) -> Iterator[str]:
    verified = themes().get((campaign.occasion, campaign.year))
    if campaign.theme is not None and campaign.theme != verified:
        known = f'; chủ đề đã xác minh: "{verified}"' if verified else ""
        yield f"chủ đề năm {campaign.year} chưa được xác minh, đối chiếu với văn bản hướng dẫn{known}"


def _occasion(campaign: Campaign) -> Iterator[str]:
    occasion = occasions()[campaign.occasion]
    first, last = occasion.days(campaign.year)
    if campaign.period.end < first or last < campaign.period.start:
        yield f"thời gian chiến dịch không trùng {occasion.name} ({first:%d/%m/%Y}-{last:%d/%m/%Y})"


def _hotline(campaign: Campaign) -> Iterator[str]:
    since = hotlines()[campaign.hotline].since if campaign.hotline else None
    for wave in campaign.waves:
        used = placeholders(campaign.texts[wave.text].form(wave.form))
        if since and wave.date < since and Placeholder.HOTLINE in used:
            yield f"đợt {wave.slug}: số {campaign.hotline} chỉ phục vụ việc này từ {since:%d/%m/%Y}"


RULES: tuple[Callable[[Campaign], Iterator[str]], ...] = (
    _costs,
    _symbols,
    _edges,
    _leftover_accents,
    _refused_signs,
    _stigma,
    _sender,
    _legal_basis,
    _theme,
    _occasion,
    _hotline,
)
