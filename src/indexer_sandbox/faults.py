"""Answers that a sandbox server gives instead of its own, on request."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to some requests: a wait, a refusal, or both."""

    operation: str
    """The operation it strikes, for example `ListObjectsV2`; `*` strikes every one."""
    status: int | None = None
    """The HTTP status of the refusal; None lets the request through after the delay."""
    after: int = 0
    """How many matching requests pass before it strikes: 2 spares two pages and takes the third."""
    count: int | None = 1
    """How many requests it strikes; None: all until it is cleared."""
    contains: str = ""
    """A part of the target (`bucket/key`, or a data asset's id) that it is limited to."""
    retry_after_s: int | None = None
    """The answer's Retry-After header."""
    delay_s: float = 0.0
    """How long the answer is held back."""


class FaultList:
    """The faults that a server has still to commit; none at the start."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[tuple[Fault, int]] = []

    def add(self, fault: Fault) -> None:
        """Strike the requests that match from now on."""
        with self._lock:
            self._faults.append((fault, 0))

    def clear(self) -> None:
        """Answer everything again."""
        with self._lock:
            self._faults.clear()

    def strike(self, operation: str, target: str) -> Fault | None:
        """The fault for one request, after its delay, or None; for the server only.

        Every fault that matches counts the request; the first one that is due answers it.
        """
        due: Fault | None = None
        with self._lock:
            for index, (fault, seen) in enumerate(self._faults):
                if fault.operation not in ("*", operation) or fault.contains not in target:
                    continue
                self._faults[index] = (fault, seen + 1)
                over = fault.count is not None and seen >= fault.after + fault.count
                if due is None and seen >= fault.after and not over:
                    due = fault
        if due is not None and due.delay_s:
            time.sleep(due.delay_s)
        return due
