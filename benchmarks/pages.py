"""How long each page takes on the server, and how much it weighs, over a log of a million messages and 200 campaigns.

Run with `python -m benchmarks.pages [--messages N] [--rounds N] [--folder DIR]`. The application is asked in this process, over
its real database; our own processor time is told beside the elapsed time, because that is what other work on the machine
leaves alone. A page's weight is everything that a first visit loads, uncompressed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import secrets
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
from starlette.applications import Starlette

from benchmarks.search import log_of
from campaigns import definition
from campaigns.campaign import Campaign
from dispatcher import credentials
from dispatcher.accounts import Role
from dispatcher.embedded import Embedded
from dispatcher.runtime import Addresses
from dispatcher.settings import fixed
from dispatcher.store import users
from dispatcher.web.app import new_app, warm
from dispatcher.web.door import COOKIE

HOST = "http://dispatcher"
# Nothing is sent over it.
ROUTE = """
[[route]]
name = "main"
provider = "esms"
networks = ["*"]
sender = "CA LANGSON"
tps = 50
[route.options]
base_url = "http://127.0.0.1:9/"
api_key = "key"
secret_key = "secret"
"""
CAMPAIGNS = 200
BIG = "campaign-1-2026"
NUMBER = "0910000007"
# The bounds that pages are to keep to.
SLOWEST_SECONDS, HEAVIEST_BYTES = 0.150, 150_000
PAGES = (
    "/", "/campaigns", "/calendar?year=2026", "/audiences", "/audiences/everybody", "/bench", "/new", f"/campaigns/{BIG}",
    f"/campaigns/{BIG}/live", f"/campaigns/{BIG}/breakdown", f"/campaigns/{BIG}/doubts", "/inbox", "/suppressions", "/log",
    "POST /log", "POST /log number", "POST /log status", "POST /log place", "POST /log days", "/log/{message}", "/trail",
    "/exports", "/seals", "/statements", "/reports", "/complaints", "/orders", "/users", "/tokens", "/webhooks", "/account",
)  # fmt: skip
FIELDS: dict[str, dict[str, str]] = {
    "POST /log": {},
    "POST /log number": {"number": NUMBER},
    "POST /log status": {"campaign": BIG, "status": "failed"},
    "POST /log place": {"place": "Lạng Sơn", "route": "main"},
    "POST /log days": {"since": "2026-01-05", "until": "2026-01-06", "approver": "approver"},
}
OTHERS = """
INSERT INTO campaigns (organisation_id, edition, slug, year, title, definition, content_hash, status, author, approved_by,
                       approved_at, approved_hash)
SELECT 1, 'june_' || i || '-2026', 'june_' || i, 2026, 'Campaign ' || i,
       jsonb_set(%(definition)s::jsonb, '{slug}', to_jsonb('june_' || i)), '',
       (ARRAY['draft', 'approved', 'running', 'finished'])[1 + i %% 4]::campaign_status, 'author', 'approver', now(), ''
FROM generate_series(2, %(campaigns)s) AS i
"""
# What the log's own campaigns say; what they are called stays.
DEFINED = (
    "UPDATE campaigns SET definition = jsonb_set(%s::jsonb, '{slug}', to_jsonb(slug)) WHERE edition LIKE 'campaign-%%'"
)
OTHER_WAVES = """
INSERT INTO waves (uid, campaign_id, slug, title, opens_at, closes_at, window_from, window_to, status)
SELECT gen_random_uuid(), c.id, 'wave-1', 'Wave', timestamptz '2026-01-05 01:00Z' + interval '1 day' * c.id,
       timestamptz '2026-01-05 13:00Z' + interval '1 day' * c.id, '08:00', '20:00', 'done'
FROM campaigns c WHERE NOT EXISTS (SELECT FROM waves w WHERE w.campaign_id = c.id)
"""


@dataclass(frozen=True)
class Measured:
    """One page: 95 of a hundred visits took at most so long, and so much of our own processor; what it weighs."""

    page: str
    status: int
    seconds: float
    cpu_seconds: float
    weight: int


def _definition() -> Campaign:
    """The June campaign with the waves that the log has."""
    june = definition.load(definition.library_path("drug_prevention_june"), year=2026)
    waves = tuple(june.waves[0].model_copy(update={"slug": f"wave-{i}"}) for i in range(1, 5))
    return june.model_copy(update={"waves": waves, "audience": "everybody"})


def _others(url: str) -> None:
    campaign = _definition()
    with psycopg.connect(url, autocommit=True) as connection:
        there = connection.execute("SELECT count(*) FROM campaigns").fetchone()
        written = json.dumps(campaign.model_dump(mode="json"))
        connection.execute(DEFINED, [written])
        if there and there[0] < CAMPAIGNS:
            connection.execute(OTHERS, {"definition": written, "campaigns": CAMPAIGNS})
        connection.execute(OTHER_WAVES)
        connection.execute("ANALYZE")


async def _browser(app: Starlette) -> httpx.AsyncClient:
    """Signed in as somebody who may see every page."""
    token = secrets.token_urlsafe(16)
    async with app.state.pages.connection() as connection:
        organisation = await users.organisation(connection, "default")
        assert organisation
        login = f"everything-{token[:6].lower()}"
        await users.add(connection, organisation, login, "Everything", list(Role))
        found = await users.find(connection, login)
        assert found
        await users.begin_session(connection, found.id, credentials.token_hash(token), "benchmark", whole=True)
    web = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=HOST, headers={"origin": HOST})
    web.cookies.set(COOKIE, token)
    web.headers["x-form-token"] = credentials.form_token(token)
    return web


async def _visit(web: httpx.AsyncClient, page: str, message: str) -> httpx.Response:
    if page in FIELDS:
        return await web.post(page.split()[1], data=FIELDS[page])
    return await web.get(page.replace("{message}", message))


async def _weight(web: httpx.AsyncClient, answer: httpx.Response) -> int:
    loaded = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', answer.text))
    return len(answer.content) + sum([len((await web.get(address)).content) for address in loaded])


async def _measured(web: httpx.AsyncClient, page: str, message: str, rounds: int) -> Measured:
    answer = await _visit(web, page, message)
    seconds, cpu = [], []
    for _ in range(rounds):
        began, began_cpu = time.perf_counter(), time.process_time()
        answer = await _visit(web, page, message)
        seconds.append(time.perf_counter() - began)
        cpu.append(time.process_time() - began_cpu)
    weight = await _weight(web, answer)
    return Measured(page, answer.status_code, _p95(seconds), _p95(cpu), weight)


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20, method="inclusive")[-1]


async def measure(url: str, folder: Path, rounds: int) -> list[Measured]:
    routes = folder / "routes.toml"
    routes.write_text(ROUTE)
    with Embedded(folder / "queue") as servers:
        settings = fixed(folder=folder, routes=routes, keyring=folder / "keyring.json")
        app = new_app(settings, Addresses(url, servers.redis_url))
        warm()
        async with app.router.lifespan_context(app), await _browser(app) as web:
            async with app.state.pages.connection() as connection:
                row = await (await connection.execute("SELECT id FROM stored_messages LIMIT 1")).fetchone()
            return [await _measured(web, page, row.id.hex, rounds) for page in PAGES]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pages", description=__doc__)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--folder", type=Path)
    asked = parser.parse_args()
    with log_of(asked.messages, asked.folder) as (folder, url):
        _others(url)
        found = asyncio.run(measure(url, folder, asked.rounds))
    print(f"{'page':36} {'status':>6} {'p95 ms':>8} {'own ms':>8} {'kB':>6}")
    for m in found:
        over = " *" if m.seconds > SLOWEST_SECONDS or m.weight > HEAVIEST_BYTES else ""
        print(f"{m.page:36} {m.status:6} {m.seconds * 1e3:8.1f} {m.cpu_seconds * 1e3:8.1f} {m.weight / 1e3:6.0f}{over}")


if __name__ == "__main__":
    main()
