"""How a run tells people what they should know: to whom it goes is the caller's business."""

from __future__ import annotations

from collections.abc import Callable

Warn = Callable[[str], None]


def unheard(_words: str) -> None:
    """Warn nobody."""
