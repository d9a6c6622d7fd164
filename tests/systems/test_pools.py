"""Pools of threads, and the one that is none."""

from __future__ import annotations

from threading import current_thread

import pytest

from indexer.threads import pool_of


def test_a_pool_of_one_works_in_the_thread_that_asks() -> None:
    """At once, and in the order of asking: with one thread, every run of the same plan is the same."""
    done: list[int] = []
    with pool_of(1, "test") as pool:
        names = [pool.submit(lambda n: (done.append(n), current_thread().name)[1], n) for n in range(3)]
        assert done == [0, 1, 2]
    assert {one.result() for one in names} == {current_thread().name}


def test_larger_pools_have_threads_of_their_own() -> None:
    """They carry the pool's name, as logs show it."""
    with pool_of(2, "test") as pool:
        assert pool.submit(lambda: current_thread().name).result().startswith("test")


@pytest.mark.parametrize("threads", [1, 2])
def test_what_goes_wrong_reaches_whoever_asks_for_the_result(threads: int) -> None:
    """Of any kind: the end of the process, too."""

    def end() -> None:
        raise KeyboardInterrupt

    with pool_of(threads, "test") as pool:
        future = pool.submit(end)
        with pytest.raises(KeyboardInterrupt):
            future.result()
