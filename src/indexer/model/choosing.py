"""Which actions are meant: the words that `show` filters by, and that `apply --only` and `--except` choose by.

| word                            | is matched to                                        |
|---------------------------------|------------------------------------------------------|
| `asset=GLOB`                    | the asset's folder, or its whole location            |
| `bucket=NAME`                   | its bucket                                           |
| `system=`, `action=`, `effect=` | where the action writes, its kind, what it does      |
| `reason=`                       | why it is planned                                    |
| `delete-record`, `links-stale`… | what only it can be: a kind, reason, effect, system  |
| anything else                   | an asset, as a glob                                  |
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from indexer.errors import UsageError
from indexer.model.action import Action
from indexer.model.kinds import EFFECTS, KINDS, PHASES, effect, system_of
from indexer.model.location import SCHEME, matches_any, parse_location
from indexer.model.reasons import REASONS

Facet = Literal["asset", "bucket", "system", "action", "effect", "reason"]
"""A side of an action that a word can speak of."""
FACETS: Mapping[Facet, tuple[str, ...]] = {
    "asset": (),
    "bucket": (),
    "system": PHASES,
    "action": tuple(KINDS),
    "effect": EFFECTS,
    "reason": tuple(REASONS),
}
"""Each with the words that there are for it; none where anything may stand."""
GLOB_SIGNS = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Term:
    """One word, and the side of an action that it speaks of."""

    facet: Facet
    value: str

    def __str__(self) -> str:
        return f"{self.facet}={self.value}"

    def takes(self, action: Action) -> bool:
        """Is the action meant?"""
        if self.facet == "asset":
            return matches_any(action.location, (self.value,))
        return self.value == side_of(action, self.facet)


def side_of(action: Action, facet: Facet) -> str:
    """What stands there for this action."""
    match facet:
        case "asset":
            return action.location
        case "bucket":
            return bucket_at(action.location)
        case "system":
            return system_of(action)
        case "action":
            return action.kind
        case "effect":
            return effect(action)
        case "reason":
            return action.reason


def bucket_at(location: str | None) -> str:
    """The bucket of a location; empty where it is not usable."""
    parsed = parse_location(location)
    return parsed.bucket if parsed else ""


def parse_term(typed: str, option: str) -> Term:
    """The word that was typed. Raises UsageError for one that there is not, with those that there are."""
    name, equals, value = typed.partition("=")
    # A name of a folder may hold a sign of equality, too; a place in S3 always has a slash before it.
    if equals and name.isidentifier():
        facet = next((one for one in FACETS if one == name), None)
        if facet is None:
            raise _wrong(typed, option, unknown_word(name, tuple(FACETS)))
        if not value:
            raise _wrong(typed, option, f"nothing is named after {name}=")
        if FACETS[facet] and value not in FACETS[facet]:
            raise _wrong(typed, option, unknown_word(value, FACETS[facet]))
        return Term(facet, value)
    meant = [one for one, words in FACETS.items() if typed in words]
    if meant:
        return Term(meant[0], typed)
    if not typed:
        raise _wrong(typed, option, "nothing is named")
    _check_asset(typed, option)
    return Term("asset", typed)


def _check_asset(typed: str, option: str) -> None:
    """Raise UsageError where a bare word is more likely a mistyped kind, reason, effect or system than an asset."""
    if GLOB_SIGNS & set(typed) or typed.startswith(SCHEME):
        return
    words = [word for held in FACETS.values() for word in held]
    if close := difflib.get_close_matches(typed, words, n=1, cutoff=0.75):
        hint = f"did you mean {close[0]}? If it is an asset, write asset={typed}"
        raise _wrong(typed, option, hint)


def _wrong(typed: str, option: str, why: str) -> UsageError:
    detail = f"{option} {typed!r}: {why}"
    return UsageError(
        "The choice of actions is not valid", detail, "`indexer apply --help` says what it takes."
    )


def unknown_word(typed: str, words: Sequence[str]) -> str:
    """That there is no such word, the one that was probably meant, and all that there are."""
    close = difflib.get_close_matches(typed, words, n=1)
    meant = f"did you mean {close[0]}? It is " if close else ""
    return f"{typed!r} is not known; {meant}one of {', '.join(words)}"


def takes_all(terms: Iterable[Term], action: Action) -> bool:
    """Is the action meant by all that is said? Words on one side are alternatives, those on several narrow each other."""
    by_facet: dict[Facet, bool] = {}
    for term in terms:
        by_facet[term.facet] = by_facet.get(term.facet, False) or term.takes(action)
    return all(by_facet.values())


@dataclass(frozen=True, slots=True)
class Chosen:
    """A part of a plan that can be carried out by itself: with each action, all that it rests on."""

    actions: tuple[Action, ...]
    brought: tuple[str, ...]
    """Ids of actions that nobody named, and that others of the part rest on."""
    dropped: tuple[str, ...]
    """Ids of actions that were named, or not excepted, and rest on what is left out."""


def choose(actions: Sequence[Action], only: Sequence[Term], but: Sequence[Term]) -> Chosen:
    """What is named by `only` (everything, where it is empty), without what any word of `but` names."""
    named = {one.id for one in actions if takes_all(only, one)}
    excepted = {one.id for one in actions if any(term.takes(one) for term in but)}
    return closed(actions, named, excepted)


def closed(actions: Sequence[Action], named: Collection[str], excepted: Collection[str]) -> Chosen:
    """What can be carried out of what is named, without what is excepted: what it rests on comes along.

    What rests on something excepted is left out with it, even where it is named: it could not succeed.
    """
    # In the plan's order an action comes after all that it rests on: one pass each way is enough.
    out = set(excepted)
    for action in actions:
        if not out.isdisjoint(action.after):
            out.add(action.id)
    taken: set[str] = set()
    for action in reversed(actions):
        if action.id in taken or (action.id in named and action.id not in out):
            taken |= {action.id, *action.after}
    chosen = tuple(action for action in actions if action.id in taken)
    return Chosen(
        chosen,
        brought=tuple(one.id for one in chosen if one.id not in named),
        dropped=tuple(
            one.id for one in actions if one.id in named and one.id in out and one.id not in excepted
        ),
    )
