"""Both fakes in one process, until stdin ends: `python -m golden.fakes` prints `READY s3-port codeocean-port`."""

from __future__ import annotations

import asyncio
import sys

from golden.fakes.codeocean import CodeOcean
from golden.fakes.http import connection
from golden.fakes.s3 import S3
from golden.fakes.state import State

HOST = "127.0.0.1"
LONGEST_LINE_BYTES = 1 << 24


async def main() -> None:
    """Serve."""
    state, ports = State(), []
    for service in (S3(state), CodeOcean(state)):
        server = await asyncio.start_server(connection(service.answer), HOST, 0, limit=LONGEST_LINE_BYTES)
        ports.append(str(server.sockets[0].getsockname()[1]))
    sys.stdout.write(f"READY {' '.join(ports)}\n")
    sys.stdout.flush()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.buffer.read)


asyncio.run(main())
