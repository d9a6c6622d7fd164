"""What both light servers have in common: their options, and how they listen."""

from __future__ import annotations

import argparse
import asyncio
import ssl
import sys
from collections.abc import Callable
from typing import Any

HOST = "127.0.0.1"


def parser(description: str | None) -> argparse.ArgumentParser:
    """The options of both servers."""
    options = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    options.add_argument("--assets", type=int, required=True, help="how many there are")
    options.add_argument("--latency-ms", type=float, default=0, help="how long each answer waits")
    options.add_argument("--generation", choices=("v1", "v2"), default="v1", help="of all records")
    options.add_argument("--bare-every", type=int, default=0, metavar="K", help="no core field in each K-th")
    options.add_argument("--heavy", action="store_true", help="records of twice the size")
    options.add_argument("--port", type=int, default=0, help="0 is any free one")
    options.add_argument("--until-eof", action="store_true", help="stop where stdin ends")
    return options


async def serve(
    connection: Callable[[], asyncio.Protocol],
    port: int,
    until_eof: bool,
    context: ssl.SSLContext | None = None,
) -> None:
    """Listen on 127.0.0.1, over TLS where there is a context, say on which port, and answer until the end."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(connection, HOST, port, backlog=512, ssl=context)
    sys.stdout.write(f"READY {server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    if until_eof:
        await loop.run_in_executor(None, sys.stdin.buffer.read)
    else:
        await asyncio.Event().wait()


def run(server: Any) -> None:
    """Run a server on uvloop where that is installed."""
    try:
        from uvloop import run as run_faster
    except ImportError:
        asyncio.run(server)
    else:
        run_faster(server)
