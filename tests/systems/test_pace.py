"""How many requests may be in flight: AIMD."""

from __future__ import annotations

import threading

import pytest

from indexer.systems.pace import LEAST, START, STEP, Pace
from shared.patience import PATIENCE_S


class Clock:
    """Moves on when told."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def window(pace: Pace, clock: Clock, latency_s: float) -> int:
    """As many requests as the limit says, one after the other, each taking so long; the new limit."""
    for _ in range(pace.limit):
        with pace.request():
            clock.now += latency_s
    return pace.limit


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_it_grows_by_steps_while_latency_stays(clock: Clock) -> None:
    """Up to the most that is allowed."""
    pace = Pace(40, adapts=True, clock=clock)
    assert [window(pace, clock, 0.03) for _ in range(5)] == [START + STEP, START + 2 * STEP, 40, 40, 40]


def test_it_eases_off_when_requests_become_slow(clock: Clock) -> None:
    """A saturated server or core shows as latency; it grows again afterwards."""
    pace = Pace(64, adapts=True, clock=clock)
    for _ in range(4):
        window(pace, clock, 0.03)
    high = pace.limit
    low = window(pace, clock, 0.2)
    assert low < high
    assert window(pace, clock, 0.03) > low


def test_a_slow_down_halves_it_once_for_all_in_flight(clock: Clock) -> None:
    """Sixteen refusals at once are one signal, not sixteen."""
    pace = Pace(64, adapts=True, clock=clock)
    for _ in range(16):
        pace.slowed()
    assert pace.limit == START // 2
    for _ in range(20):
        window(pace, clock, 0.03)
        pace.slowed()
    assert pace.limit >= LEAST


def test_a_given_number_stays(clock: Clock) -> None:
    """`--parallel 3` means three."""
    pace = Pace(3, adapts=False, clock=clock)
    for latency_s in (0.01, 1.0, 0.01):
        assert window(pace, clock, latency_s) == 3
    pace.slowed()
    assert pace.limit == 3


def test_no_more_are_in_flight_than_the_limit_says() -> None:
    """With many threads; and none waits for ever, even where requests fail."""
    pace, lock, seen = Pace(5, adapts=False), threading.Lock(), [0, 0]

    def ask() -> None:
        for number in range(50):
            try:
                with pace.request():
                    with lock:
                        seen[0] += 1
                        seen[1] = max(seen)
                    with lock:
                        seen[0] -= 1
                    if number % 7 == 0:
                        raise OSError("reset")
            except OSError:
                continue

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(timeout=PATIENCE_S)
    assert not any(one.is_alive() for one in threads)
    assert seen[1] <= 5
