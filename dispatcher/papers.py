"""What a campaign rests on and may do, as lines that staff read."""

from __future__ import annotations

from collections.abc import Iterator

from campaigns.campaign import Campaign, Document, LegalBasis
from campaigns.decree91 import spell
from campaigns.figures import dong
from campaigns.policy import limits

CLASS_WORDS = {
    "public_information": "thông tin tuyên truyền",
    "advertising": "quảng cáo",
    "internal_notice": "thông báo nội bộ",
    "customer_care": "chăm sóc khách hàng",
}


def papers(campaign: Campaign) -> Iterator[str]:
    """Documents, partners, licence, budget, hours and frequency, what is read aloud; one line each."""
    yield f"Loại tin: {CLASS_WORDS[campaign.message_class]}. Chủ đề: {campaign.theme or 'chưa có'}."
    yield from (f"Căn cứ: {_cited(basis)}" for basis in campaign.legal_basis)
    yield from (f"Văn bản yêu cầu: {_cited(request)}" for request in campaign.requests)
    yield from (f"{name}: {value}" for name, value in _facts(campaign) if value)
    yield from (f"Bản đọc loa ({key}): {text.aloud}" for key, text in campaign.texts.items() if text.aloud)


def _cited(paper: Document | LegalBasis) -> str:
    return f"{paper.kind} {paper.number} ({paper.date:%d/%m/%Y}), {paper.issuer}: {paper.subject}"


def _facts(campaign: Campaign) -> Iterator[tuple[str, str | None]]:
    yield "Chương trình", campaign.programme
    yield "Phối hợp", ", ".join(campaign.co_owners)
    yield "Đơn vị cung cấp nội dung", campaign.content_by
    if licence := campaign.appraisal:
        yield "Thẩm định", f"{licence.number} ({licence.date:%d/%m/%Y}), {licence.issuer}"
    if campaign.budget:
        yield "Mức chi tối đa", dong(campaign.budget)
    own = limits(campaign)
    most = f"; mỗi người nhiều nhất {own.most} tin trong {spell(own.within)}" if own.most else ""
    yield "Giờ gửi", f"{own.hours[0]:%H:%M}-{own.hours[1]:%H:%M} (giờ Việt Nam){most}"
    if campaign.policy:
        yield "Lý do khác thông lệ", campaign.policy.reason
