"""`python -m tests.dispatcher.one_step FOLDER ROUTES DATABASE REDIS ID`: a worker that is killed over one step of a broadcast."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from dispatcher.announcing import announce
from dispatcher.runtime import Addresses, open_runtime
from dispatcher.settings import fixed


async def main(folder: str, routes: str, database: str, redis: str, broadcast: str) -> None:
    settings = fixed(folder=Path(folder), routes=Path(routes))
    async with open_runtime(settings, Addresses(database, redis)) as runtime:
        await announce(runtime, int(broadcast))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
