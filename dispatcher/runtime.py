"""Everything that does work needs, built once per process and passed in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from pydantic import ValidationError
from redis.asyncio import Redis

from dispatcher.breaker import Breaker
from dispatcher.broker import LINE, Queue, new_broker
from dispatcher.errors import UserError
from dispatcher.gate import Gate
from dispatcher.guard import Guard
from dispatcher.keyring import Keyring, open_keyring
from dispatcher.pacing import Pacer
from dispatcher.provider_tokens import Keeper
from dispatcher.routing import SMS, after_refusal, leaves_this_machine, onward
from dispatcher.settings import RouteConfig, RoutesError, Settings, explain, load_routes
from dispatcher.store import caps, installation
from dispatcher.store.caps import Spent
from dispatcher.store.database import Pool, new_pool
from providers.base import Options, Provider, TemplateInfo
from providers.http import Http, Timeouts
from providers.registry import UnknownProvider, provider_class
from providers.tokens import Signed

# Chunks of a route that a process has under way at once, over all its batches; together they fill the window. The last is kept
# for alerts.
LANES = 5
# Waves that a process plans at once, each on a connection of its own for seconds; the last place is kept for alerts.
PLANNING = 3


@dataclass(frozen=True)
class Route:
    """A configured way out, ready to be used. `ways`: network -> the route to try where this one refuses it; `instead`: by SMS,
    where this one is none.

    `templates` are the provider's that were looked at not long ago, each with the moment (monotonic).
    """

    config: RouteConfig
    options: Options
    provider: Provider
    callback_token: bytes = field(repr=False)
    callback_url: str | None
    lanes: Gate
    ways: Mapping[str, str]
    instead: Mapping[str, str]
    breaker: Breaker
    templates: dict[str, tuple[float, TemplateInfo]] = field(default_factory=dict)


@dataclass(frozen=True)
class Addresses:
    """Where the two servers are; `owner_url` is the database as the owner of its tables, for the few acts that need one."""

    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    owner_url: str = field(default="", repr=False)


@dataclass(frozen=True)
class Runtime:
    settings: Settings
    keyring: Keyring
    pool: Pool
    queue: Queue
    pacer: Pacer
    guard: Guard
    routes: dict[str, Route]
    planning: Gate
    stopping: asyncio.Event


@asynccontextmanager
async def open_runtime(settings: Settings, addresses: Addresses, *, pool_size: int = 8) -> AsyncIterator[Runtime]:
    """Pool, Valkey and providers, closed on the way out. Raises `UserError`."""
    routes = load_routes(settings.routes)
    keyring = open_keyring(settings.keyring_path, create=settings.database_url is None)
    async with AsyncExitStack() as stack:
        pool = await stack.enter_async_context(new_pool(addresses.database_url, pool_size))
        redis = await stack.enter_async_context(Redis.from_url(addresses.redis_url, **LINE))
        ready = {}
        for config in routes:
            ready[config.name] = await stack.enter_async_context(open_route(config, keyring, routes, pool))
        async with pool.connection() as connection:
            if await installation.rehearsing(connection):
                _stay_on_this_machine(ready.values())
        guard = Guard(settings, redis)
        await stack.enter_async_context(guard.watching(pool))
        yield Runtime(
            settings=settings,
            keyring=keyring,
            pool=pool,
            queue=Queue(new_broker(addresses.redis_url)),
            pacer=Pacer(redis, partial(_count, pool)),
            guard=guard,
            routes=ready,
            planning=Gate(PLANNING, kept=1),
            stopping=asyncio.Event(),
        )


async def try_routes(settings: Settings) -> None:
    """Read every route as a process would, and speak to nobody. Raises `UserError`."""
    keyring = open_keyring(settings.keyring_path, create=settings.database_url is None)
    for config in load_routes(settings.routes):
        async with open_route(config, keyring):
            pass


BY_NETWORK = "vnd_per_message chỉ dùng cho Zalo; giá SMS theo nhà mạng, ghi trong tệp DISPATCHER_TERMS."


@asynccontextmanager
async def open_route(
    config: RouteConfig, keyring: Keyring, others: Sequence[RouteConfig] = (), pool: Pool | None = None
) -> AsyncIterator[Route]:
    """The route with its provider and HTTP client; `pool` is where tokens are kept, `others` are all that there are.

    Raises `RoutesError`.
    """
    try:
        kind = provider_class(config.provider)
        options = kind.options_model.model_validate(config.options)
    except UnknownProvider as error:
        raise RoutesError(f"Đường gửi {config.name}: {error}") from None
    except ValidationError as error:
        raise RoutesError(explain(error, f"Đường gửi {config.name}, [route.options]")) from None
    if config.vnd_per_message is not None and kind.capabilities.channel == SMS:
        raise RoutesError(f"Đường gửi {config.name}: {BY_NETWORK}")
    lanes = Gate(LANES, kept=1) if config.window >= LANES else Gate(config.window, kept=0)
    async with Http(timeouts=Timeouts(read=options.timeout), connections=config.window) as http:
        provider = _provider(kind, config, options, http)
        if pool and isinstance(provider, Signed):
            provider.tokens = Keeper(pool, keyring, provider)
        token = keyring.callback_token(config.name)
        callback_url = _callback_url(config, options, token)
        ways = after_refusal(others, config.name)
        instead = {} if provider.capabilities.channel == SMS else onward(others, {config.name})
        yield Route(config, options, provider, token.encode(), callback_url, lanes, ways, instead, Breaker())


@asynccontextmanager
async def open_routes(configs: Iterable[RouteConfig], keyring: Keyring, pool: Pool) -> AsyncIterator[list[Route]]:
    """Several at once, without ways from one to another: to ask, not to send."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(open_route(config, keyring, pool=pool)) for config in configs]


async def _count(pool: Pool, route: str, hour: datetime, day: datetime) -> Spent:
    async with pool.connection() as connection:
        return await caps.spent(connection, route, hour, day)


def _provider(kind: type[Provider], config: RouteConfig, options: Options, http: Http) -> Provider:
    try:
        return kind(config.sender, options, http)
    except ValueError as error:
        raise RoutesError(f"Đường gửi {config.name}: {error}") from None


def _callback_url(config: RouteConfig, options: Options, token: str) -> str | None:
    base = getattr(options, "callback_base", None)
    return f"{base.rstrip('/')}/callbacks/{config.name}/{token}" if base else None


def _stay_on_this_machine(routes: Iterable[Route]) -> None:
    for route in routes:
        if away := leaves_this_machine(route.options.model_dump()):
            raise UserError(
                f"Hệ thống đang chạy thử với đồng hồ diễn tập, nhưng đường gửi {route.config.name} trỏ ra ngoài"
                f" ({', '.join(away)}). Chỉ dùng nhà mạng giả lập trên máy này (127.0.0.1) khi chạy thử."
            )
