"""The author's pages: a campaign from the library, from last year's or from a file; its texts; the definition itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from starlette.datastructures import UploadFile
from starlette.responses import Response

from campaigns import bench, compose, definition
from campaigns.adapting import adapted, rewritten
from campaigns.bench import Question, Report
from campaigns.calendar import VIETNAM, Calendar
from campaigns.campaign import BY_TEMPLATE, Campaign, MessageClass
from campaigns.compose import Variant
from campaigns.lints import Setting
from campaigns.problems import DefinitionError, Problem
from campaigns.tariff import Plan
from campaigns.template import Form, Placeholder, placeholders
from campaigns.text import plain
from dispatcher import control, drafting
from dispatcher.errors import UserError
from dispatcher.lifecycle import CampaignStatus
from dispatcher.settings import load_calendar
from dispatcher.store import audiences, campaigns
from dispatcher.store.database import Connection
from dispatcher.web import campaign as one
from dispatcher.web.door import MissingError, Page, Visit
from dispatcher.web.marking import Run, runs
from dispatcher.web.rights import Action

NAME = "chien-dich.toml"
LONGEST_TEXT = 4000
MISREAD = 6
# On the bench, until somebody says other ones.
BENCH_FACTS = {"owner": "Công an tỉnh", "hotline": "113", "theme": ""}
SLUG = re.compile(r"[a-z0-9_-]{1,80}")


@dataclass(frozen=True, slots=True)
class Tried:
    """One form of a text on the bench, as the page shows it."""

    form: Form
    text: str
    report: Report
    body: tuple[Run, ...]

    @property
    def misread(self) -> list[tuple[str, str]]:
        """(as written, as it may be read without accents), each once."""
        return list(dict.fromkeys((one.written, one.reading) for one in self.report.ambiguous))[:MISREAD]

    @property
    def each(self) -> list[tuple[str, float]]:
        """(network, đồng a person) where a price is known."""
        plan = Plan(self.form.value)
        costs = next((total.costs for total in self.report.costs if total.plan is plan), ())
        return [(cost.network, cost.vnd_each) for cost in costs if cost.vnd_each is not None]


def _calendar(visit: Visit) -> Calendar:
    return load_calendar(visit.runtime.settings.occasions)


def _year(visit: Visit) -> int:
    written = visit.given("year")
    if not (written.isascii() and written.isdigit() and len(written) == 4):
        raise UserError("Ghi năm bằng bốn chữ số, ví dụ 2027.")
    return int(written)


async def ask_new(visit: Visit) -> Response:
    return await _ask_new(visit)


async def _ask_new(visit: Visit, status: int = 200, **given: object) -> Response:
    year = datetime.now(VIETNAM).year
    library = _library(visit.runtime.settings.occasions, _changed(visit.runtime.settings.occasions), year)
    async with visit.desk() as connection:
        stored = await campaigns.titles(connection)
        known = sorted({audience.name for audience in await audiences.versions(connection)})
    values = {"problems": (), "problem": None, "text": None, **given}
    return visit.show(
        "new.html",
        status,
        library=library,
        stored=stored,
        year=year,
        audiences=known,
        asked=visit.asked("from") or _for_occasion(library, visit.asked("occasion")),
        wanted=visit.asked("audience"),
        **values,
    )


def _for_occasion(library: list[Campaign], occasion: str) -> str:
    """What the library has for an occasion; empty where it has nothing."""
    return next((f"library:{campaign.slug}" for campaign in library if campaign.occasion == occasion), "")


def _changed(path: Path) -> int:
    """When a file was last written; 0 where there is none."""
    return path.stat().st_mtime_ns if path.exists() else 0


@lru_cache(4)
def _library(occasions: Path, _changed: int, year: int) -> list[Campaign]:
    """What ships with us, for a year by the office's calendar."""
    calendar = load_calendar(occasions)
    return [definition.load(definition.library_path(n), year=year, calendar=calendar) for n in definition.library()]


async def make_new(visit: Visit) -> Response:
    """From the library, or from a campaign that is here."""
    source, given = visit.given("from"), {key: visit.given(key) for key in ("slug", "owner", "audience")}
    kind, _, name = source.partition(":")
    try:
        if kind == "library":
            text = definition.contents(definition.library_path(name))
        else:
            async with visit.desk() as connection:
                text = await drafting.source(connection, name)
        return await _keep(visit, drafting.for_year(text, NAME, _year(visit), given), new=True)
    except (DefinitionError, UserError) as error:
        return await _ask_new(visit, 409, problem=str(error))


async def upload(visit: Visit) -> Response:
    """A definition file that somebody wrote elsewhere."""
    file = visit.form.get("file")
    content = await file.read() if isinstance(file, UploadFile) else b""
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        return await _ask_new(visit, 409, problem="Tệp không phải văn bản UTF-8. Chọn tệp .toml của chiến dịch.")
    if not text.strip() or "\0" in text:
        return await _ask_new(
            visit, 409, problem="Chưa chọn tệp, hoặc tệp không phải văn bản. Chọn tệp .toml của chiến dịch."
        )
    return await _keep(visit, text, new=True)


async def _keep(visit: Visit, text: str, *, new: bool) -> Response:
    """Store a draft, or show what keeps it from being one."""
    judged = drafting.judge(text, NAME, _calendar(visit), one.senders(visit))
    if judged.campaign is None:
        return visit.show("source.html", 409, edition=None, text=text, problems=judged.problems, problem=None)
    async with visit.desk() as connection:
        there = await campaigns.find(connection, judged.campaign.edition)
        if new and there:
            problem = f"Chiến dịch {there.edition} đã có. Đặt mã khác, hoặc mở chiến dịch đó để sửa."
            return visit.show("source.html", 409, edition=None, text=text, problems=(), problem=problem)
        await control.add(connection, judged.campaign, visit.by, text)
    return visit.go(f"/campaigns/{judged.campaign.edition}", visit.speech.word("Đã lưu bản nháp."))


async def make_from_source(visit: Visit) -> Response:
    return await _keep(visit, visit.given("text").replace("\r\n", "\n") + "\n", new=True)


async def source(visit: Visit) -> Response:
    async with visit.desk() as connection:
        stored = await one.found(connection, visit)
        text = await drafting.source(connection, stored.edition)
    return visit.show("source.html", edition=stored.edition, text=text, problems=(), problem=None)


async def save_source(visit: Visit) -> Response:
    text = visit.given("text").replace("\r\n", "\n") + "\n"
    judged = drafting.judge(text, NAME, _calendar(visit), one.senders(visit))
    async with visit.desk() as connection:
        stored = await one.found(connection, visit)
        problem = None
        if judged.campaign and judged.campaign.edition != stored.edition:
            problem = f"Tệp này là của {judged.campaign.edition}, không phải {stored.edition}; giữ nguyên slug và year."
        if problem or judged.campaign is None:
            return visit.show(
                "source.html", 409, edition=stored.edition, text=text, problems=judged.problems, problem=problem
            )
        await control.add(connection, judged.campaign, visit.by, text)
    return visit.go(f"/campaigns/{stored.edition}", visit.speech.word("Đã lưu bản nháp."))


async def header(visit: Visit) -> Response:
    """Sender and audience, without opening the file."""
    given = {key: visit.given(key) for key in ("owner", "audience")}
    async with visit.desk() as connection:
        stored = await one.found(connection, visit)
        text = adapted(await drafting.source(connection, stored.edition), {k: v for k, v in given.items() if v})
        campaign = definition.parse(text, NAME, calendar=_calendar(visit))
        await control.add(connection, campaign, visit.by, text)
    return visit.go(f"/campaigns/{stored.edition}", visit.speech.word("Đã lưu bản nháp."))


async def _text(visit: Visit) -> tuple[Campaign, str]:
    async with visit.desk() as connection:
        stored = await one.found(connection, visit)
    campaign, key = Campaign.model_validate(stored.definition), visit.path("key")
    if key not in campaign.texts:
        raise MissingError(f"Chiến dịch {stored.edition} không có nội dung {key}.")
    if stored.status is not CampaignStatus.DRAFT:
        raise UserError("Chỉ sửa được bản nháp; chiến dịch này đã được duyệt hoặc đã kết thúc.")
    return campaign, key


async def text(visit: Visit) -> Response:
    campaign, key = await _text(visit)
    written = campaign.texts[key]
    return await _compose(visit, campaign, key, written.accented, written.unaccented)


async def _compose(
    visit: Visit,
    campaign: Campaign,
    key: str,
    accented: str,
    unaccented: str,
    problems: tuple[Problem, ...] = (),
    status: int = 200,
) -> Response:
    async with visit.desk() as connection:
        people = await _people(connection, campaign)
    return visit.show(
        "text.html",
        status,
        campaign=campaign,
        key=key,
        accented=accented,
        unaccented=unaccented,
        waves=[wave for wave in campaign.waves if wave.text == key],
        on_zalo=_on_zalo(campaign, key),
        forms=_forms(accented, unaccented, _setting(campaign), campaign.year, people),
        sender=next(iter(one.senders(visit)), ""),
        problems=problems,
    )


def _on_zalo(campaign: Campaign, key: str) -> Variant | None:
    """What goes into the template on Zalo, where a wave sends the text that way."""
    wave = next((wave for wave in campaign.waves if wave.text == key and wave.channel in BY_TEMPLATE), None)
    if wave is None or (campaign.theme is None and Placeholder.THEME in _asked_of(campaign, key)):
        return None
    return compose.variants(campaign, wave.slug)[0]


def _asked_of(campaign: Campaign, key: str) -> set[Placeholder]:
    text = campaign.texts[key]
    written = [text.accented, text.unaccented, *(text.zalo.parameters.values() if text.zalo else ())]
    return {one for part in written for one in placeholders(part)}


async def _people(connection: Connection, campaign: Campaign) -> dict[str, int]:
    newest = await audiences.newest(connection, campaign.audience) if campaign.audience else None
    return await audiences.networks(connection, newest.id) if newest else {}


async def save_text(visit: Visit) -> Response:
    """Keep a text, or (without JavaScript) look at it again, or take the accents off for a start."""
    campaign, key = await _text(visit)
    accented, unaccented = _given(visit)
    act = visit.given("act")
    if act == "strip":
        unaccented = plain(accented)
    if act in ("strip", "look"):
        return await _compose(visit, campaign, key, accented, unaccented)
    async with visit.desk() as connection:
        source = await drafting.source(connection, campaign.edition)
        try:
            made = rewritten(source, {f"texts.{key}.accented": accented, f"texts.{key}.unaccented": unaccented})
        except ValueError:
            raise UserError(
                "Nội dung này được viết theo cách không sửa được ở đây; sửa trong tệp chiến dịch."
            ) from None
        judged = drafting.judge(made, NAME, _calendar(visit))
        if judged.campaign is None:
            return await _compose(visit, campaign, key, accented, unaccented, judged.problems, 409)
        await control.add(connection, judged.campaign, visit.by, made)
    return visit.go(f"/campaigns/{campaign.edition}", visit.speech.word("Đã lưu nội dung."))


def _given(visit: Visit) -> tuple[str, str]:
    accented, unaccented = (
        visit.given(name).replace("\r\n", "\n")[:LONGEST_TEXT] for name in ("accented", "unaccented")
    )
    return accented, unaccented


def _setting(campaign: Campaign) -> Setting:
    facts = campaign.facts()
    return Setting(campaign.year, (), campaign.message_class, facts, campaign.links, campaign.own_hotlines)


def _forms(accented: str, unaccented: str, setting: Setting, year: int, people: dict[str, int]) -> list[Tried]:
    return [
        _form(form, written, setting, year, people)
        for form, written in ((Form.ACCENTED, accented), (Form.UNACCENTED, unaccented))
    ]


def _form(form: Form, written: str, setting: Setting, year: int, people: dict[str, int]) -> Tried:
    report = bench.examine(Question(written, setting, year, form, people=people))
    return Tried(form, written, report, tuple(runs(report.worst.body, accented=form is Form.ACCENTED)))


async def report(visit: Visit) -> Response:
    """The moving part of the composer and of the bench."""
    edition = visit.given("edition")
    accented, unaccented = _given(visit)
    people: dict[str, int] = {}
    async with visit.desk() as connection:
        stored = await campaigns.find(connection, edition) if edition else None
        campaign = Campaign.model_validate(stored.definition) if stored else None
        if campaign:
            people = await _people(connection, campaign)
    setting, year = (_setting(campaign), campaign.year) if campaign else _free(visit)
    forms = _forms(accented, unaccented, setting, year, people)
    return visit.show("parts/report.html", forms=forms, sender=next(iter(one.senders(visit)), ""))


def _free(visit: Visit) -> tuple[Setting, int]:
    """What a text on its own is judged against."""
    year = datetime.now(VIETNAM).year
    given = {Placeholder(name): value for name, value in _bench_facts(visit).items() if value}
    return Setting(None, (), MessageClass.PUBLIC_INFORMATION, bench.facts(year, given), {}), year


def _bench_facts(visit: Visit) -> dict[str, str]:
    return {name: visit.given(name) if name in visit.form else usual for name, usual in BENCH_FACTS.items()}


async def ask_bench(visit: Visit) -> Response:
    return _bench(visit, "", "")


async def try_bench(visit: Visit) -> Response:
    accented, unaccented = _given(visit)
    return _bench(visit, accented, plain(accented) if visit.given("act") == "strip" else unaccented)


def _bench(visit: Visit, accented: str, unaccented: str) -> Response:
    setting, year = _free(visit)
    forms = _forms(accented, unaccented, setting, year, {}) if accented or unaccented else []
    values = _bench_facts(visit)
    sender = next(iter(one.senders(visit)), "")
    return visit.show("bench.html", accented=accented, unaccented=unaccented, forms=forms, sender=sender, values=values)


async def theme(visit: Visit) -> Response:
    async with visit.desk() as connection:
        stored = await one.found(connection, visit)
        await control.set_theme(connection, stored.edition, visit.given("theme"), visit.given("document"), visit.by)
    return visit.go(f"/campaigns/{stored.edition}", visit.speech.word("Đã điền chủ đề."))


PAGES = (
    Page("/new", Action.WRITE_CAMPAIGN, ask_new),
    Page("/new", Action.WRITE_CAMPAIGN, make_new, "POST"),
    Page("/new/file", Action.WRITE_CAMPAIGN, upload, "POST", largest=1 << 20),
    Page("/new/source", Action.WRITE_CAMPAIGN, make_from_source, "POST"),
    Page("/campaigns/{edition}/source", Action.WRITE_CAMPAIGN, source),
    Page("/campaigns/{edition}/source", Action.WRITE_CAMPAIGN, save_source, "POST"),
    Page("/campaigns/{edition}/header", Action.WRITE_CAMPAIGN, header, "POST"),
    Page("/campaigns/{edition}/theme", Action.WRITE_CAMPAIGN, theme, "POST"),
    Page("/campaigns/{edition}/texts/{key}", Action.WRITE_CAMPAIGN, text),
    Page("/campaigns/{edition}/texts/{key}", Action.WRITE_CAMPAIGN, save_text, "POST"),
    Page("/bench", Action.TRY_TEXT, ask_bench),
    Page("/bench", Action.TRY_TEXT, try_bench, "POST"),
    Page("/bench/report", Action.TRY_TEXT, report, "POST"),
)
