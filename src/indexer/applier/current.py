"""Which action a thread is carrying out just now, so that what is logged meanwhile names it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_ACTION_ID: ContextVar[str | None] = ContextVar("action_id", default=None)


@contextmanager
def carrying_out(action_id: str) -> Iterator[None]:
    """All that this thread does in here is for one action."""
    before = _ACTION_ID.set(action_id)
    try:
        yield
    finally:
        _ACTION_ID.reset(before)


def current_action_id() -> str | None:
    """None where this thread works for none, or for several at once."""
    return _ACTION_ID.get()
