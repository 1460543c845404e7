"""The administrator's room: people of the organisation."""

from __future__ import annotations

from starlette.responses import Response

from dispatcher import accounts
from dispatcher.accounts import AccountError, Role
from dispatcher.store import users
from dispatcher.store.database import Connection
from dispatcher.web.door import MissingError, Page, Visit
from dispatcher.web.rights import Action


async def listing(visit: Visit) -> Response:
    return await _list(visit)


async def _list(visit: Visit, status: int = 200, **given: object) -> Response:
    async with visit.desk() as connection:
        people = await users.listing(connection)
    values = {"problem": None, "login": "", "name": "", "chosen": [], "code": None, **given}
    return visit.show("users.html", status, people=people, **values)


def _roles(visit: Visit) -> list[Role]:
    return [Role(role) for role in visit.form.getlist("roles") if role in set(Role)]


async def add(visit: Visit) -> Response:
    login, name, roles = visit.given("login"), visit.given("name"), _roles(visit)
    try:
        async with visit.desk() as connection:
            code = await accounts.add(connection, login, name, roles, visit.by, visit.person.organisation)
    except AccountError as error:
        return await _list(visit, 409, problem=str(error), login=login, name=name, chosen=roles)
    return await _list(visit, code=(login.casefold(), code))


async def roles(visit: Visit) -> Response:
    async with visit.desk() as connection:
        login = await _own(connection, visit)
        await accounts.set_roles(connection, login, _roles(visit), visit.by)
    return visit.go(
        "/users", visit.speech.word("Đã đổi vai trò của {login}; người này phải đăng nhập lại.", login=login)
    )


async def reset(visit: Visit) -> Response:
    async with visit.desk() as connection:
        login = await _own(connection, visit)
        code = await accounts.reset(connection, login, visit.by)
    return await _list(visit, code=(login, code))


async def end_sessions(visit: Visit) -> Response:
    async with visit.desk() as connection:
        login = await _own(connection, visit)
        ended = await accounts.end_sessions(connection, login, visit.by)
    return visit.go("/users", visit.speech.word("Đã kết thúc {ended} phiên của {login}.", ended=ended, login=login))


async def _own(connection: Connection, visit: Visit) -> str:
    """The person that the address names, of this organisation."""
    try:
        return (await accounts.known(connection, visit.path("login"), visit.person.organisation_id)).login
    except AccountError as error:
        raise MissingError(str(error)) from None


PAGES = (
    Page("/users", Action.MANAGE_USERS, listing),
    Page("/users", Action.MANAGE_USERS, add, "POST"),
    Page("/users/{login}/roles", Action.MANAGE_USERS, roles, "POST"),
    Page("/users/{login}/reset", Action.MANAGE_USERS, reset, "POST"),
    Page("/users/{login}/end-sessions", Action.MANAGE_USERS, end_sessions, "POST"),
)
