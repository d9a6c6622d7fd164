"""Past one machine: a connection to a dask.distributed cluster.

dask schedules, and runs a shard again whose worker was lost.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from time import sleep
from typing import Any, TypeVar

from indexer.errors import IndexerError, SystemFaultError, UsageError
from indexer.masking import said
from indexer.model.observer import NOBODY, Observer
from indexer.runs.crew import LOOK_EVERY_S, Task, not_waited_for

SHARDS_A_WORKER = 2
"""In flight: one at work and one waiting."""
CONNECT_TIMEOUT_S = 15
HINT = "Look at the cluster's own logs; its workers need the same indexer as this machine."
S = TypeVar("S")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Cluster:
    """An open connection to a cluster's scheduler."""

    client: Any
    """A `distributed.Client`, of which little has types."""

    def spread(
        self, task: Task[S, R], shards: Iterable[S], gave_up: Callable[[], bool] = lambda: False
    ) -> Iterator[tuple[S, R | IndexerError]]:
        """As a `Crew` does. A shard that is lost with its worker is another one's."""
        flying: deque[tuple[S, Any]] = deque()
        try:
            for shard in shards:
                # `pure=False`: two equal shards are two pieces of work, and none may be answered from an earlier one.
                flying.append((shard, self.client.submit(_alone, task, shard, pure=False)))
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


def _alone(task: Task[S, R], shard: S) -> R:
    """On a worker: what came of this one shard."""
    [found] = task((shard,))
    return found


def _landed(shard: S, future: Any, gave_up: Callable[[], bool]) -> tuple[S, R | IndexerError]:
    while not future.done():
        if gave_up():
            return shard, not_waited_for()
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
def open_cluster(address: str, *, cleartext: bool = False, observer: Observer = NOBODY) -> Iterator[Cluster]:
    """Connect to a scheduler.

    Raises UsageError where dask is not installed, or the connection would not be encrypted and `cleartext` does not
    permit that; SystemFaultError where nobody answers.
    """
    try:
        import distributed
    except ImportError as exc:
        raise UsageError(
            "dask is not installed", f"--dask {address}", "pip install 'data-asset-indexer[dask]'"
        ) from exc
    _check_encrypted(distributed, address, cleartext, observer)
    with ExitStack() as stack:
        try:
            connected = distributed.Client(address, timeout=CONNECT_TIMEOUT_S)  # type: ignore[no-untyped-call]
            client: Any = stack.enter_context(connected)
            client.wait_for_workers(1, timeout=CONNECT_TIMEOUT_S)
        except (OSError, ValueError) as exc:
            detail = f"{address}: {said(exc, 300)}"
            raise SystemFaultError(
                "The dask cluster cannot be used", detail, "Is its scheduler there, with workers?"
            ) from exc
        yield Cluster(client)


def _check_encrypted(distributed: Any, address: str, cleartext: bool, observer: Observer) -> None:
    """Whoever can talk to a scheduler runs code on its workers, and records travel: only with keys on both sides."""
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
