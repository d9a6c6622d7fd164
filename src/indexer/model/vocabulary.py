"""Every word of ours that a plan, a result or a job may show, with its meaning: gathered from where each stands."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass

from indexer.model.exit_codes import EXIT_CODES
from indexer.model.findings import FINDINGS
from indexer.model.kinds import KINDS
from indexer.model.meaning import Meaning
from indexer.model.outcome import OUTCOMES
from indexer.model.policies import POLICIES
from indexer.model.reasons import REASONS


@dataclass(frozen=True, slots=True)
class WordGroup:
    """Words of one sort."""

    name: str
    """As it stands after a word: "core-file-stale, a reason"."""
    title: str
    page: str
    """Where the documentation lists them."""
    words: tuple[tuple[str, Meaning], ...]


GROUPS: tuple[WordGroup, ...] = (
    WordGroup(
        "a kind of action",
        "Kinds of action",
        "docs/plan-format.md",
        tuple((word, kind.meaning) for word, kind in KINDS.items()),
    ),
    WordGroup("a reason", "Reasons", "docs/plan-format.md", tuple(REASONS.items())),
    WordGroup("a finding", "Findings", "docs/plan-format.md", tuple(FINDINGS.items())),
    WordGroup("a status", "Statuses", "docs/plan-format.md", tuple(OUTCOMES.items())),
    WordGroup("a policy", "Policies and limits", "docs/plan-format.md", tuple(POLICIES.items())),
    WordGroup(
        "an exit code",
        "Exit codes",
        "docs/reference/exit-codes.md",
        tuple((str(code), one.meaning) for code, one in EXIT_CODES.items()),
    ),
)


@dataclass(frozen=True, slots=True)
class Word:
    """One word and its meaning in one group."""

    group: WordGroup
    word: str
    meaning: Meaning


def every_word() -> Iterator[Word]:
    """All of them, group by group."""
    for group in GROUPS:
        yield from (Word(group, word, meaning) for word, meaning in group.words)


def words_named(typed: str) -> tuple[Word, ...]:
    """What a word may mean: a finding may be called as a reason is. Empty for a word that is not ours."""
    wanted = _plain(typed)
    return tuple(one for one in every_word() if _plain(one.word) == wanted)


def nearest_words(typed: str) -> tuple[str, ...]:
    """The words that were probably meant, the nearest first."""
    plain = {_plain(one.word): one.word for one in every_word()}
    return tuple(plain[one] for one in difflib.get_close_matches(_plain(typed), plain, n=3))


def _plain(word: str) -> str:
    """As it may be typed: a limit as its option, an exit code as "exit 3" or "exit code 3"."""
    plain = word.strip().lower().lstrip("-").replace("_", "-").replace(" ", "-")
    return plain.removeprefix("exit-").removeprefix("code-").removeprefix("finding/")
