"""A part of a plan: which of its actions a run carries out, and what is known of the others."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from indexer.applier.history import settled_before
from indexer.errors import UsageError
from indexer.model.action import Action
from indexer.model.choosing import Chosen, Term, bucket_at, choose, parse_term, unknown_word
from indexer.model.location import matches_any
from indexer.model.outcome import PartOfPlan
from indexer.model.plan import Plan
from indexer.model.ports import RunFolder

NAMED = 5
"""So many actions are named where a part is explained; the result has all of them."""


@dataclass(frozen=True, slots=True)
class Part:
    """What is asked for: all that `only` names (everything, where it is empty), without what `but` names."""

    only: tuple[Term, ...] = ()
    but: tuple[Term, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.only or self.but)

    @property
    def words(self) -> Mapping[str, Sequence[str]]:
        """As they stand in journal and result."""
        return {"only": tuple(map(str, self.only)), "excepted": tuple(map(str, self.but))}

    def of(self, actions: Sequence[Action]) -> Chosen:
        """The actions that are carried out, with all that they rest on."""
        return choose(actions, self.only, self.but)


WHOLE = Part()


def asked_part(plan: Plan, only: Sequence[str], but: Sequence[str]) -> Part:
    """The part that is typed. Raises UsageError for a word that there is not, and for an asset or bucket not in the plan."""
    part = Part(
        tuple(parse_term(one, "--only") for one in only), tuple(parse_term(one, "--except") for one in but)
    )
    if part:
        # Of what is withheld too: a plan that was made once more for it may be applied by the same words.
        actions = (*plan.actions, *(one.action for one in plan.withheld))
        places = {
            *(one.location for one in actions),
            *(one.location for one in plan.findings if one.location),
        }
        for option, terms in (("--only", part.only), ("--except", part.but)):
            for term in terms:
                _check(term, option, places)
    return part


def _check(term: Term, option: str, places: Collection[str]) -> None:
    """A mistyped exception would carry out what was to be left alone, so it is refused before anything is written."""
    why = ""
    if term.facet == "asset" and not any(matches_any(one, (term.value,)) for one in places):
        why = "the plan has nothing to do with such an asset"
    elif term.facet == "bucket" and term.value not in (
        buckets := sorted(filter(None, map(bucket_at, places)))
    ):
        why = unknown_word(term.value, tuple(dict.fromkeys(buckets)))
    if why:
        hint = "Nothing was written. `indexer show` has the same filters: see there what they choose."
        raise UsageError("The choice of actions is not valid", f"{option} {term}: {why}", hint)


def unasked_words(chosen: Chosen, actions: Sequence[Action]) -> Iterator[str]:
    """What comes along, and what is left out, though nobody said so."""
    held = {action.id: action for action in actions}
    for ids, one, several in (
        (
            chosen.brought,
            "comes along: what was chosen rests on it",
            "come along: what was chosen rests on them",
        ),
        (
            chosen.dropped,
            "is left out too: it rests on what was excepted",
            "are left out too: they rest on what was excepted",
        ),
    ):
        if ids:
            more = f", and {len(ids) - NAMED:,} more" if len(ids) > NAMED else ""
            named = ", ".join(f"{held[id_].kind} of {held[id_].location}" for id_ in ids[:NAMED])
            what = f"1 action {one}" if len(ids) == 1 else f"{len(ids):,} actions {several}"
            yield f"{what} ({named}{more})."


def part_told(part: Part, chosen: Chosen, plan: Plan, folder: RunFolder) -> PartOfPlan | None:
    """What a result says of it; None for the whole plan. Raises IndexerError where earlier runs cannot be read."""
    if not part:
        return None
    taken = {action.id for action in chosen.actions}
    others = [action.id for action in plan.actions if action.id not in taken]
    return PartOfPlan(
        **{name: tuple(words) for name, words in part.words.items()},
        brought_along=chosen.brought,
        left_out=chosen.dropped,
        not_selected=len(others),
        earlier=settled_before(folder, plan.plan_id, others),
    )
