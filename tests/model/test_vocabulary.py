"""Every word of ours has a meaning, and one place to be found by."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from indexer.model.action import ActionKind
from indexer.model.counting import counted
from indexer.model.findings import FindingKind
from indexer.model.outcome import Status
from indexer.model.reasons import Reason
from indexer.model.settings import PolicyMode
from indexer.model.vocabulary import GROUPS, every_word, nearest_words, words_named


def test_every_word_that_a_file_may_hold_is_explained() -> None:
    """By the type that says which words there are."""
    words = [one.word for one in every_word()]
    types = (ActionKind, Reason, FindingKind, Status, PolicyMode)
    assert {word for one in types for word in get_args(one)} <= set(words)
    assert {"max_deletes", "max_delete_percent", *map(str, range(6))} <= set(words)


def test_every_meaning_says_what_why_and_what_to_do() -> None:
    """Each in sentences, on one line."""
    for one in every_word():
        for text in (one.meaning.found, one.meaning.why, one.meaning.to_do, one.meaning.brief):
            assert re.fullmatch(r"[A-Z`][^\n]*[.?]", text), (one.word, text)
        assert one.meaning.found.startswith(one.meaning.brief)


def test_a_word_is_in_a_group_once() -> None:
    """A reason and a finding may share one: then both are told."""
    for group in GROUPS:
        names = [word for word, _ in group.words]
        assert len(set(names)) == len(names)
    assert [one.group.name for one in words_named("core-file-corrupt")] == ["a reason", "a finding"]


@pytest.mark.parametrize(
    ("typed", "word"),
    [
        ("stale", "stale"),
        (" Stale ", "stale"),
        ("exit 3", "3"),
        ("exit code 3", "3"),
        ("max-deletes", "max_deletes"),
        ("--max-delete-percent", "max_delete_percent"),
        ("finding/name-mismatch", "name-mismatch"),
    ],
)
def test_a_word_is_known_however_it_is_written(typed: str, word: str) -> None:
    """As an option, as SARIF names it, as one speaks of it."""
    assert [one.word for one in words_named(typed)] == [word]


def test_a_wrong_word_leads_to_the_nearest() -> None:
    """And nonsense to none."""
    assert words_named("core-file-stail") == ()
    assert nearest_words("core-file-stail")[0] == "core-file-stale"
    assert nearest_words("max_delete_percents")[0] == "max_delete_percent"
    assert nearest_words("zzzzzz") == ()


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 actions"), (1, "1 action"), (2, "2 actions"), (2_000, "2,000 actions")]
)
def test_a_number_has_its_noun(number: int, said: str) -> None:
    """One is one."""
    assert counted(number, "action") == said
    assert counted(number, "entry", "entries") == said.replace("actions", "entries").replace(
        "action", "entry"
    )
