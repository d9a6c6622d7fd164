"""The meanings of words, as text and for programs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from indexer.model.vocabulary import GROUPS, Word
from indexer.render.paint import Paint


def word_text(words: Iterable[Word], paint: Paint) -> Iterator[str]:
    """Each meaning of a word: what it is, why it happens, what to do."""
    for at, one in enumerate(words):
        if at:
            yield ""
        yield f"{paint(one.word, 'bold')}, {one.group.name}"
        parts = (
            ("What it is", one.meaning.found),
            ("Why it happens", one.meaning.why),
            ("What to do", one.meaning.to_do),
            ("More", one.group.page),
        )
        for name, words_of_it in parts:
            yield f"  {name}: {words_of_it}"


def list_text(paint: Paint) -> Iterator[str]:
    """All words, by group, each with what it is in a sentence."""
    for at, group in enumerate(GROUPS):
        if at:
            yield ""
        yield paint(group.title, "bold")
        for word, meaning in group.words:
            yield legend_line(word, meaning.brief, paint)


def legend_line(word: str, brief: str, paint: Paint) -> str:
    """A word and what it is."""
    return f"  {paint(word, 'bold')}: {brief}"


def explained_json(words: Iterable[Word]) -> list[dict[str, Any]]:
    """The same for programs."""
    return [
        {
            "word": one.word,
            "group": one.group.title,
            "what": one.meaning.found,
            "why": one.meaning.why,
            "to_do": one.meaning.to_do,
            "page": one.group.page,
        }
        for one in words
    ]


def plain_words(text: str) -> str:
    """Markdown of one line as a tooltip shows it."""
    return re.sub(r"`([^`]*)`", r"\1", text)
