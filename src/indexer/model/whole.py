"""All of a difference, as texts to be shown side by side."""

from __future__ import annotations

from dataclasses import dataclass

KNOWN_AFTER_APPLY = "(known after apply)"
"""Stands for a value that only the write will tell."""


@dataclass(frozen=True, slots=True)
class Whole:
    """All of what an action replaces and writes, as it is just now."""

    before: str | None = None
    """None: nothing is there."""
    after: str | None = None
    """None: nothing will be there."""
    words: tuple[str, ...] = ()
    """What a reader must know to read it."""
    doubts: tuple[str, ...] = ()
    """Where what is there is no longer what was planned."""
    unread: bool = False
    """It could not be read: nothing is known of it."""
