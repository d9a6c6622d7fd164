"""How one JSON value was written in other bytes than ours: for people, who see no difference in the value."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

BOUND = 4_000_000
"""Bytes; of more it is only said that they differ: a walk over every token would take seconds."""
EXAMPLE = 40
"""Characters of an example."""
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+|\s+')
INDENT = re.compile(r"\n([ \t]+)\S")
STEP = " " * 3
OPENS, CLOSES = "[{", "]}"


@dataclass(frozen=True, slots=True)
class Spelling:
    """One way in which a file's bytes are not ours."""

    what: str
    theirs: str
    ours: str
    """Empty where ours have nothing of the kind."""


def spellings(body: bytes) -> tuple[Spelling, ...]:
    """Every way in which a file that holds a JSON value is written otherwise than ours."""
    if len(body) > BOUND:
        return (Spelling("bytes", f"other ones, of {len(body):,}", "ours"),)
    text = body.decode("utf-8-sig")
    found = [Spelling("byte order mark", "there", "")] if body.startswith(codecs.BOM_UTF8) else []
    found += _ends(text)
    found += _keys(text)
    tokens = [one for one in TOKEN.findall(text) if not one.isspace()]
    plain = [_plain(one) for one in tokens]
    found += _tokens(tokens, plain)
    found += _layout(text.strip(), tokens)
    return tuple(found)


def _ends(text: str) -> Iterator[Spelling]:
    tail = text[len(text.rstrip()) :]
    if tail.strip(" \t") in ("\n", "\r\n"):
        yield Spelling("newline at the end", "there", "")
    elif tail or text != text.lstrip():
        yield Spelling("white space around it", "there", "")
    if "\r" in text:
        yield Spelling("line ends", "CR LF" if "\r\n" in text else "CR", "LF")


def _keys(text: str) -> Iterator[Spelling]:
    """Their order, and those that occur twice: of these the last one counts, as Python's `json` reads them."""
    unsorted: list[list[str]] = []
    twice: list[str] = []

    def pairs(held: list[tuple[str, Any]]) -> dict[str, Any]:
        keys, made = [key for key, _ in held], dict(held)
        if len(made) < len(keys):
            twice.extend(key for key in made if keys.count(key) > 1)
        if list(made) != sorted(made):
            unsorted.append(list(made))
        return made

    json.loads(text, object_pairs_hook=pairs)
    if twice:
        yield Spelling("duplicate keys", f"{_brief(_quoted(twice[0]))} more than once", "the last of them")
    if unsorted:
        keys = unsorted[-1]  # the outermost is read last
        at = next(at for at, (one, other) in enumerate(zip(keys, sorted(keys), strict=True)) if one != other)
        yield Spelling(
            "order of keys",
            _brief(f"{_quoted(keys[at])} first"),
            f"{_brief(_quoted(sorted(keys)[at]))} first",
        )


def _tokens(tokens: Sequence[str], plain: Sequence[str]) -> Iterator[Spelling]:
    """The first text and the first number that are written otherwise."""
    for what, is_text in (("escapes", True), ("number spelling", False)):
        for one, ours in zip(tokens, plain, strict=True):
            if one != ours and one.startswith('"') is is_text:
                at = next((n for n, (a, b) in enumerate(zip(one, ours, strict=False)) if a != b), 0)
                begin = max(0, at - 10) if is_text else 0
                yield Spelling(what, _brief(one[begin:]), _brief(ours[begin:]))
                break


def _plain(piece: str) -> str:
    """The piece in our bytes."""
    if piece in ",:[]{}":
        return piece
    return json.dumps(json.loads(piece), ensure_ascii=False)


def _layout(text: str, tokens: Sequence[str]) -> Iterator[Spelling]:
    """Indent, and the white space between tokens."""
    text = text.replace("\r\n", "\n")
    if text == "".join(_laid_out(tokens)):
        return
    match = INDENT.search(text)
    if match is None:
        if "\n" not in text:
            yield Spelling("indent", "none, all on one line", "3 spaces")
        else:
            yield Spelling("indent", "none", "3 spaces")
    elif match[1] != STEP:
        told = (
            "a tab"
            if match[1] == "\t"
            else f"{len(match[1])} {'tabs' if match[1][0] == chr(9) else 'spaces'}"
        )
        yield Spelling("indent", "1 space" if match[1] == " " else told, "3 spaces")
    else:
        yield Spelling("white space between values", "other", "ours")


def _laid_out(tokens: Sequence[str]) -> Iterator[str]:
    """The tokens with our white space."""
    depth, before = 0, ""
    for piece in tokens:
        if piece in CLOSES:
            depth -= 1
            if before not in OPENS:
                yield f"\n{STEP * depth}"
        elif before and before in f"{OPENS},":
            yield f"\n{STEP * depth}"
        yield ": " if piece == ":" else piece
        depth += piece in OPENS
        before = piece


def _quoted(key: str) -> str:
    return json.dumps(key, ensure_ascii=False)


def _brief(text: str) -> str:
    shown = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return shown if len(shown) <= EXAMPLE else f"{shown[:EXAMPLE]}…"
