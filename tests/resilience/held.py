"""A command that is held at a chosen write: what is done to it then comes neither too early nor too late."""

from __future__ import annotations

import os
import select
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from resilience.arena import BUCKET, Arena, Proxies
from shared.gate import Gate
from shared.patience import PATIENCE_S

WRITES = f"(PUT|DELETE) /{BUCKET}/".encode()
"""First lines of requests that change something in the managed bucket."""
HEARD = b"Stopping"
"""What the command says of the first signal."""


@dataclass
class Held:
    """It has sent so many writes, and the next ones are held back."""

    process: subprocess.Popen[str]
    gate: Gate
    proxies: Proxies

    def kill(self) -> None:
        """What is held back never gets through."""
        self.process.kill()
        self.process.communicate()

    def tell(self, number: signal.Signals) -> None:
        """Send a signal, and wait until it is heard: a second one on its heels would be taken for the same."""
        assert self.process.stderr is not None
        self.process.send_signal(number)
        said = b""
        while HEARD not in said:
            assert select.select([self.process.stderr], [], [], PATIENCE_S)[0], said
            read = os.read(self.process.stderr.fileno(), 65536)
            assert read, said
            said += read

    def end(self) -> str:
        """Let everything through; what it says until it ends."""
        self.gate.open()
        return self.process.communicate(timeout=PATIENCE_S)[1]


@contextmanager
def held(world: Arena, writes: int, *arguments: str) -> Iterator[Held]:
    """The command, running, up to the moment at which it has sent so many writes to the managed bucket."""
    with world.proxies() as proxies:
        gate = proxies.s3.gate = Gate(WRITES, writes)
        with world.start(*arguments, **proxies.env) as process:
            try:
                gate.reached(process)
                yield Held(process, gate, proxies)
            finally:
                process.kill()
