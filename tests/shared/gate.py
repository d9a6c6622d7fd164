"""A gate in a proxy: so many requests get through, the next ones wait. What is tested then needs no luck with moments."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Callable

from shared.patience import PATIENCE_S

_LOOK_S = 0.1


class Gate:
    """Holds back the HTTP requests whose first line matches, once so many have passed.

    Those of a client that is gone by then never get through, unless they are to come late.
    """

    def __init__(self, pattern: bytes, let: int, *, late: bool = False) -> None:
        self.late = late
        self._matches = re.compile(pattern).match
        self._left: float = let
        self._waiting = 0
        self._changed = threading.Condition()

    def pass_by(self, head: bytes, is_gone: Callable[[], bool]) -> bool:
        """Wait for as long as this request is held back; whether it gets through.

        A client that was held for longer than its patience asks again: the request that it gave up must not be one of
        those that are let through.
        """
        if not self._matches(head):
            return True
        with self._changed:
            self._waiting += 1
            self._changed.notify_all()
            try:
                while not self._changed.wait_for(lambda: self._left > 0, _LOOK_S):
                    if is_gone() and not self.late:
                        return False
                if is_gone() and not self.late:
                    return False
                self._left -= 1
                return True
            finally:
                self._waiting -= 1

    def let(self, more: int) -> None:
        """Let so many more through."""
        with self._changed:
            self._left += more
            self._changed.notify_all()

    def open(self) -> None:
        """Hold nothing back any more."""
        with self._changed:
            self._left = float("inf")
            self._changed.notify_all()

    def reached(self, process: subprocess.Popen[str] | None = None) -> None:
        """Wait until a request is held back. Fails if nothing comes, or the process ends before."""
        for _ in range(int(PATIENCE_S / _LOOK_S)):
            with self._changed:
                if self._changed.wait_for(lambda: self._waiting > self._left, _LOOK_S):
                    return
            assert process is None or process.poll() is None, process.communicate()
        raise AssertionError("no request came as far as the gate")
