"""Coming in: one-time codes, passwords, the second factor, delays, sessions that end."""

from __future__ import annotations

import re
import time

import httpx
import pytest
from starlette.applications import Starlette

from dispatcher import accounts, credentials
from dispatcher.accounts import FREE_TRIES, LONGEST_WAIT_SECONDS, Role, wait_seconds
from dispatcher.store import users
from dispatcher.web.door import local
from tests.dispatcher.hall import Hall
from tests.dispatcher.web.people import browser, said, signed_in

PASSWORD = "sông Kỳ Cùng mùa nước nổi"


async def code_of(app: Starlette, login: str, *roles: Role) -> str:
    async with app.state.pages.connection() as connection:
        return await accounts.add(connection, login, "Somebody", roles, "a test")


async def choose(web: httpx.AsyncClient, login: str, code: str, password: str = PASSWORD) -> httpx.Response:
    fields = {"login": login, "code": code, "password": password, "again": password}
    return await web.post("/welcome", data=fields)


async def sign_in(web: httpx.AsyncClient, login: str, password: str = PASSWORD) -> httpx.Response:
    return await web.post("/sign-in", data={"login": login, "password": password})


def token(web: httpx.AsyncClient) -> str:
    return credentials.form_token(web.cookies["dispatcher_session"])


async def test_a_one_time_code_becomes_a_password_once(app: Starlette) -> None:
    code = await code_of(app, "an", Role.AUTHOR)
    async with browser(app) as web:
        assert (await choose(web, "an", "ABCD-EFGH-JKMN")).status_code == 401
        short = await choose(web, "an", code, "ngắn")
        assert "ít nhất 12 ký tự" in short.text
        assert (await choose(web, "an", code.lower().replace("-", " "))).headers["location"] == "/"
        assert (await web.get("/account")).status_code == 200
    async with browser(app) as web:
        assert (await choose(web, "an", code)).status_code == 401
        assert (await sign_in(web, "AN ")).headers["location"] == "/"


async def test_an_administrator_must_show_a_phone_before_anything_else(app: Starlette) -> None:
    code = await code_of(app, "chi", Role.ADMINISTRATOR)
    async with browser(app) as web:
        assert (await choose(web, "chi", code)).headers["location"] == "/second-factor"
        page = await web.get("/second-factor")
        assert "<svg" in page.text
        secret = re.sub(r"\s", "", re.search(r'id="secret">([^<]+)<', page.text)[1])  # type: ignore[index]
        wrong = await web.post("/second-factor", data={"form_token": token(web), "code": "000000"})
        assert wrong.status_code == 401
        step = int(time.time() // 30)
        before = web.cookies["dispatcher_session"]
        given = {"form_token": token(web), "code": credentials.totp(secret, step)}
        assert (await web.post("/second-factor", data=given)).headers["location"] == "/"
        assert web.cookies["dispatcher_session"] != before
        assert (await web.get("/users")).status_code == 200
    async with browser(app) as web:
        assert (await sign_in(web, "chi")).headers["location"].startswith("/second-factor")
        again = {"form_token": token(web), "code": credentials.totp(secret, step)}
        assert (await web.post("/second-factor", data=again)).status_code == 401, "a code counts once"
        later = {"form_token": token(web), "code": credentials.totp(secret, step + 1)}
        assert (await web.post("/second-factor", data=later)).status_code == 303


async def test_failures_are_answered_later_and_later_whoever_it_is(app: Starlette, hall: Hall) -> None:
    await code_of(app, "an", Role.AUTHOR)
    async with browser(app) as web:
        for login in ("an", "nobody"):
            for _ in range(FREE_TRIES):
                assert "không đúng" in (await sign_in(web, login, "wrong")).text
            assert "Thử lại sau 5 giây" in (await sign_in(web, login, "wrong")).text
            await hall.sql("UPDATE failed_sign_ins SET last_at = last_at - interval '6 seconds'")
            assert "không đúng" in (await sign_in(web, login, "wrong")).text
            assert "Thử lại sau 10 giây" in (await sign_in(web, login, "wrong")).text


def test_the_wait_doubles_up_to_a_quarter_of_an_hour() -> None:
    waits = [wait_seconds(n) for n in range(FREE_TRIES - 1, FREE_TRIES + 4)]
    assert waits == [0, 5, 10, 20, 40]
    assert wait_seconds(10_000) == LONGEST_WAIT_SECONDS


async def test_a_session_ends_when_it_is_told_to_or_left_alone(app: Starlette, hall: Hall) -> None:
    person = await signed_in(app, "an", Role.AUTHOR)
    assert (await person.get("/account")).status_code == 200
    await hall.sql("UPDATE sessions SET seen_at = seen_at - interval '61 minutes'")
    assert (await person.get("/account")).status_code == 303
    other = await signed_in(app, "ba", Role.AUTHOR)
    await hall.sql("UPDATE sessions SET began_at = began_at - interval '13 hours'")
    assert (await other.get("/account")).status_code == 303
    third = await signed_in(app, "tu", Role.AUTHOR)
    await third.post("/sign-out")
    assert (await third.get("/account")).status_code == 303


async def test_an_administrator_adds_resets_and_shuts_out_people(app: Starlette, hall: Hall) -> None:
    chief = await signed_in(app, "chi", Role.ADMINISTRATOR)
    made = await chief.post("/users", login="Le.Binh", name="Lê Bình", roles=["author", "coordinator"])
    code = re.search(r'id="code">([^<]+)<', made.text)
    assert code
    async with browser(app) as web:
        assert (await choose(web, "le.binh", code[1])).headers["location"] == "/"
        assert (await chief.post("/users/le.binh/end-sessions")).status_code == 303
        assert (await web.get("/account")).status_code == 303
        await chief.post("/users/le.binh/reset")
        assert (await sign_in(web, "le.binh")).status_code == 401
    acts = await hall.sql("SELECT act FROM audit_trail WHERE subject = 'le.binh' ORDER BY id")
    assert [row.act for row in acts] == [
        "user.add", "user.password", "user.sign_in", "user.end_sessions", "user.reset",
    ]  # fmt: skip
    assert "cần ít nhất một vai trò" in said(await chief.post("/users/le.binh/roles")).lower()


async def test_a_password_is_never_kept_and_secrets_are_not_readable_in_the_database(
    app: Starlette, hall: Hall
) -> None:
    code = await code_of(app, "an", Role.AUTHOR)
    async with browser(app) as web:
        await choose(web, "an", code)
        cookie = web.cookies["dispatcher_session"]
    stored = "".join([str(await hall.sql(f"SELECT * FROM {name}")) for name in ("users", "sessions", "audit_trail")])
    assert "argon2id" in stored
    assert all(secret not in stored for secret in (PASSWORD, code, cookie))


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("/campaigns", "/campaigns"), ("//evil.example", "/"), ("https://evil.example", "/"), ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"), ("", "/"), ("/a\r\nSet-Cookie: x=1", "/"),
    ],
)  # fmt: skip
def test_after_signing_in_nobody_is_led_off_the_site(address: str, kept: str) -> None:
    assert local(address) == kept


def test_codes_are_those_of_rfc_6238() -> None:
    """Appendix B, SHA-1, the last six digits."""
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    known = {59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 20000000000: "353130"}
    assert {at: credentials.totp(secret, at // 30) for at in known} == known
    assert credentials.totp_step(secret, "287 082", 59, 0) == 1
    assert credentials.totp_step(secret, "287082", 59, 1) is None
    assert credentials.totp_step(secret, "287082", 59 + 90, 0) is None
    assert credentials.totp_step(secret, "", 59, 0) is None


async def test_the_page_speaks_english_when_asked(app: Starlette) -> None:
    async with browser(app) as web:
        assert 'lang="vi"' in (await web.get("/sign-in")).text
        await web.get("/language/en?back=/sign-in")
        assert "Sign in" in (await web.get("/sign-in")).text
        await web.get("/language/xx")
        assert 'lang="en"' in (await web.get("/sign-in")).text


async def test_somebody_sees_where_they_are_signed_in_and_ends_one_of_the_sessions(app: Starlette) -> None:
    here = await signed_in(app, "le.binh", Role.AUTHOR)
    there = credentials.token_hash("another machine's cookie")
    async with app.state.pages.connection() as connection:
        found = await users.find(connection, "le.binh")
        assert found
        await users.begin_session(
            connection, found.id, there, "Mozilla/5.0 (Windows NT 10.0) Firefox/145.0", whole=True
        )
    page = said(await here.get("/account"))
    assert "Firefox, Windows" in page
    assert "thiết bị không rõ phiên này" in page
    assert (await here.post("/account/session", session=there.hex())).status_code == 303
    assert "Firefox, Windows" not in said(await here.get("/account"))
    assert (await here.get("/account")).status_code == 200


async def test_nobody_ends_a_session_of_somebody_else(app: Starlette) -> None:
    other = await signed_in(app, "tran.chi", Role.AUTHOR)
    here = await signed_in(app, "le.binh", Role.AUTHOR)
    for given in (credentials.token_hash(other.token).hex(), "", "zz"):
        assert (await here.post("/account/session", session=given)).status_code == 409
    assert (await other.get("/account")).status_code == 200
