"""Articles over the wire: what goes out byte by byte, as the sheet has it, and what each answer means."""

from __future__ import annotations

import json
from typing import Any

import pytest

from providers.base import Accepted, Reason, Refused, Submitted
from providers.errors import Misconfigured, ProviderError, Throttled, Uncertain
from providers.http import Http
from providers.zalo.articles import Article, Articles, Target
from providers.zalo.codes import OA
from providers.zalo.oa import Oa, OaOptions
from tests.providers.rawserver import CUTS, RawServer, answers, closed_port, enough, raw_server
from tests.providers.test_conformance import OneToken

ARTICLE = Article("Nói không với ma túy", "Công an tỉnh", "Mô tả", "https://example.gov.vn/bia.jpg", ("Một", "Hai"))
TOKEN = "fvXiHxFn+7lOd2E1LxOxh3cs2cu0KqwwKCQhbSE06b4XwSqinw7F8uwrSPt4fWAkwnloDVzM07tk0KiqvLudSA=="


def articles(origin: str, http: Http, **options: object) -> Articles:
    told = {"app_id": "1", "oa_id": "2", "app_secret": "the-secret", "oa_secret": "the-other-secret", **options}
    account = Oa("Công an tỉnh", OaOptions.model_validate({**told, "base_url": origin}), http)
    account.tokens = OneToken()
    return Articles(account)


def told(server: RawServer) -> tuple[str, Any]:
    head, _, body = server.requests[-1].decode().partition("\r\n\r\n")
    return head.partition("\r\n")[0], json.loads(body) if body else None


async def test_an_article_goes_out_as_the_sheet_has_it() -> None:
    answer = {"error": 0, "message": "Success", "data": {"token": TOKEN}}
    async with raw_server(answers(json.dumps(answer).encode())) as server, Http() as http:
        submitted = await articles(server.origin, http, article_comment="show").create(ARTICLE)
    assert submitted.verdicts == (Accepted(TOKEN),)
    assert told(server) == (
        "POST /v2.0/article/create HTTP/1.1",
        {
            "type": "normal",
            "title": "Nói không với ma túy",
            "author": "Công an tỉnh",
            "cover": {"cover_type": "photo", "photo_url": "https://example.gov.vn/bia.jpg", "status": "show"},
            "description": "Mô tả",
            "body": [{"type": "text", "content": "Một"}, {"type": "text", "content": "Hai"}],
            "status": "show",
            "comment": "show",
        },
    )


async def test_an_article_is_asked_for_by_its_token() -> None:
    async with raw_server(answers(b'{"error":0,"data":{"id":"8a1c33e6ff"}}')) as server, Http() as http:
        submitted = await articles(server.origin, http).made(TOKEN)
    assert submitted.verdicts == (Accepted("8a1c33e6ff"),)
    assert told(server) == ("POST /v2.0/article/verify HTTP/1.1", {"token": TOKEN})


@pytest.mark.parametrize(
    ("target", "wire"),
    [
        (Target(), {"gender": "0"}),
        (
            Target(("18-24", "25-34"), "female", ("north", "south"), (), ("ios", "android")),
            {"ages": "2,3", "gender": "2", "locations": "0,2", "platform": "1,2"},
        ),
        (Target(cities=("20", "19")), {"cities": "20,19"}),
    ],
)
async def test_an_article_is_sent_to_the_followers_that_were_chosen(target: Target, wire: dict[str, str]) -> None:
    async with raw_server(answers(b'{"error":0,"data":{"message_id":"m1"}}')) as server, Http() as http:
        submitted = await articles(server.origin, http).send("8a1c33e6ff", target)
    assert submitted.verdicts == (Accepted("m1"),)
    element = {"media_type": "article", "attachment_id": "8a1c33e6ff"}
    payload = {"template_type": "media", "elements": [element]}
    assert told(server) == (
        "POST /v2.0/oa/message HTTP/1.1",
        {"recipient": {"target": wire}, "message": {"attachment": {"type": "template", "payload": payload}}},
    )


async def test_a_sending_that_was_taken_without_an_id_was_taken() -> None:
    async with raw_server(answers(b'{"error":0,"message":"Success"}')) as server, Http() as http:
        assert (await articles(server.origin, http).send("a", Target())).verdicts == (Accepted(None),)


async def test_an_article_that_was_taken_without_a_token_is_in_doubt() -> None:
    async with raw_server(answers(b'{"error":0,"message":"Success"}')) as server, Http() as http:
        with pytest.raises(Uncertain, match="without token"):
            await articles(server.origin, http).create(ARTICLE)


@pytest.mark.parametrize("cut", CUTS)
async def test_a_cut_line_leaves_a_doubt_and_is_not_tried_again(cut: str) -> None:
    async with raw_server(CUTS[cut]) as server, Http(timeouts=enough(CUTS[cut])) as http:
        with pytest.raises(Uncertain):
            await articles(server.origin, http).send("a", Target())
    assert len(server.requests) == 1


async def test_a_refused_connection_proves_that_nothing_was_sent() -> None:
    async with Http() as http:
        with pytest.raises(ProviderError) as caught:
            await articles(closed_port(), http).send("a", Target())
    assert type(caught.value).__name__ == "Unavailable"


@pytest.mark.parametrize("code", OA)
async def test_each_code_of_the_account_means_the_same_here(code: str) -> None:
    kind = OA[code].kind
    body = json.dumps({"error": int(code), "message": "no"}).encode()
    async with raw_server(answers(body)) as server, Http() as http:
        if isinstance(kind, Reason):
            assert (await articles(server.origin, http).send("a", Target())).verdicts == (Refused(kind, code, "no"),)
            return
        with pytest.raises(ProviderError) as caught:
            await articles(server.origin, http).send("a", Target())
    assert (type(caught.value), caught.value.code) == (kind, code)


async def test_an_article_that_zalo_still_works_on_is_asked_for_later() -> None:
    async with raw_server(answers(b'{"error":-214,"message":"processing"}')) as server, Http() as http:
        with pytest.raises(Throttled):
            await articles(server.origin, http).made(TOKEN)


@pytest.mark.parametrize(
    ("package", "monthly"), [("Basic", 1), ("Nâng cao", 4), ("PREMIUM", 6), ("Something new", None), (None, None)]
)
async def test_the_package_tells_how_many_a_month(package: str | None, monthly: int | None) -> None:
    data = {"name": "Công an tỉnh", "num_follower": 12345, "is_verified": True, "package_name": package}
    async with raw_server(answers(json.dumps({"error": 0, "data": data}).encode())) as server, Http() as http:
        standing = await articles(server.origin, http).standing()
        set_here = await articles(server.origin, http, broadcasts_a_month=2).standing()
    assert (standing.followers, standing.verified, standing.monthly) == (12345, True, monthly)
    assert set_here.monthly == 2


async def test_an_account_that_cannot_be_asked_for_needs_a_person() -> None:
    async with raw_server(answers(b'{"error":-999,"message":"?"}')) as server, Http() as http:
        with pytest.raises(Misconfigured, match="Zalo, ask for the account"):
            await articles(server.origin, http).standing()


async def test_what_is_kept_of_a_call_has_no_secret() -> None:
    async with raw_server(answers(b'{"error":0,"data":{"token":"t1"}}')) as server, Http() as http:
        submitted: Submitted = await articles(server.origin, http).create(ARTICLE)
    assert submitted.exchange is not None
    kept = submitted.exchange.request + submitted.exchange.response
    assert "secret" not in kept
    assert "access-token" not in kept
    assert '"body":"6 characters"' in kept.replace(" ", "").replace("6characters", "6 characters")
