"""Who watches a run."""

from __future__ import annotations

from indexer.model.action import Action
from indexer.model.outcome import Outcome


class Observer:
    """Is told of a run as it goes on. This one does nothing: a subclass overrides what it wants to hear.

    It may be told by several threads at a time, and what it raises ends the run.
    """

    def stage(self, name: str, total: int | None) -> None:
        """A new stage of work begins, of so many steps where that is known."""

    def advance(self, steps: int = 1, found: int = 0) -> None:
        """So many more steps are done, and so many actions were found or carried out in them."""

    def settled(self, action: Action, outcome: Outcome) -> None:
        """The journal has what came of an action."""

    def warn(self, words: str) -> None:
        """Something that a person should know, even where all goes on."""


NOBODY = Observer()
"""Nobody watches."""
