"""What a word of ours means, why it happens and what to do: it stands beside the word, and every surface takes it from there."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Meaning:
    """One word, in Markdown of one line each."""

    found: str
    """What it is."""
    to_do: str
    why: str
    """Why it happens."""

    @property
    def brief(self) -> str:
        """What it is in its first sentence, for a legend."""
        head, stop, _ = self.found.partition(". ")
        return f"{head}." if stop else head
