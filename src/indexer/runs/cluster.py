"""Past one machine: a connection to a dask.distributed cluster, or to workers on this machine's cores.

dask schedules, and runs a shard again whose worker was lost.
"""

from __future__ import annotations

import logging
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import resource_tracker
from time import sleep
from typing import Any, TypeVar

from indexer.errors import IndexerError, SystemFaultError, UsageError
from indexer.masking import said
from indexer.model.observer import NOBODY, Observer

LOCAL = "local"
SHARDS_A_WORKER = 2
"""In flight: one at work and one waiting."""
CONNECT_TIMEOUT_S = 15
ON_THIS_MACHINE = {
    "n_workers": os.cpu_count(),
    # Python computes in one thread at a time: a core each is what processes are for.
    "threads_per_worker": 1,
    "host": "127.0.0.1",
    "protocol": "tls",
    "dashboard_address": "127.0.0.1:0",
    # dask would kill and restart a worker that it thinks too large, in the middle of a shard.
    "memory_limit": 0,
    "silence_logs": logging.CRITICAL,
}
LOOK_EVERY_S = 0.05
STILL_AT_WORK = "What it has written by then is in its journal: undo knows of it, and applying again goes on."
HINT = "Look at the cluster's own logs; its workers need the same indexer as this machine."
S = TypeVar("S")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Cluster:
    """An open connection to a cluster's scheduler."""

    client: Any
    """A `distributed.Client`, of which little has types."""
    ours: bool = False
    """Its workers were started by this command, on this machine."""

    def spread(
        self, task: Callable[[S], R], shards: Iterable[S], gave_up: Callable[[], bool] = lambda: False
    ) -> Iterator[tuple[S, R | IndexerError]]:
        """Carry out a task for each shard; in their order, few in flight. What a shard failed with is returned.

        Nothing that is in flight is waited for once `gave_up` says so.
        """
        flying: deque[tuple[S, Any]] = deque()
        try:
            for shard in shards:
                # `pure=False`: two equal shards are two pieces of work, and none may be answered from an earlier one.
                flying.append((shard, self.client.submit(task, shard, pure=False)))
                if len(flying) >= SHARDS_A_WORKER * max(1, len(self.client.nthreads())):
                    yield _landed(*flying.popleft(), gave_up)
            while flying:
                yield _landed(*flying.popleft(), gave_up)
        finally:
            self.client.cancel([future for _, future in flying])

    def check(self, question: Callable[[], None]) -> None:
        """Ask every worker that is there. Raises what a worker raises, or SystemFaultError."""
        try:
            self.client.run(question)
        except IndexerError:
            raise
        except Exception as exc:
            raise _fault(exc) from exc


def _landed(shard: S, future: Any, gave_up: Callable[[], bool]) -> tuple[S, R | IndexerError]:
    while not future.done():
        if gave_up():
            detail = "the run was to stop, and it was waited for long enough"
            return shard, SystemFaultError("A worker did not come to an end", detail, STILL_AT_WORK)
        sleep(LOOK_EVERY_S)
    try:
        return shard, future.result()
    except IndexerError as exc:
        return shard, exc
    except Exception as exc:  # noqa: BLE001 - whatever a worker or the scheduler raises arrives here
        return shard, _fault(exc)


def _fault(exc: Exception) -> SystemFaultError:
    detail = f"{type(exc).__name__}: {said(exc, 300)}"
    return SystemFaultError("The cluster could not do its work", detail, HINT)


@contextmanager
def open_cluster(
    address: str | None, *, cleartext: bool = False, observer: Observer = NOBODY
) -> Iterator[Cluster | None]:
    """Connect to a scheduler, or start workers on this machine's cores (`local`); None: no cluster is asked for.

    Raises UsageError where dask is not installed, or the connection would not be encrypted and `cleartext` does not
    permit that; SystemFaultError where nobody answers.
    """
    if address is None:
        yield None
        return
    distributed = _distributed(address)
    _check_encrypted(distributed, address, cleartext, observer)
    with ExitStack() as stack:
        try:
            scheduler: Any = address
            if address == LOCAL:
                scheduler = stack.enter_context(_workers_here(distributed))
            client = stack.enter_context(distributed.Client(scheduler, timeout=CONNECT_TIMEOUT_S))
            client.wait_for_workers(1, timeout=CONNECT_TIMEOUT_S)
        except (OSError, ValueError) as exc:
            detail = f"{address}: {said(exc, 300)}"
            raise SystemFaultError(
                "The dask cluster cannot be used", detail, "Is its scheduler there, with workers?"
            ) from exc
        yield Cluster(client, ours=address == LOCAL)


def _distributed(address: str) -> Any:
    """The library, of which little has types."""
    try:
        import cryptography  # noqa: F401 - makes the keys of workers on this machine
        import distributed
    except ImportError as exc:
        raise UsageError(
            "dask is not installed", f"--dask {address}", "pip install 'data-asset-indexer[dask]'"
        ) from exc
    return distributed


def _check_encrypted(distributed: Any, address: str, cleartext: bool, observer: Observer) -> None:
    """Whoever can talk to a scheduler runs code on its workers, and records travel: only with keys on both sides."""
    if address == LOCAL:
        return
    if not address.startswith("tls://"):
        if not cleartext:
            hint = "Write tls://HOST:PORT; --dask-cleartext permits a network that nobody else is on."
            raise UsageError("The connection to the dask cluster is not encrypted", address, hint)
        observer.warn(
            f"The connection to {address} is not encrypted: whoever is on its network reads and runs what they like."
        )
    elif distributed.Security().get_connection_args("client").get("ssl_context") is None:
        hint = "Name them in DASK_DISTRIBUTED__COMM__TLS__CA_FILE, …__CLIENT__KEY and …__CLIENT__CERT."
        raise UsageError("There are no keys for the dask cluster", address, hint)


@contextmanager
def _workers_here(distributed: Any) -> Iterator[Any]:
    """Workers that take work from this command alone: with keys of its own, and without pages on how it goes."""
    import dask

    with (
        dask.config.set({"distributed.scheduler.http.routes": [], "distributed.worker.http.routes": []}),
        ExitStack() as stack,
    ):
        with _deaf_to_ctrl_c():
            keys = distributed.Security.temporary()
            cluster = distributed.LocalCluster(**ON_THIS_MACHINE, security=keys)
            stack.enter_context(cluster)
        yield cluster


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """What is started within never gets the Ctrl-C of a terminal: it is the command that finishes what is in flight."""
    resource_tracker.ensure_running()  # or else its start, in between, would let the signal through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
