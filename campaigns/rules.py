"""What keeps a campaign from being approved, and what a person should look at before approving it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from campaigns import advice, brandnames, decree91
from campaigns.calendar import Calendar, shipped
from campaigns.campaign import Campaign, ContentKind, MessageClass
from campaigns.compose import Sample, samples
from campaigns.decree91 import Article, Circumstances, Refusal, crowded, outside, spell
from campaigns.hotlines import hotlines
from campaigns.lints import LABELS
from campaigns.policy import limits
from campaigns.template import Form, Placeholder, placeholders
from campaigns.text import measure, plain
from campaigns.tones import same

# What is praised or sold makes a message advertising, whoever sends it (Decree 91/2020/ND-CP Art. 3(1)).
SALES = ("khuyến mãi", "giảm giá", "mua ngay", "đặt hàng", "chiết khấu", "trúng thưởng", "mua 1 tặng 1")


def refusals(campaign: Campaign, circumstances: Circumstances | None = None) -> list[Refusal]:
    """Everything that keeps a campaign from being approved, each with the article that says so; empty if it may be."""
    known = circumstances or Circumstances()
    lawful = [*decree91.refusals(campaign, known), *_brandnames(known)]
    return list(dict.fromkeys([*lawful, *(refusal for rule in HOUSE for refusal in rule(campaign))]))


def _brandnames(circumstances: Circumstances) -> Iterator[Refusal]:
    """A name that no carrier takes parks the route. Numbers are for the decree to judge: a short code is one."""
    for sender in circumstances.senders or ():
        for mistake in () if sender.isdigit() else brandnames.mistakes(sender):
            words = mistake.replace(f" ({brandnames.ARTICLE})", "")
            yield Refusal(f'tên hiển thị "{sender}" {words}', Article.BRANDNAME)


def _windows(campaign: Campaign) -> Iterator[Refusal]:
    allowed = limits(campaign).hours
    advertising = campaign.message_class is MessageClass.ADVERTISING
    for wave in campaign.waves:
        if outside(wave.window, allowed):
            yield Refusal(
                f"đợt {wave.slug}: khung giờ {wave.window[0]:%H:%M}-{wave.window[1]:%H:%M} lấn vào giờ không gửi; chọn trong "
                f"{allowed[0]:%H:%M}-{allowed[1]:%H:%M} (giờ Việt Nam), hoặc ghi hours và reason trong bảng [policy]",
                Article.HOURS if advertising else Article.POLICY,
            )


def theme_to_come(campaign: Campaign) -> Iterator[Refusal]:
    """The waves whose text cannot be written yet."""
    for wave in campaign.waves:
        text = campaign.texts[wave.text]
        if campaign.theme is None and Placeholder.THEME in placeholders(f"{text.accented}{text.unaccented}"):
            yield Refusal(
                f"đợt {wave.slug}: nội dung dùng {{theme}} nhưng chưa có chủ đề năm {campaign.year}; khi có văn bản hướng dẫn: "
                f'dispatcher campaign theme {campaign.edition} "CHỦ ĐỀ" --source "SỐ VĂN BẢN"',
                Article.POLICY,
            )


def _on_what(campaign: Campaign) -> Iterator[Refusal]:
    documents = (*campaign.legal_basis, *campaign.requests)
    if campaign.message_class is MessageClass.PUBLIC_INFORMATION and not documents:
        yield Refusal(
            "chưa ghi căn cứ pháp lý hoặc văn bản yêu cầu; tin tuyên truyền không cần người nhận đồng ý trước chỉ khi phục "
            "vụ hoạt động của cơ quan nhà nước, nên phải có căn cứ: thêm [[legal_basis]] hoặc [[request]]",
            Article.STATE_MANAGEMENT,
        )


HOUSE: tuple[Callable[[Campaign], Iterator[Refusal]], ...] = (_windows, theme_to_come, _on_what)


def warnings(campaign: Campaign, calendar: Calendar | None = None) -> list[str]:
    """Everything worth a second look, in Vietnamese; empty for a campaign without remarks."""
    dated = (warning for rule in DATED for warning in rule(campaign, calendar or shipped()))
    return list(dict.fromkeys([*(warning for rule in RULES for warning in rule(campaign)), *dated]))


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


def _own_hotlines(campaign: Campaign) -> Iterator[str]:
    for number, reason in campaign.own_hotlines.items():
        yield f"được phép nêu số điện thoại của cơ quan: {number} (lý do: {reason}); gọi thử trước khi duyệt"


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
        return
    for wave in campaign.waves:
        if not any(basis.in_force(wave.date) for basis in campaign.legal_basis):
            yield f"đợt {wave.slug}: không có căn cứ pháp lý nào còn hiệu lực vào ngày {wave.date:%d/%m/%Y}"


def _theme(campaign: Campaign, calendar: Calendar) -> Iterator[str]:
    verified = calendar.themes.get((campaign.occasion, campaign.year))
    if campaign.theme is not None and not same(campaign.theme, verified or ""):
        known = f'; chủ đề đã xác minh: "{verified}"' if verified else ""
        yield f"chủ đề năm {campaign.year} chưa được xác minh, đối chiếu với văn bản hướng dẫn{known}"


def _occasion(campaign: Campaign, calendar: Calendar) -> Iterator[str]:
    occasion = calendar.occasions.get(campaign.occasion)
    if occasion is None:
        yield f'dịp "{campaign.occasion}" không có trong lịch của hệ thống này'
        return
    first, last = occasion.days(campaign.year)
    if campaign.period.end < first or last < campaign.period.start:
        yield f"thời gian chiến dịch không trùng {occasion.name} ({first:%d/%m/%Y}-{last:%d/%m/%Y})"


def _hotline(campaign: Campaign) -> Iterator[str]:
    verified = hotlines().get(campaign.hotline or "")
    since = verified.since if verified else None
    for wave in campaign.waves:
        used = placeholders(campaign.texts[wave.text].form(wave.form))
        if since and wave.date < since and Placeholder.HOTLINE in used:
            yield f"đợt {wave.slug}: số {campaign.hotline} chỉ phục vụ việc này từ {since:%d/%m/%Y}"


def _class(campaign: Campaign) -> Iterator[str]:
    kind = campaign.message_class
    if kind is MessageClass.ADVERTISING:
        yield f"gửi bản sao mỗi tin quảng cáo tới hệ thống 5656 ({Article.COPY})"
        return
    if kind is MessageClass.CUSTOMER_CARE:
        yield (
            "chỉ tin chăm sóc khách hàng của doanh nghiệp viễn thông mới không phải là quảng cáo; cơ quan khác chọn loại "
            f"tin khác ({Article.DEFINITION})"
        )
    for key, text in campaign.texts.items():
        if text.accented.startswith(LABELS) or text.unaccented.startswith(LABELS):
            yield f"nội dung {key}: có nhãn quảng cáo nhưng loại tin không phải quảng cáo ({Article.LABEL})"
        for word in SALES:
            if word in text.accented.lower():
                yield f'nội dung {key}: "{word}" là lời quảng cáo; tin như vậy thuộc loại quảng cáo ({Article.DEFINITION})'


def _policy(campaign: Campaign) -> Iterator[str]:
    if campaign.policy:
        own = limits(campaign)
        most = f"nhiều nhất {own.most} tin trong {spell(own.within)}" if own.most else "không giới hạn số tin"
        yield (
            f"giờ gửi và tần suất riêng của chiến dịch: {own.hours[0]:%H:%M}-{own.hours[1]:%H:%M}, {most}; "
            f"lý do: {campaign.policy.reason}"
        )


def _crowded(campaign: Campaign) -> Iterator[str]:
    own = limits(campaign)
    if campaign.message_class is not MessageClass.ADVERTISING:
        for audience, at in crowded(campaign):
            yield (
                f"nhóm {audience or 'người nhận'} có hơn {own.most} đợt trong {spell(own.within)} tính từ "
                f"{at:%H:%M %d/%m/%Y} (giờ Việt Nam); mỗi người chỉ nhận {own.most} tin, số còn lại bị bỏ qua"
            )


def _old_papers(campaign: Campaign) -> Iterator[str]:
    """What was asked for or licensed before last year's edition was over may be that edition's paper."""
    papers = [(f"văn bản yêu cầu {paper.number}", paper.date) for paper in campaign.requests]
    if campaign.appraisal:
        papers.append((f"giấy phép {campaign.appraisal.number}", campaign.appraisal.date))
    for name, day in papers:
        if (campaign.period.start - day).days > 365:
            yield f"{name} ngày {day:%d/%m/%Y} đã hơn một năm; kiểm tra có phải của năm trước không"


def _relays(campaign: Campaign) -> Iterator[str]:
    for wave in campaign.waves:
        if wave.relay and not campaign.texts[wave.text].aloud:
            yield f"đợt {wave.slug}: người nhận đọc lại cho dân nghe; thêm bản đọc aloud vào [texts.{wave.text}]"


def _commended(campaign: Campaign) -> Iterator[str]:
    for key, text in campaign.texts.items():
        if text.content_kind == ContentKind.COMMENDATION:
            yield f"nội dung {key}: nêu gương người cụ thể thì cần người đó đồng ý"


RULES: tuple[Callable[[Campaign], Iterator[str]], ...] = (
    _costs,
    _symbols,
    _edges,
    _leftover_accents,
    _refused_signs,
    _spelling,
    _stigma,
    _links,
    _own_hotlines,
    _sender,
    _legal_basis,
    _hotline,
    _class,
    _policy,
    _crowded,
    _old_papers,
    _relays,
    _commended,
)
DATED: tuple[Callable[[Campaign, Calendar], Iterator[str]], ...] = (_theme, _occasion)
