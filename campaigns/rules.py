"""What a person should look at before approving a campaign: warnings, never errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from campaigns import advice
from campaigns.calendar import occasions, themes
from campaigns.campaign import Campaign
from campaigns.compose import Sample, samples
from campaigns.hotlines import hotlines
from campaigns.template import Form, Placeholder, placeholders
from campaigns.text import measure, plain
from campaigns.tones import same


def warnings(campaign: Campaign) -> list[str]:
    """Everything worth a second look, in Vietnamese; empty for a campaign without remarks."""
    return list(dict.fromkeys(warning for rule in RULES for warning in rule(campaign)))


def _costs(campaign: Campaign) -> Iterator[str]:
    for sample in samples(campaign):
        accented, unaccented = sample.accented.segments, sample.unaccented.segments
        if sample.form is Form.ACCENTED and accented > unaccented:
            yield f"đợt {sample.wave}: gửi có dấu tốn {accented} phần tin mỗi người, không dấu tốn {unaccented}"


def _symbols(campaign: Campaign) -> Iterator[str]:
    for sample in samples(campaign):
        if sample.form is Form.ACCENTED and (remark := advice.signs(sample.accented.body)):
            yield f"đợt {sample.wave}: {remark}"


def _edges(campaign: Campaign) -> Iterator[str]:
    for sample in samples(campaign):
        if remark := advice.edge(measure(sample.chosen.body)):
            yield f"đợt {sample.wave}: {remark}"


def _leftover_accents(campaign: Campaign) -> Iterator[str]:
    for key, text in campaign.texts.items():
        if remark := advice.leftover_accents(text.unaccented):
            yield f"nội dung {key}: {remark}"


def _refused_signs(campaign: Campaign) -> Iterator[str]:
    for sample in samples(campaign):
        if remark := advice.refused_signs(sample.chosen.body):
            yield f"đợt {sample.wave}: {remark}"


def _spelling(campaign: Campaign) -> Iterator[str]:
    for key, text in campaign.texts.items():
        if remark := advice.spelling(text.accented):
            yield f"nội dung {key}: {remark}"


def _stigma(campaign: Campaign) -> Iterator[str]:
    for key, text in campaign.texts.items():
        for remark in advice.stigma(f"{text.accented}\n{text.unaccented}"):
            yield f"nội dung {key}: {remark}"


def _links(campaign: Campaign) -> Iterator[str]:
    for host, reason in campaign.links.items():
        yield f"được phép nêu liên kết ngoài .gov.vn: {host} (lý do: {reason})"


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
    if campaign.theme is not None and not same(campaign.theme, verified or ""):
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
    _spelling,
    _stigma,
    _links,
    _sender,
    _legal_basis,
    _theme,
    _occasion,
    _hotline,
)
