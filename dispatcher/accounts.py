"""Who may come in: people are added, choose a password, prove a second factor, sign in, and are shut out."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from dispatcher import credentials
from dispatcher.errors import UserError
from dispatcher.keyring import Keyring
from dispatcher.store import audit, users
from dispatcher.store.database import Connection, Pool
from dispatcher.store.users import User
from dispatcher.vouching import Vouched

LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]{1,39}")
ORGANISATION = re.compile(r"[a-z0-9][a-z0-9-]{1,39}")
FIRST = "default"
ISSUER = "Dispatcher"
# So many tries are free; then each failure doubles the wait, up to the longest.
FREE_TRIES = 5
FIRST_WAIT_SECONDS = 5
LONGEST_WAIT_SECONDS = 900
# Hashing takes a processor for a while; carriers' calls are to have the rest.
HASHING = 2


class Role(StrEnum):
    """What a person is here for; somebody may have several."""

    AUTHOR = "author"
    APPROVER = "approver"
    COORDINATOR = "coordinator"
    PARTNER = "partner"
    AUDITOR = "auditor"
    OBSERVER = "observer"
    ADMINISTRATOR = "administrator"


ROLE_WORDS = {
    Role.AUTHOR: "người soạn",
    Role.APPROVER: "người duyệt",
    Role.COORDINATOR: "điều phối",
    Role.PARTNER: "đối tác viễn thông",
    Role.AUDITOR: "kiểm tra viên",
    Role.OBSERVER: "giám sát",
    Role.ADMINISTRATOR: "quản trị",
}
# Whoever runs an order approves it.
SECOND_FACTOR = frozenset({Role.APPROVER, Role.ADMINISTRATOR, Role.PARTNER})
# Who may see whole numbers; who looks after keys and what is kept for how long.
REVEALERS = frozenset({Role.AUDITOR})
KEEPERS = frozenset({Role.ADMINISTRATOR})
# Who enters an authority's request for a statement, and who lets it out.
STATEMENT_CLERKS = frozenset({Role.COORDINATOR, Role.AUDITOR})
RELEASERS = frozenset({Role.APPROVER})


class AccountError(UserError):
    """Somebody may not come in, or an account cannot be as asked."""


@dataclass(frozen=True, slots=True)
class Entered:
    """A session that has begun; `token` is the cookie. Not `whole`: a second factor is to follow."""

    token: str
    user: User
    whole: bool


def needs_second_factor(user: User) -> bool:
    """Whoever has one is asked for it; some roles must have one."""
    return user.totp_cipher is not None or not SECOND_FACTOR.isdisjoint(user.roles)


async def add(
    connection: Connection, login: str, name: str, roles: Sequence[Role], by: str, organisation: str = FIRST
) -> str:
    """Add a person; answers the one-time code with which they choose a password. Raises `AccountError`."""
    login, name = login.casefold(), " ".join(unicodedata.normalize("NFC", name).split())
    if not LOGIN.fullmatch(login):
        raise AccountError("Tên đăng nhập gồm 2-40 chữ thường không dấu, chữ số, dấu chấm, gạch; ví dụ nguyen.an.")
    if not name or not roles:
        raise AccountError("Cần ghi họ tên và ít nhất một vai trò.")
    organisation_id = await users.organisation(connection, organisation)
    if organisation_id is None:
        raise AccountError(f"Không có đơn vị {organisation}. Thêm bằng: dispatcher user organisation {organisation}")
    if not await users.add(connection, organisation_id, login, name, sorted(set(roles))):
        raise AccountError(f"Tên đăng nhập {login} đã có người dùng.")
    await users.act_for(connection, organisation_id)
    await audit.record(connection, by, "user.add", login, name=name, roles=sorted(set(roles)))
    return await _ticket(connection, await known(connection, login))


async def add_organisation(connection: Connection, slug: str, name: str, by: str) -> None:
    """Add an organisation, or name it anew. Raises `AccountError`."""
    if not ORGANISATION.fullmatch(slug) or not name.strip():
        raise AccountError(
            "Mã đơn vị gồm chữ thường không dấu, chữ số, gạch ngang (ví dụ lang-son); tên không để trống."
        )
    await users.act_for(connection, await users.add_organisation(connection, slug, name.strip()))
    await audit.record(connection, by, "organisation.add", slug, name=name.strip())


async def known(connection: Connection, login: str, organisation_id: int | None = None) -> User:
    """The person of that login, of that organisation where one is given. Raises `AccountError`."""
    user = await users.find(connection, login)
    if user is None or organisation_id not in (None, user.organisation_id):
        raise AccountError(f"Không có người dùng {login}.")
    return user


async def require(connection: Connection, by: str, roles: frozenset[Role], what: str) -> None:
    """Raise `AccountError` unless `by` is somebody who may; until anybody has an account, whoever has the keyring may."""
    if not await users.any_ready(connection):
        return
    user = await users.find(connection, by)
    if user is None or roles.isdisjoint(user.roles):
        words = ", ".join(sorted(ROLE_WORDS[role] for role in roles))
        raise AccountError(f"Chỉ {words} được {what}; {by} thì không. Ghi --by là tên đăng nhập có vai trò đó.")


async def may_reveal(connection: Connection, by: str, reason: str) -> None:
    """Raise `AccountError` unless `by` may see whole numbers and says why."""
    await require(connection, by, REVEALERS, "xem đủ số")
    if not reason.strip():
        raise AccountError("Cần ghi lý do hiện đủ số (--reason): việc này được lưu vào nhật ký thao tác.")


async def second_factors(connection: Connection) -> dict[str, int]:
    """How many second factors are encrypted with each key."""
    found: dict[str, int] = {}
    for user in await users.with_second_factor(connection):
        found[str(user.totp_key_id)] = found.get(str(user.totp_key_id), 0) + 1
    return found


async def renew_second_factors(connection: Connection, keyring: Keyring) -> int:
    """Encrypt those of other keys with the current one; answers how many."""
    renewed = 0
    for user in await users.with_second_factor(connection):
        if user.totp_cipher and user.totp_key_id in keyring.ciphers and user.totp_key_id != keyring.current:
            secret = keyring.decrypt(user.totp_cipher, _bound(user), user.totp_key_id)
            await users.move_totp(connection, user.id, keyring.encrypt(secret, _bound(user)), keyring.current)
            renewed += 1
    return renewed


async def _ticket(connection: Connection, user: User) -> str:
    code = credentials.new_code()
    await users.give_ticket(connection, user.id, credentials.code_hash(code))
    return code


async def set_up(connection: Connection, login: str, by: str) -> str:
    """The first administrator; answers a one-time code, a new one each time until it is used. Raises `AccountError`."""
    if await users.any_ready(connection):
        raise AccountError("Hệ thống đã có người dùng. Cấp lại mật khẩu bằng: dispatcher user reset TÊN-ĐĂNG-NHẬP")
    if user := await users.find(connection, login):
        return await _ticket(connection, user)
    return await add(connection, login, "Quản trị hệ thống", [Role.ADMINISTRATOR], by)


async def reset(connection: Connection, login: str, by: str, organisation_id: int | None = None) -> str:
    """Take password, second factor and sessions away; answers a one-time code for new ones. Raises `AccountError`."""
    user = await known(connection, login, organisation_id)
    await users.shut_out(connection, user.id)
    await _record(connection, user, by, "user.reset")
    return await _ticket(connection, user)


async def set_roles(
    connection: Connection, login: str, roles: Sequence[Role], by: str, organisation_id: int | None = None
) -> None:
    """Give a person these roles and no others; sessions end, so that it counts at once. Raises `AccountError`."""
    user = await known(connection, login, organisation_id)
    if not roles:
        raise AccountError("Cần ít nhất một vai trò.")
    await users.set_roles(connection, user.id, sorted(set(roles)))
    await users.end_sessions(connection, user.id)
    await _record(connection, user, by, "user.roles", before=list(user.roles), roles=sorted(set(roles)))


async def end_sessions(connection: Connection, login: str, by: str, organisation_id: int | None = None) -> int:
    """End all sessions of a person; answers how many there were. Raises `AccountError`."""
    user = await known(connection, login, organisation_id)
    ended = await users.end_sessions(connection, user.id)
    await _record(connection, user, by, "user.end_sessions", sessions=ended)
    return ended


async def end_session(connection: Connection, user: User, token_hash: bytes) -> None:
    """End one of a person's own sessions. Raises `AccountError`."""
    if not await users.end_session_of(connection, user.id, token_hash):
        raise AccountError("Phiên này đã kết thúc.")
    await _record(connection, user, user.login, "user.end_sessions", sessions=1)


async def _record(connection: Connection, user: User, by: str, act: str, **detail: object) -> None:
    await users.act_for(connection, user.organisation_id)
    await audit.record(connection, by, act, user.login, **detail)


class Doorman:
    """Lets people in, one try at a time; everything in transactions of its own, for a failure must be remembered."""

    def __init__(self, pool: Pool, keyring: Keyring) -> None:
        self._pool = pool
        self._keyring = keyring
        self._hashing = asyncio.Semaphore(HASHING)

    async def sign_in(self, login: str, password: str, agent: str) -> Entered:
        """Begin a session, not yet whole where a second factor is asked for. Raises `AccountError`."""
        login = login.strip().casefold()[:40]
        user = await self._awaited(login)
        if not await self._matches(password, user):
            await self._failed(login)
            raise AccountError("Tên đăng nhập hoặc mật khẩu không đúng.")
        if user is None:
            raise AssertionError("a password matched nobody's hash")
        return await self._enter(user, agent, whole=not needs_second_factor(user))

    async def let_in(self, vouched: Vouched, agent: str) -> Entered:
        """Begin a session for whom the identity provider vouches. The first time their login there must be one of ours;
        a second factor that a role must have is asked for all the same. Raises `AccountError`."""
        async with self._pool.connection() as connection:
            user = await users.of_subject(connection, vouched.subject)
            if user is None and await users.bind(connection, vouched.login, vouched.subject):
                user = await known(connection, vouched.login)
                await _record(connection, user, user.login, "user.bound")
        if user is None:
            raise AccountError(
                f"Tài khoản {vouched.login or 'này'} chưa được thêm ở đây, hoặc đã gắn với người khác. Xin người quản trị."
            )
        return await self._enter(user, agent, whole=not needs_second_factor(user))

    async def choose(self, login: str, code: str, password: str) -> None:
        """Trade a one-time code for a password. Raises `AccountError`."""
        login = login.strip().casefold()[:40]
        await self._awaited(login)
        if found := credentials.weakness(password, login):
            raise AccountError(found)
        async with self._hashing:
            hashed = await asyncio.to_thread(credentials.hashed, password)
        async with self._pool.connection() as connection:
            redeemed = await users.redeem(connection, login, credentials.code_hash(code), hashed)
            if redeemed:
                await users.forget_failures(connection, login)
                await _record(connection, await known(connection, login), login, "user.password")
        if not redeemed:
            await self._failed(login)
            raise AccountError("Mã một lần không đúng hoặc đã hết hạn. Xin người quản trị cấp mã mới.")

    async def change(self, user: User, old: str, new: str) -> None:
        """A new password, known the old one. Other sessions end. Raises `AccountError`."""
        fresh = await self._awaited(user.login)
        if not await self._matches(old, fresh):
            await self._failed(user.login)
            raise AccountError("Mật khẩu hiện tại không đúng.")
        if found := credentials.weakness(new, user.login):
            raise AccountError(found)
        async with self._hashing:
            hashed = await asyncio.to_thread(credentials.hashed, new)
        async with self._pool.connection() as connection:
            await users.set_password(connection, user.id, hashed)
            await users.end_sessions(connection, user.id)
            await _record(connection, user, user.login, "user.password")

    async def prove(self, user: User, code: str) -> None:
        """Check and use up a code of the second factor. Raises `AccountError`."""
        fresh = await self._awaited(user.login)
        secret = self._secret(fresh) if fresh else None
        step = credentials.totp_step(secret, code, time.time(), fresh.totp_step) if secret and fresh else None
        used = False
        if step is not None:
            async with self._pool.connection() as connection:
                used = await users.use_step(connection, user.id, step)
                await users.forget_failures(connection, user.login)
        if not used:
            await self._failed(user.login)
            raise AccountError("Mã xác thực không đúng hoặc đã dùng. Chờ mã mới trên điện thoại rồi nhập lại.")

    async def complete(self, user: User, token: str, code: str, agent: str) -> Entered:
        """The second factor, and with it a new and whole session. Raises `AccountError`."""
        await self.prove(user, code)
        return await self._renew(user, token, agent)

    async def enrol(self, user: User, secret: str, code: str, token: str, agent: str) -> Entered:
        """Begin to ask for a second factor, once a code has shown that the phone has it. Raises `AccountError`."""
        if user.totp_cipher is not None:
            raise AccountError("Tài khoản đã có xác thực hai lớp. Mất điện thoại: xin người quản trị cấp lại.")
        await self._awaited(user.login)
        step = credentials.totp_step(secret, code, time.time(), 0)
        if step is None:
            await self._failed(user.login)
            raise AccountError("Mã chưa khớp. Kiểm tra giờ trên điện thoại, chờ mã mới rồi nhập lại.")
        async with self._pool.connection() as connection:
            cipher = self._keyring.encrypt(secret, _bound(user))
            await users.set_totp(connection, user.id, cipher, self._keyring.current, step)
            await _record(connection, user, user.login, "user.second_factor")
        return await self._renew(user, token, agent)

    def _secret(self, user: User) -> str | None:
        if user.totp_cipher is None or user.totp_key_id is None:
            return None
        return self._keyring.decrypt(user.totp_cipher, _bound(user), user.totp_key_id)

    async def _renew(self, user: User, token: str, agent: str) -> Entered:
        async with self._pool.connection() as connection:
            await users.end_session(connection, credentials.token_hash(token))
        return await self._enter(user, agent, whole=True)

    async def _enter(self, user: User, agent: str, *, whole: bool) -> Entered:
        token = secrets.token_urlsafe(32)
        async with self._pool.connection() as connection:
            await users.begin_session(connection, user.id, credentials.token_hash(token), agent, whole=whole)
            await users.forget_failures(connection, user.login)
            await _record(connection, user, user.login, "user.sign_in", whole=whole)
        return Entered(token, user, whole)

    async def _matches(self, password: str, user: User | None) -> bool:
        async with self._hashing:
            return await asyncio.to_thread(credentials.matches, password, user.password_hash if user else None)

    async def _awaited(self, login: str) -> User | None:
        """The person, once the wait after their last failures is over."""
        async with self._pool.connection() as connection:
            failures, ago = await users.failures(connection, login)
            if (left := wait_seconds(failures) - ago) > 0:
                raise AccountError(f"Đã nhập sai {failures} lần. Thử lại sau {int(left) + 1} giây.")
            return await users.find(connection, login)

    async def _failed(self, login: str) -> None:
        async with self._pool.connection() as connection:
            await users.note_failure(connection, login)


def wait_seconds(failures: int) -> float:
    """How long nobody may try again after so many failures in a row."""
    if failures < FREE_TRIES:
        return 0
    return min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2.0 ** min(failures - FREE_TRIES, 20))


def _bound(user: User) -> bytes:
    return f"totp/{user.id}".encode()
