"""dispatcher campaign: from a definition to its end."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Annotated, Any

import typer
from rich.live import Live
from rich.markup import escape

from campaigns import compose, rules, schedule
from campaigns.calendar import spoken
from campaigns.campaign import Campaign
from campaigns.decree91 import Circumstances
from dispatcher import control
from dispatcher.cli import approving, drafting, rehearsing
from dispatcher.cli.drafting import Source, Year, read
from dispatcher.cli.picture import picture, picture_grid
from dispatcher.cli.terminal import (
    ME,
    AsJson,
    By,
    Desk,
    Edition,
    at_desk,
    fail,
    give,
    give_line,
    moment,
    number,
    out,
    table,
    tell_stopped,
)
from dispatcher.control import SPOKEN, View
from dispatcher.delivery_log import shown
from dispatcher.lifecycle import Act, CampaignStatus, Status
from dispatcher.papers import papers
from dispatcher.routing import senders, unserved
from dispatcher.routing import table as route_table
from dispatcher.settings import Settings, load_calendar, load_routes, load_settings
from dispatcher.store import campaigns, log
from dispatcher.store.search import Wanted
from dispatcher.words import STATUS_WORDS

app = typer.Typer(help="Chiến dịch: kiểm tra, thêm, duyệt, bắt đầu, theo dõi, dừng.", no_args_is_help=True)
for of_drafts in (drafting.new, drafting.clone, drafting.add, drafting.theme, drafting.calendar):
    app.command()(of_drafts)
for of_approval in (
    rehearsing.rehearse,
    approving.review,
    approving.propose,
    approving.approve,
    approving.confirm,
    approving.withdraw,
    approving.forecast,
):
    app.command()(of_approval)

# What nobody knows, and how much of it is shown.
DOUBTFUL = (Status.UNCERTAIN, Status.UNCONFIRMED)
LISTED = 1000
ENDED = (CampaignStatus.FINISHED, CampaignStatus.CANCELLED)


@app.command()
def check(source: Source, year: Year = None, as_json: AsJson = False) -> None:
    """Kiểm tra một tệp chiến dịch: lỗi ở dòng nào, tin sẽ gửi ra sao, bao nhiêu phần tin."""
    settings = load_settings()
    calendar = load_calendar(settings.occasions)
    campaign = read(source, year, calendar)
    samples, warnings = compose.samples(campaign), rules.warnings(campaign, calendar)
    refusals = rules.refusals(campaign, Circumstances(senders=_senders(settings)))
    if as_json:
        return give(
            {
                "campaign": campaign.edition,
                "title": campaign.title,
                "samples": samples,
                "refusals": [{"message": r.message, "article": r.article} for r in refusals],
                "warnings": warnings,
            }
        )
    out.print(f"[bold]{campaign.edition}[/]: {escape(campaign.title)}\n")
    by_wave = {sample.wave: sample for sample in samples}
    for wave in schedule.waves(campaign):
        sample = by_wave[wave.slug]
        out.print(f"Đợt [bold]{wave.slug}[/] từ {spoken(wave.opens_at)} đến {spoken(wave.closes_at)}")
        forms = (("có dấu", sample.accented), ("không dấu", sample.unaccented))
        for form, variant in (*forms, *((other.language, other) for other in sample.others)):
            mark = "→" if variant is sample.chosen else " "
            out.print(f"{mark} {form}: {variant.segments} phần tin ({variant.encoding.value}, {variant.units} đơn vị)")
            out.print(f"    {variant.body}", markup=False)
    for refusal in refusals:
        out.print(f"[red]Chưa duyệt được:[/] {escape(str(refusal))}")
    for warning in warnings:
        out.print(f"[yellow]Lưu ý:[/] {escape(warning)}")
    out.print("[yellow]Tệp dùng được làm bản nháp.[/]" if refusals else "[green]Tệp dùng được.[/]")
    return None


def _senders(settings: Settings) -> tuple[str, ...] | None:
    """The names that the routes send under, None while there are no routes."""
    return senders(load_routes(settings.routes)) if settings.routes.exists() else None


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Liệt kê các chiến dịch."""

    async def act(desk: Desk) -> list[campaigns.StoredCampaign]:
        async with desk.pool.connection() as connection:
            return await campaigns.listing(connection)

    found = at_desk(act)
    if as_json:
        return give([_summary(c) for c in found])
    rows = [(c.edition, c.title, SPOKEN[c.status], c.author, c.approved_by, c.added_at) for c in found]
    return table("Chiến dịch", ("mã", "tên", "trạng thái", "người soạn", "người duyệt", "thêm lúc"), rows)


def _summary(stored: campaigns.StoredCampaign) -> dict[str, Any]:
    return {
        "campaign": stored.edition,
        "title": stored.title,
        "status": stored.status,
        "author": stored.author,
        "approved_by": stored.approved_by,
        "added_at": stored.added_at,
    }


@app.command()
def show(edition: Edition, as_json: AsJson = False) -> None:
    """Xem một chiến dịch: căn cứ, các đợt, nội dung tin."""

    async def act(desk: Desk) -> campaigns.StoredCampaign:
        async with desk.pool.connection() as connection:
            return await control.find(connection, edition)

    stored = at_desk(act)
    if as_json:
        return give({**_summary(stored), "definition": stored.definition})
    campaign = Campaign.model_validate(stored.definition)
    out.print(f"[bold]{stored.edition}[/]: {escape(stored.title)}")
    approval = f"{stored.approved_by}, {moment(stored.approved_at)}" if stored.approved_at else "chưa duyệt"
    out.print(
        f"Trạng thái: {SPOKEN[stored.status]}. Người soạn: {escape(stored.author)}. Phê duyệt: {escape(approval)}."
    )
    for line in papers(campaign):
        out.print(line, markup=False)
    texts = {sample.wave: sample.chosen for sample in compose.samples(campaign)}
    rows = [
        (w.slug, w.title, moment(w.opens_at), moment(w.closes_at), texts[w.slug].segments, texts[w.slug].body)
        for w in schedule.waves(campaign)
    ]
    return table("Các đợt gửi", ("đợt", "tên", "từ", "đến", "phần tin", "nội dung"), rows)


@app.command()
def start(edition: Edition, by: By = ME, as_json: AsJson = False) -> None:
    """Bắt đầu: từng đợt tự gửi khi tới giờ. Từ chối nếu chưa duyệt."""

    async def act(desk: Desk) -> dict[str, int]:
        routes = load_routes(desk.settings.routes)
        async with desk.pool.connection() as connection:
            await control.start(connection, edition, by, routes)
            return unserved(route_table(routes), await control.people(connection, edition))

    missing = at_desk(act)
    if as_json:
        return give({"campaign": edition, "status": CampaignStatus.RUNNING, "unserved": missing})
    for network, people in missing.items():
        out.print(f"[yellow]Lưu ý:[/] {number(people)} số thuộc nhà mạng {network} chưa có đường gửi nào phục vụ.")
    out.print(f"[green]{edition} đang chạy.[/] Theo dõi: dispatcher campaign status {edition} --watch")
    return None


@app.command()
def status(
    edition: Edition,
    watch: Annotated[bool, typer.Option("--watch", help="Cập nhật mỗi giây cho tới khi xong.")] = False,
    as_json: AsJson = False,
) -> None:
    """Xem tiến độ: bao nhiêu tin ở trạng thái nào, có khớp với số đã lập hay không."""
    at_desk(lambda desk: _watch(desk, edition, as_json=as_json) if watch else _once(desk, edition, as_json=as_json))


async def view(desk: Desk, edition: str) -> View:
    """The campaign as it stands, from one snapshot."""
    refusal = await desk.refusal()
    async with desk.pool.connection() as connection:
        await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        return await control.view(connection, edition, refusal)


async def _once(desk: Desk, edition: str, *, as_json: bool) -> None:
    seen = await view(desk, edition)
    if as_json:
        give(seen)
    else:
        for part in picture(seen):
            out.print(part)


async def _watch(desk: Desk, edition: str, *, as_json: bool) -> None:
    seen = await view(desk, edition)
    with Live(console=out, auto_refresh=False, transient=False) as live:
        while True:
            if as_json:
                give_line(seen)
            else:
                live.update(picture_grid(seen), refresh=True)
            if seen.status in ENDED:
                return
            await asyncio.sleep(1)
            seen = await view(desk, edition)


def _stop(edition: str, by: str, act: Act, wave: str | None, *, as_json: bool) -> None:
    async def stop(desk: Desk) -> control.Stopped:
        async with desk.pool.connection() as connection:
            if wave:
                stop_wave = control.hold_wave if act is Act.PAUSE else control.cancel_wave
                return await stop_wave(connection, edition, wave, by)
            return await control.stop(connection, edition, by, act)

    stopped = at_desk(stop)
    if as_json:
        return give({"campaign": edition, "wave": wave, "act": act, **dataclasses.asdict(stopped)})
    word = "Đã tạm dừng" if act is Act.PAUSE else "Đã hủy"
    return tell_stopped(f"{word} {f'đợt {wave} của ' if wave else ''}{edition}", stopped)


WaveSlug = Annotated[str | None, typer.Option("--wave", help="Chỉ đợt này; các đợt khác không đổi.")]


@app.command()
def pause(edition: Edition, wave: WaveSlug = None, by: By = ME, as_json: AsJson = False) -> None:
    """Tạm dừng gửi cả chiến dịch hoặc một đợt; cho biết đã ra bao nhiêu, giữ lại được bao nhiêu."""
    _stop(edition, by, Act.PAUSE, wave, as_json=as_json)


@app.command()
def cancel(edition: Edition, wave: WaveSlug = None, by: By = ME, as_json: AsJson = False) -> None:
    """Hủy hẳn cả chiến dịch hoặc một đợt: những tin chưa gửi sẽ không gửi nữa."""
    _stop(edition, by, Act.CANCEL, wave, as_json=as_json)


@app.command()
def uncertain(
    edition: Edition,
    resend: Annotated[
        bool, typer.Option("--resend", help="Gửi lại những tin chưa rõ (người dân có thể nhận hai lần).")
    ] = False,
    close: Annotated[bool, typer.Option("--close", help="Thôi chờ: ghi là không xác nhận được.")] = False,
    reason: Annotated[
        str, typer.Option("--reason", help="Lý do của quyết định; bắt buộc khi gửi lại hoặc thôi chờ.")
    ] = "",
    by: By = ME,
    as_json: AsJson = False,
) -> None:
    """Tin chưa rõ kết quả: liệt kê, gửi lại hoặc thôi chờ. Không ai được tự động gửi lại khi nhà mạng không chống trùng."""
    if resend and close:
        fail("Chọn một trong hai: --resend hoặc --close.", 2)
    if not (resend or close):
        return _list_uncertain(edition, as_json=as_json)

    async def act(desk: Desk) -> int:
        async with desk.pool.connection() as connection:
            return await control.settle_uncertain(connection, edition, by, reason, resend=resend)

    count = at_desk(act)
    if as_json:
        return give({"campaign": edition, "act": "resend" if resend else "close", "messages": count})
    out.print(f"{number(count)} tin {'được xếp hàng gửi lại' if resend else 'được ghi là không xác nhận được'}.")
    return None


def _list_uncertain(edition: str, *, as_json: bool) -> None:
    async def act(desk: Desk) -> tuple[dict[str, int], list[dict[str, Any]]]:
        async with desk.pool.connection() as connection:
            counts = (await control.view(connection, edition)).counts
            found = await log.first(connection, Wanted(edition=edition, statuses=DOUBTFUL), LISTED)
        return counts, [shown(row, desk.keyring, reveal=False) for row in found]

    counts, found = at_desk(act)
    numbers = {status: counts.get(status, 0) for status in DOUBTFUL}
    if as_json:
        return give({"campaign": edition, "counts": numbers, "messages": found})
    told = ", ".join(f"{number(count)} {STATUS_WORDS[status]}" for status, count in numbers.items())
    rows = [
        (r["msisdn"], r["wave"], r["route"], STATUS_WORDS[Status(r["status"])], r["attempts"], r["error_code"])
        for r in found
    ]
    return table(f"{edition}: {told}", ("số", "đợt", "đường gửi", "trạng thái", "lần thử", "mã"), rows)


@app.command()
def resume(edition: Edition, wave: WaveSlug = None, by: By = ME, as_json: AsJson = False) -> None:
    """Gửi tiếp một chiến dịch đang tạm dừng, hoặc một đợt đang bị giữ lại."""

    async def act(desk: Desk) -> None:
        async with desk.pool.connection() as connection:
            if wave:
                await control.release_wave(connection, edition, wave, by)
            else:
                await control.resume(connection, edition, by)

    at_desk(act)
    if as_json:
        return give({"campaign": edition, "status": CampaignStatus.RUNNING})
    out.print(f"[green]{edition} gửi tiếp.[/]")
    return None
