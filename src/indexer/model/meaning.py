"""What a word of a plan means, and what to do: it stands beside the word, and every surface takes it from there."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Meaning:
    """One word of a plan, in Markdown of one line."""

    found: str
    to_do: str
