"""A worker process: dramatiq's threads wait, one event loop works."""

from __future__ import annotations

import signal
import threading
from contextlib import AsyncExitStack
from typing import Any

import structlog
from dramatiq import Worker
from dramatiq.asyncio import get_event_loop_thread
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import Middleware

from dispatcher import actors
from dispatcher.broker import PLACES, new_broker
from dispatcher.links import open_links
from dispatcher.renewing import tokens_renewed
from dispatcher.runtime import Addresses, Runtime, open_runtime
from dispatcher.settings import Settings, load_routes

log = structlog.get_logger()

POLL_MILLISECONDS = 200
# How often it is seen whether this installation may send.
GLANCE_SECONDS = 0.5


class RuntimeHolder(Middleware):
    """Opens the runtime on the worker's event loop before the first message, and closes it after the last.

    No message is taken from the queue before the installation may send: it may be another's queue.
    """

    def __init__(self, settings: Settings, addresses: Addresses, asked_to_stop: threading.Event) -> None:
        self._asked_to_stop = asked_to_stop
        self._settings = settings
        self._addresses = addresses
        self._stack = AsyncExitStack()
        self._runtime: Runtime | None = None

    def runtime(self) -> Runtime:
        if self._runtime is None:
            raise RuntimeError("the worker has not booted")
        return self._runtime

    def trusted(self) -> bool:
        return self.runtime().guard.trusted

    def before_worker_boot(self, _broker: Any, _worker: Any) -> None:
        opening = self._stack.enter_async_context(open_runtime(self._settings, self._addresses))
        self._runtime = _loop().run_coroutine(opening)
        while not self.trusted() and not self._asked_to_stop.wait(GLANCE_SECONDS):
            pass
        if self.trusted():  # a second server must not take the first one's receipts
            _loop().run_coroutine(self._stack.enter_async_context(open_links(self.runtime())))
            _loop().run_coroutine(self._stack.enter_async_context(tokens_renewed(self.runtime())))

    def stop_claiming(self) -> None:
        """Let batches end after what is under way: what was handed over is recorded, the rest stays queued."""
        _loop().loop.call_soon_threadsafe(self.runtime().stopping.set)

    def after_worker_shutdown(self, _broker: Any, _worker: Any) -> None:
        _loop().run_coroutine(self._stack.aclose())


def run(settings: Settings, addresses: Addresses) -> None:
    """Work until SIGTERM or SIGINT."""
    asked_to_stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked_to_stop.set())
    broker = new_broker(addresses.redis_url)
    holder = RuntimeHolder(settings, addresses, asked_to_stop)
    broker.add_middleware(holder)
    routes = [route.name for route in load_routes(settings.routes)]
    actors.declare(broker, holder.runtime, routes)
    worker = _new_worker(broker, actors.queues(routes))
    worker.start()
    log.info("worker.started")
    try:
        _take_orders(worker, holder, asked_to_stop)
        holder.stop_claiming()
    finally:  # its threads would keep a process alive that could not boot
        worker.stop()
        broker.close()
    log.info("worker.stopped")


def _take_orders(worker: Worker, holder: RuntimeHolder, asked_to_stop: threading.Event) -> None:
    """Leave the queue alone while the installation may not send, until asked to stop."""
    taking = True
    while not asked_to_stop.wait(GLANCE_SECONDS):
        if holder.trusted() is not taking:
            taking = not taking
            (worker.resume if taking else worker.pause)()
            log.warning("worker.resumed" if taking else "worker.paused")


def _new_worker(broker: RedisBroker, queues: frozenset[str]) -> Worker:
    """A thread stands for one order under way and sleeps while the event loop works: there is one for each that is taken."""
    worker = Worker(broker, queues=set(queues), worker_threads=PLACES * len(queues), worker_timeout=POLL_MILLISECONDS)
    worker.queue_prefetch = PLACES
    return worker


def _loop() -> Any:
    thread = get_event_loop_thread()
    if thread is None:
        raise RuntimeError("the worker's event loop is not running")
    return thread
