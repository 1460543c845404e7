"""docs/adding-a-provider.md, followed to the letter: its files are written out, held to the promises, and used."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from dispatcher.keyring import open_keyring
from dispatcher.runtime import open_route
from dispatcher.settings import parse_routes
from providers.base import Accepted, Callback, Outcome
from tests.providers.conformance import submissions
from tests.providers.rawserver import answers, raw_server

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "adding-a-provider.md"
TAKEN = b'{"status":"taken","id":"tc-1","money":"120000"}'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The page's files, and what installing the package would leave beside them."""
    files = re.findall(r"^```(?:python|toml)\n# (\S+)\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    for name, text in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    package = tmp_path / "tincay"
    project = tomllib.loads((package / "pyproject.toml").read_text("utf-8"))["project"]
    installed = package / f"{project['name']}-{project['version']}.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    points = project["entry-points"]["dispatcher.providers"]
    lines = [f"{name} = {place}" for name, place in points.items()]
    (installed / "entry_points.txt").write_text("[dispatcher.providers]\n" + "\n".join(lines))
    return tmp_path


def test_the_adapter_of_the_page_keeps_every_promise(folder: Path) -> None:
    words = ["-q", "-p", "no:cacheprovider", "-c", "pyproject.toml", str(folder / "tincay" / "test_tincay.py")]
    environment = {**os.environ, "PYTHONPATH": f"{folder / 'tincay'}:{ROOT}"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed
    assert int(passed[1]) > 30


async def test_a_route_over_it_sends_a_message_and_reads_its_receipt(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(folder / "tincay")
    keyring = open_keyring(folder / "keyring.json", create=True)
    async with raw_server(answers(TAKEN)) as carrier:
        text = (folder / "routes.toml").read_text("utf-8") + f'base_url = "{carrier.origin}"\n'
        (config,) = parse_routes(text, "routes.toml", {"TINCAY_TOKEN": "t1n-cay-t0ken"})
        async with open_route(config, keyring) as route:
            (verdict,) = (await route.provider.submit(submissions(1))).verdicts
            health = await route.provider.check()
    assert verdict == Accepted("tc-1")
    assert (health.ok, health.balance) == (True, 120_000)
    told = b'{"id":"' + b"0" * 32 + b'","ref":"tc-1","state":"lost"}'
    (receipt,) = route.provider.read_callback(Callback("POST", {}, {}, told))
    assert receipt.outcome is Outcome.UNDELIVERED
