"""Every code of every sheet means what the carrier's page says, told by the adapter itself over a socket."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from providers import esms_said, fpt, speedsms, viettel, vnpt
from providers.base import Accepted, Reason, Refused
from providers.errors import Misconfigured, ProviderError, Throttled, Uncertain
from providers.http import Http
from providers.reading import Meaning
from providers.registry import PROVIDERS, provider_class
from providers.zalo import codes
from tests.providers.conformance import Adapter
from tests.providers.rawserver import answers, raw_server
from tests.providers.test_conformance import (
    EsmsAdapter,
    FptAdapter,
    MobiFoneAdapter,
    OaAdapter,
    SpeedSmsAdapter,
    ViettelAdapter,
    VnptAdapter,
    ZaloAdapter,
)

PAGES = Path(__file__).parents[2] / "docs" / "providers"
ADAPTERS: dict[str, Adapter] = {
    one.name: one
    for one in (
        EsmsAdapter(),
        SpeedSmsAdapter(),
        VnptAdapter(),
        ViettelAdapter(),
        FptAdapter(),
        MobiFoneAdapter(),
        ZaloAdapter(),
        OaAdapter(),
    )
}
TABLES: dict[str, Mapping[str, Meaning]] = {
    "esms": esms_said.CODES,
    "fpt": fpt.CODES,
    "speedsms": speedsms.CODES,
    "vnpt": vnpt.CODES,
    "zalo_oa": codes.OA,
    "zalo_zbs": codes.CODES,
}
FAILURES = {"misconfigured": Misconfigured, "throttled": Throttled, "uncertain": Uncertain}


def page(name: str) -> str:
    return (PAGES / f"{name}.md").read_text("utf-8")


def written(name: str) -> list[tuple[str, str]]:
    """The page's table of codes: each code with its class."""
    section = page(name).split("\n## Codes\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| ([^|]+) \| ([a-z_]+) \|", section, re.MULTILINE)
    return [(code, kind) for codes, kind in rows if kind != "class" for code in codes.split(", ")]


CASES = [(name, code, kind) for name in ADAPTERS for code, kind in written(name)]


@pytest.mark.parametrize(("name", "code", "kind"), CASES)
async def test_a_code_means_what_its_page_says(name: str, code: str, kind: str) -> None:
    adapter = ADAPTERS[name]
    accepting = kind == "accepted"
    body = adapter.accepting(1) if accepting else adapter.refusing(code, "in the carrier's words")
    async with raw_server(answers(body), adapter.preludes) as server, Http() as http:
        provider = adapter.provider(server.origin, http)
        if kind in FAILURES:
            with pytest.raises(ProviderError) as caught:
                await provider.submit(adapter.submissions(1))
            assert type(caught.value) is FAILURES[kind]
            assert caught.value.code
            return
        (verdict,) = (await provider.submit(adapter.submissions(1))).verdicts
    if accepting:
        assert isinstance(verdict, Accepted)
        assert code.encode() in body or name == "viettel"
    else:
        assert isinstance(verdict, Refused)
        assert verdict.reason is Reason(kind)
        assert verdict.code


@pytest.mark.parametrize("name", TABLES)
def test_the_page_has_every_code_of_the_table_and_no_other(name: str) -> None:
    assert {code for code, kind in written(name) if kind != "accepted"} == set(TABLES[name])


def test_every_text_by_which_viettel_is_understood_is_on_its_page() -> None:
    """It has no codes: the first pattern that fits the words of a refusal counts."""
    texts = [code for code, _kind in written("viettel")]
    first = [
        next(place for place, (_, fits, _) in enumerate(viettel.MEANINGS) if re.search(fits, text, re.IGNORECASE))
        for text in texts
    ]
    assert set(first) == set(range(len(viettel.MEANINGS)))


@pytest.mark.parametrize("name", sorted(set(PROVIDERS) - {"smpp"}))
def test_the_page_explains_every_option(name: str) -> None:
    rows = re.findall(r"^\| (`[^|]+`) \|", page(name), re.MULTILINE)
    explained = {option for row in rows for option in re.findall(r"`([a-z0-9_]+)`", row)}
    assert set(provider_class(name).options_model.model_fields) - explained == set()
