"""Pools of threads; of one, none: then nothing happens at the same time, and the order is always the same."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any


class AtOnce(Executor):
    """Does what it is asked to before it answers, in the thread that asks."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """The future is done already."""
        done: Future[Any] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except BaseException as exc:  # noqa: BLE001 whoever asks for the result gets it, as from a thread
            done.set_exception(exc)
        return done


def pool_of(threads: int, name: str) -> Executor:
    """A pool of so many threads, or of none where there would be one."""
    return AtOnce() if threads == 1 else ThreadPoolExecutor(threads, thread_name_prefix=name)
