"""An office in a browser: a whole installation in real processes, Chromium in front of it, and an eye on every page."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright
from starlette.routing import compile_path

from campaigns import definition, schedule
from dispatcher import credentials, inbound, orders
from dispatcher.demo.stage import Stage, set_up
from dispatcher.keyring import open_keyring
from dispatcher.signing import open_signing_key
from dispatcher.store import installation
from dispatcher.store.database import new_pool
from dispatcher.web.pages import PAGES
from providers.base import Inbound
from tests.dispatcher.foreign import signed_order

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DESKTOP, PHONE = {"width": 1280, "height": 860}, {"width": 390, "height": 844}
A4 = {"width": 680, "height": 980}  # without its margins
# What a person does with a hand: links, buttons and ticks, a choice of a list or of a file.
CLICKS = """
const pressed = 'a, button, summary, input[type=checkbox], input[type=radio]';
addEventListener('click', e => { if (e.isTrusted && e.target.closest(pressed)) window.dispatcherClicked(); }, true);
addEventListener('change', e => { if (e.target.matches('select, input[type=file]')) window.dispatcherClicked(); }, true);
"""
# Git ignores it.
SCREENSHOTS = Path(__file__).parents[2] / "var" / "screenshots"
PASSWORD = "bốn mùa xanh núi Mẫu Sơn"
YEAR = 2026
# Slow enough that there is something left to stop.
TPS = 3
SERIOUS = ("serious", "critical")
# A target's size (WCAG 2.2, 2.5.8) is looked at only by who asks for it.
AXE = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
# Addresses that give a file, a stream, or lead elsewhere at once.
FILES = frozenset(
    {
        "/language/{language}",
        "/sign-in/elsewhere",
        "/sign-in/back",
        "/campaigns/{edition}/live/events",
        "/uploads/{upload}/events",
        "/uploads/{upload}/{kind}.csv",
        "/orders/{order}/manifest",
        "/exports/{job}/file",
        "/exports/{job}/manifest",
        "/statements/{request}/{paper}",
        "/seals/key",
    }
)
# Where this office may tell what happens; nobody listens.
RECEIVER = "http://127.0.0.1:9/hook"
DUTIES = Path(__file__).parents[2] / "reports.example.toml"
# An account that cannot be reached.
ACCOUNT = """
[[route]]
name = "oa"
provider = "zalo_oa"
networks = ["zalo"]
sender = "Công an tỉnh Lạng Sơn"
tps = 5
[route.options]
base_url = "http://127.0.0.1:9/"
oauth_url = "http://127.0.0.1:9/"
permission_url = "http://127.0.0.1:9/"
oa_url = "http://127.0.0.1:9/"
app_id = "1"
oa_id = "1"
app_secret = "sandbox-app-secret"
oa_secret = "sandbox-oa-secret"
"""
# The largest page there is, with everything it loads, uncompressed.
HEAVIEST = 150_000


@dataclass
class Office:
    """An installation that nobody has used, at its address, with the one-time code of its first start."""

    stage: Stage
    url: str
    code: str
    browser: Browser
    secrets: dict[str, tuple[str, int]] = field(default_factory=dict)
    people: dict[str, Page] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    clicks: Counter[str] = field(default_factory=Counter)
    counting: str = ""
    addresses: set[str] = field(default_factory=set)

    def rehearse(self, wave: str, **after: float) -> None:
        """Move the clock of the rehearsal to a wave's opening, or so long after it."""
        campaign = definition.load(definition.library_path("drug_prevention_june"), year=YEAR)
        opens = {w.slug: w.opens_at for w in schedule.waves(campaign)}[wave]

        async def move() -> None:
            async with new_pool(self.stage.addresses.database_url, 1) as pool, pool.connection() as connection:
                await installation.rehearse_at(connection, opens + timedelta(**after))

        aside(move())

    def text(self, number: str, body: str) -> None:
        """A text from a person, as a carrier would bring it."""
        keyring = open_keyring(self.stage.settings.keyring_path, create=False)
        came = Inbound(number, "CA LANGSON", body)

        async def put() -> None:
            async with new_pool(self.stage.addresses.database_url, 1) as pool, pool.connection() as connection:
                await inbound.put(connection, keyring, "gia-lap-viettel", [came], ["tc*"])

        aside(put())

    def order(self, folder: Path) -> Path:
        """A signed order to this office as an operator, from another installation, whose key is trusted here."""
        giver = open_signing_key(folder / "giver.pem", create=True)
        campaign = definition.load(definition.library_path("drug_prevention_june"), year=YEAR)
        campaign = campaign.model_copy(update={"waves": campaign.waves[:1], "owner": "CA Lạng Sơn"})
        own = open_signing_key(self.stage.settings.signing_path, create=True)

        async def trust() -> None:
            async with new_pool(self.stage.addresses.database_url, 1) as pool, pool.connection() as connection:
                await orders.trust(connection, "cong-an-tinh", giver.public.written, "a test")

        aside(trust())
        path = folder / "yeu-cau.json"
        path.write_text(signed_order(campaign, giver, own, "CA LANGSON"), "utf-8")
        return path

    def person(self, size: dict[str, int] = DESKTOP, *, script: bool = True) -> Page:
        """A browser of somebody's own."""
        context = self.browser.new_context(
            viewport=size, locale="vi-VN", base_url=self.url, java_script_enabled=script, accept_downloads=True
        )
        context.set_default_timeout(60_000)  # on a busy machine a page may take its time
        context.expose_binding("dispatcherClicked", lambda _source: self._clicked())
        context.add_init_script(CLICKS)
        page = context.new_page()
        page.on("pageerror", lambda error: self._broken(f"{page.url}: {error}"))
        page.on("console", lambda said: self._broken(f"{page.url}: {said.text}") if said.type == "error" else None)
        return page

    def _broken(self, what: str) -> None:
        if "Failed to load resource" not in what:  # an answer of 4xx that the journey asks for
            raise AssertionError(what)

    def _clicked(self) -> None:
        if self.counting:
            self.clicks[self.counting] += 1

    @contextmanager
    def counted(self, what: str) -> Iterator[None]:
        """What is clicked, ticked and chosen meanwhile counts for this step."""
        self.counting = what
        yield
        self.counting = ""

    def paper(self, page: Page, name: str) -> None:
        """What a page looks like printed on A4."""
        before = page.viewport_size or DESKTOP
        page.emulate_media(media="print")
        page.set_viewport_size(A4)  # type: ignore[arg-type]
        page.screenshot(path=SCREENSHOTS / f"{name}-paper.png", full_page=True)
        wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wide <= 0, f"{name} on paper is {wide} px too wide"
        assert page.locator("button:visible").count() == 0
        page.emulate_media(media="screen")
        page.set_viewport_size(before)

    def command(self, *words: object) -> str:
        """What `dispatcher` answers on the command line of this office."""
        asked = [sys.executable, "-m", "dispatcher", *map(str, words)]
        return subprocess.run(asked, env=self.stage.environment, capture_output=True, text=True, check=True).stdout

    def token(self, login: str, *rights: str) -> str:
        """A program of this person may do this."""
        asked = [word for right in rights for word in ("--right", right)]
        made = json.loads(self.command("token", "add", login, "--name", "ví dụ", *asked, "--json"))
        return str(made["token"])

    def example(self, token: str, words: Sequence[object]) -> subprocess.Popen[str]:
        """A program elsewhere, under way."""
        environment = {**os.environ, "DISPATCHER_URL": self.url, "DISPATCHER_TOKEN": token}
        return subprocess.Popen(
            list(map(str, words)), env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def leave(self) -> None:
        """Everybody goes home; what each saw last is kept."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        for place, page in enumerate(page for context in self.browser.contexts for page in context.pages):
            page.screenshot(path=SCREENSHOTS / f"last-{place}.png", full_page=True)
        self.browser.close()

    def code_of(self, login: str) -> str:
        """A code of somebody's phone that was not used before; waits for the next one where need be."""
        secret, last = self.secrets[login]
        while (step := int(time.time() // credentials.STEP_SECONDS) + 1) <= last:
            time.sleep(1)
        step = max(step - 1, last + 1)
        self.secrets[login] = (secret, step)
        return credentials.totp(secret, step)

    def welcome(self, page: Page, login: str, code: str) -> None:
        """A one-time code becomes a password, and a phone a second factor where the role wants one."""
        page.goto(f"/welcome?login={login}")
        self.look(page, "welcome")
        page.fill("#f-code", code)
        page.fill("#f-password", PASSWORD)
        page.fill("#f-again", PASSWORD)
        page.click("main button")
        if page.url.endswith("/second-factor"):
            self.secrets[login] = (re.sub(r"\s", "", page.inner_text("#secret")), 0)
            self.look(page, "new-factor")
            page.fill("#f-code", self.code_of(login))
            page.click("main button")
        page.wait_for_selector(".menu", state="attached")
        self.people[login] = page

    def look(self, page: Page, name: str) -> None:
        """What a page looks like on a desk and on a phone, and what axe has against it there."""
        before = page.viewport_size or DESKTOP
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        for kind, size in (("desktop", DESKTOP), ("phone", PHONE)):
            page.set_viewport_size(size)  # type: ignore[arg-type]
            page.screenshot(path=SCREENSHOTS / f"{name}-{kind}.png", full_page=True)
            found = Axe().run(page, options=AXE).response["violations"]
            bad = [(v["id"], [n["html"] for n in v["nodes"]][:3]) for v in found if v["impact"] in SERIOUS]
            assert bad == [], (name, kind, bad)
            wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            assert wide <= 0, f"{name} on a {kind} is {wide} px too wide"
        page.set_viewport_size(before)
        self.seen.add(name)
        self.addresses.add(urlsplit(page.url).path)

    def not_looked_at(self) -> set[str]:
        """Pages that nobody has looked at: an address with names in it counts for what no other page is at."""
        pages = {
            page.path: compile_path(page.path)[0] for page in PAGES if page.method == "GET" and page.path not in FILES
        }
        plain = sorted(pages, key=lambda path: path.count("{"))
        found = {next((path for path in plain if pages[path].match(address)), "") for address in self.addresses}
        return set(pages) - found


def aside(work: Coroutine[object, object, None]) -> None:
    """Playwright keeps a loop in this thread: in another one."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, work).result()


@contextmanager
def office(folder: Path) -> Iterator[Office]:
    """Everything started as `dispatcher up` starts it, and stopped afterwards."""
    with set_up(folder / "office", 1) as stage:
        routes = stage.settings.routes
        routes.write_text(re.sub(r"tps = \d+", f"tps = {TPS}", routes.read_text("utf-8")) + ACCOUNT, "utf-8")
        with _up(stage, folder / "up.log") as first, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            made = Office(stage, first["web"], first["code"], browser)
            _until_it_answers(made.url)
            try:
                yield made
            finally:
                made.leave()


@contextmanager
def _up(stage: Stage, log: Path) -> Iterator[dict[str, str]]:
    command = [sys.executable, "-m", "dispatcher", "up", "--json"]
    environment = {**stage.environment, "DISPATCHER_WEBHOOK_HOSTS": "127.0.0.1", "DISPATCHER_REPORTS": str(DUTIES)}
    with log.open("wb") as told:
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=told)
    try:
        assert process.stdout
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(30)
        if process.stdout:
            process.stdout.close()


def _until_it_answers(url: str) -> None:
    deadline = time.monotonic() + 120  # on a busy machine reading the program alone takes half a minute
    while True:
        try:
            if httpx.get(f"{url}/health").status_code == 200:
                return
        except httpx.TransportError:
            assert time.monotonic() < deadline, "the web process does not answer"
            time.sleep(0.1)


def roster(folder: Path, people: int) -> Path:
    """A roster as offices have them: numbers of every network, communes of Lạng Sơn, one double and two that are none."""
    path = folder / "danh-sach-ky-lua.csv"
    prefixes, communes = ("096", "091", "090", "092"), ("Phường Kỳ Lừa", "Phường Tam Thanh", "Xã Ba Sơn")
    rows = [(f"{prefixes[n % 4]}{n:07}", communes[n % 3], "người dân") for n in range(1, people + 1)]
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file, delimiter=";").writerows(
            [
                ("Số điện thoại", "Xã/Phường", "Đối tượng"),
                *rows,
                rows[0],
                ("0205 3812 345", communes[0], ""),
                ("", communes[1], ""),
            ]
        )
    return path


def subscribers(folder: Path, people: int) -> Path:
    """Subscribers of an operator, in a commune of Lạng Sơn."""
    path = folder / "thue-bao.csv"
    lines = [f"097{n:07};05977" for n in range(1, people + 1)]
    path.write_text("\n".join(["so;ma xa", *lines, ""]), "utf-8")
    return path
