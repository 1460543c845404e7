"""Coming in and going out: password, second factor, first password, language, one's own account."""

from __future__ import annotations

import re
from urllib.parse import quote

import segno
import structlog
from starlette.responses import RedirectResponse, Response

from dispatcher import accounts, credentials
from dispatcher.accounts import AccountError
from dispatcher.store import users
from dispatcher.vouching import Issuer, VouchingError, errand, new_errand
from dispatcher.web.door import COOKIE, LANGUAGE_COOKIE, MissingError, Page, Visit, local
from dispatcher.web.rights import Action
from dispatcher.web.speech import LANGUAGES

log = structlog.get_logger()

BACK = "/sign-in/back"
ERRAND_COOKIE = "dispatcher_errand"
A_YEAR_SECONDS = 365 * 86400
SESSION = re.compile(r"[0-9a-f]{64}")
# What browsers say of themselves; the first that fits, for each calls itself by the names of older ones, too.
BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("coc_coc", "Cốc Cốc"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"),
            ("Safari/", "Safari"))  # fmt: skip
MACHINES = (("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("Mac OS", "macOS"),
            ("Linux", "Linux"))  # fmt: skip
# The secret stays with the browser until a code has proved that the phone has it too.
SECRET_COOKIE = "dispatcher_new_factor"  # noqa: S105  a cookie's name


async def ask(visit: Visit) -> Response:
    if visit.user and visit.whole:
        return RedirectResponse(local(visit.asked("next")), 303)
    return visit.show("sign_in.html", login="", next=local(visit.asked("next")), problem=None, issuer=_named(visit))


def _named(visit: Visit) -> str:
    """What the identity provider is called; nothing where there is none."""
    issuer: Issuer | None = visit.request.app.state.issuer
    return issuer.name if issuer else ""


async def sign_in(visit: Visit) -> Response:
    login, onward = visit.given("login"), local(visit.given("next"))
    try:
        entered = await visit.doorman.sign_in(login, str(visit.form.get("password", "")), visit.agent)
    except AccountError as error:
        return visit.show("sign_in.html", 401, login=login, next=onward, problem=str(error), issuer=_named(visit))
    return visit.enter(entered, onward if entered.whole else f"/second-factor?next={quote(onward)}")


def _issuer(visit: Visit) -> Issuer:
    issuer: Issuer | None = visit.request.app.state.issuer
    if issuer is None:
        raise MissingError("Hệ thống này không dùng tài khoản cơ quan để đăng nhập.")
    return issuer


def _back(visit: Visit) -> str:
    """Where the identity provider sends people back to; it must have been told so beforehand."""
    return (visit.runtime.settings.web_url or str(visit.request.base_url)).rstrip("/") + BACK


async def go_to_issuer(visit: Visit) -> Response:
    given = new_errand()
    response = RedirectResponse(await _issuer(visit).address(given, _back(visit)), 303)
    # Lax: they come back from another site.
    response.set_cookie(
        ERRAND_COOKIE, str(given), max_age=600, httponly=True, samesite="lax", secure=visit.secure, path="/sign-in"
    )
    return response


async def come_back(visit: Visit) -> Response:
    """From the identity provider, with its word."""
    try:
        given = errand(visit.request.cookies.get(ERRAND_COOKIE, ""))
        vouched = await _issuer(visit).vouched(visit.asked("code"), visit.asked("state"), given, _back(visit))
        entered = await visit.doorman.let_in(vouched, visit.agent)
    except (AccountError, VouchingError) as error:
        log.warning("sign_in.not_vouched", error=str(error), cause=str(error.__cause__ or ""))
        response = visit.show("sign_in.html", 401, login="", next="/", problem=str(error), issuer=_issuer(visit).name)
    else:
        response = visit.enter(entered, "/" if entered.whole else "/second-factor")
    response.delete_cookie(ERRAND_COOKIE, path="/sign-in")
    return response


async def ask_factor(visit: Visit) -> Response:
    onward = local(visit.asked("next"))
    if visit.person.totp_cipher is None:
        return _enrolment(visit, visit.request.cookies.get(SECRET_COOKIE) or credentials.new_totp_secret(), onward)
    return visit.show("second_factor.html", next=onward, problem=None)


async def give_factor(visit: Visit) -> Response:
    onward, code = local(visit.given("next")), visit.given("code")
    secret = visit.request.cookies.get(SECRET_COOKIE, "")
    new = visit.person.totp_cipher is None
    try:
        if new:
            entered = await visit.doorman.enrol(visit.person, _checked(secret), code, visit.token, visit.agent)
        else:
            entered = await visit.doorman.complete(visit.person, visit.token, code, visit.agent)
    except AccountError as error:
        if new:
            return _enrolment(visit, secret or credentials.new_totp_secret(), onward, str(error), 401)
        return visit.show("second_factor.html", 401, next=onward, problem=str(error))
    response = visit.enter(entered, onward)
    response.delete_cookie(SECRET_COOKIE)
    return response


def _checked(secret: str) -> str:
    if len(secret) != len(credentials.new_totp_secret()) or not set(secret) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"):
        raise AccountError("Khóa đã hết hạn. Quét lại hình mới rồi nhập mã.")
    return secret


def _enrolment(visit: Visit, secret: str, onward: str, problem: str | None = None, status: int = 200) -> Response:
    address = credentials.totp_address(secret, visit.person.login, accounts.ISSUER)
    picture = segno.make(address, error="m").svg_inline(scale=5, border=3, svgclass="qr", lineclass=None, omitsize=True)
    grouped = " ".join(secret[i : i + 4] for i in range(0, len(secret), 4))
    response = visit.show(
        "new_factor.html", status, picture=picture, secret=grouped, address=address, next=onward, problem=problem
    )
    response.set_cookie(SECRET_COOKIE, secret, max_age=900, httponly=True, samesite="strict", secure=visit.secure)
    return response


async def welcome(visit: Visit) -> Response:
    return visit.show("welcome.html", login=visit.asked("login"), code="", problem=None)


async def choose(visit: Visit) -> Response:
    login = visit.given("login")
    first, second = str(visit.form.get("password", "")), str(visit.form.get("again", ""))
    try:
        if first != second:
            raise AccountError("Hai lần nhập mật khẩu không giống nhau.")
        await visit.doorman.choose(login, visit.given("code"), first)
        entered = await visit.doorman.sign_in(login, first, visit.agent)
    except AccountError as error:
        return visit.show("welcome.html", 401, login=login, code=visit.given("code"), problem=str(error))
    return visit.enter(entered, "/" if entered.whole else "/second-factor")


async def sign_out(visit: Visit) -> Response:
    async with visit.desk() as connection:
        await users.end_session(connection, credentials.token_hash(visit.token))
    response = RedirectResponse("/sign-in", 303)
    response.delete_cookie(COOKIE)
    response.headers["clear-site-data"] = '"cache"'
    return response


async def account(visit: Visit) -> Response:
    return await _account(visit)


async def _account(visit: Visit, problem: str | None = None) -> Response:
    async with visit.desk() as connection:
        open_ones = await users.sessions(connection, visit.person.id)
    return visit.show(
        "account.html", 401 if problem else 200, problem=problem, sessions=open_ones, device=device,
        own=credentials.token_hash(visit.token),
    )  # fmt: skip


def device(agent: str) -> str:
    """A browser and its machine as people know them; nothing for what is neither."""
    found = [next((words for mark, words in marks if mark in agent), "") for marks in (BROWSERS, MACHINES)]
    return ", ".join(part for part in found if part)


async def change_password(visit: Visit) -> Response:
    first, second = str(visit.form.get("password", "")), str(visit.form.get("again", ""))
    try:
        if first != second:
            raise AccountError("Hai lần nhập mật khẩu không giống nhau.")
        await visit.doorman.change(visit.person, str(visit.form.get("old", "")), first)
    except AccountError as error:
        return await _account(visit, str(error))
    return visit.go("/sign-in", visit.speech.word("Đã đổi mật khẩu. Mời đăng nhập lại."))


async def end_own_sessions(visit: Visit) -> Response:
    async with visit.desk() as connection:
        await accounts.end_sessions(connection, visit.by, visit.by)
    return visit.go("/sign-in")


async def end_own_session(visit: Visit) -> Response:
    """One of somebody's own sessions; the one that asks is ended by signing out."""
    given = visit.given("session")
    token_hash = bytes.fromhex(given) if SESSION.fullmatch(given) else b""
    async with visit.desk() as connection:
        await accounts.end_session(connection, visit.person, token_hash)
    return visit.go("/account", visit.speech.word("Đã kết thúc phiên đó."))


async def speak(visit: Visit) -> Response:
    chosen = visit.path("language")
    response = RedirectResponse(local(visit.asked("back")), 303)
    if chosen in LANGUAGES:
        response.set_cookie(LANGUAGE_COOKIE, chosen, max_age=A_YEAR_SECONDS, samesite="lax", httponly=True)
    return response


PAGES = (
    Page("/sign-in", Action.OUTSIDE, ask),
    Page("/sign-in", Action.OUTSIDE, sign_in, "POST"),
    Page("/sign-in/elsewhere", Action.OUTSIDE, go_to_issuer),
    Page(BACK, Action.OUTSIDE, come_back),
    Page("/second-factor", Action.HALFWAY, ask_factor),
    Page("/second-factor", Action.HALFWAY, give_factor, "POST"),
    Page("/welcome", Action.OUTSIDE, welcome),
    Page("/welcome", Action.OUTSIDE, choose, "POST"),
    Page("/sign-out", Action.INSIDE, sign_out, "POST"),
    Page("/account", Action.INSIDE, account),
    Page("/account/password", Action.INSIDE, change_password, "POST"),
    Page("/account/sessions", Action.INSIDE, end_own_sessions, "POST"),
    Page("/account/session", Action.INSIDE, end_own_session, "POST"),
    Page("/language/{language}", Action.OUTSIDE, speak),
)
