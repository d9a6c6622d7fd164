"""The words by which actions are chosen."""

from __future__ import annotations

from itertools import combinations

import pytest

from indexer.errors import UsageError
from indexer.model.action import Action
from indexer.model.choosing import FACETS, Term, choose, parse_term, takes_all
from shared.rendered import delete, put

CHANGE, NEW, GONE = put("asset"), put("new", etag=None), delete("gone")
ACTIONS: tuple[Action, ...] = (CHANGE, NEW, GONE)


@pytest.mark.parametrize(
    ("typed", "term"),
    [
        ("reason=links-stale", Term("reason", "links-stale")),
        ("effect=delete", Term("effect", "delete")),
        ("action=put-object", Term("action", "put-object")),
        ("system=docdb", Term("system", "docdb")),
        ("bucket=anything.at-all", Term("bucket", "anything.at-all")),
        ("asset=ecephys_*", Term("asset", "ecephys_*")),
        ("asset=a=b", Term("asset", "a=b")),
        ("asset=delete", Term("asset", "delete")),
        ("delete", Term("effect", "delete")),
        ("delete-record", Term("action", "delete-record")),
        ("asset-gone", Term("reason", "asset-gone")),
        ("s3", Term("system", "s3")),
        ("ecephys_700101_2024-03-01", Term("asset", "ecephys_700101_2024-03-01")),
        ("links*", Term("asset", "links*")),
        ("s3://bucket/x=y/", Term("asset", "s3://bucket/x=y/")),
        ("2024-03-01=x", Term("asset", "2024-03-01=x")),
    ],
)
def test_a_word_is_what_it_can_only_be(typed: str, term: Term) -> None:
    """Without a side it is a kind, a reason, an effect or a system where there is one like it; else an asset."""
    assert parse_term(typed, "--only") == term
    assert parse_term(str(term), "--only") == term


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("reason=links-stal", "did you mean links-stale? It is one of core-file-missing,"),
        ("effect=remove", "one of create, change, delete"),
        (
            "reasn=x",
            "'reasn' is not known; did you mean reason? It is one of asset, bucket, system, action, effect, reason",
        ),
        ("status=failed", "one of asset, bucket, system, action, effect, reason"),
        ("reason=", "nothing is named after reason="),
        ("", "nothing is named"),
        ("links-stal", "did you mean links-stale? If it is an asset, write asset=links-stal"),
        ("delete-objects", "did you mean delete-object?"),
    ],
)
def test_a_wrong_word_lists_the_right_ones(typed: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_term(typed, "--except")
    assert said in caught.value.detail
    assert caught.value.detail.startswith("--except ")


def test_no_word_can_be_two_things() -> None:
    for one, other in combinations(FACETS.values(), 2):
        assert not set(one) & set(other)


@pytest.mark.parametrize(
    ("words", "taken"),
    [
        ((), (CHANGE, NEW, GONE)),
        (("put-object",), (CHANGE, NEW)),
        (("create", "delete"), (NEW, GONE)),
        (("put-object", "create"), (NEW,)),
        (("s3", "new", "gone"), (NEW,)),
        (("bucket=bucket", "asset-gone"), (GONE,)),
        (("bucket=other",), ()),
        (("s3://bucket/g*/",), (GONE,)),
    ],
)
def test_words_on_one_side_widen_and_on_several_narrow(
    words: tuple[str, ...], taken: tuple[Action, ...]
) -> None:
    terms = [parse_term(one, "--only") for one in words]
    assert tuple(one for one in ACTIONS if takes_all(terms, one)) == taken


def resting(action: Action, *on: Action) -> Action:
    return action.model_copy(update={"after": tuple(one.id for one in on)})


def test_what_is_chosen_comes_with_what_it_rests_on_however_far() -> None:
    """In the plan's order, and nothing else comes."""
    first, beside = put("first"), put("beside")
    second = resting(put("second", etag=None), first)
    third = resting(GONE, second)
    chosen = choose([first, beside, second, third], [Term("effect", "delete")], [])
    assert [one.id for one in chosen.actions] == [first.id, second.id, third.id]
    assert chosen.brought == (first.id, second.id)
    assert chosen.dropped == ()


def test_what_rests_on_something_excepted_is_left_out_even_where_it_is_named() -> None:
    """It could not succeed."""
    first = put("first")
    second = resting(put("second", etag=None), first)
    third = resting(GONE, second)
    chosen = choose([first, second, third, NEW], [Term("effect", "delete")], [Term("asset", "first")])
    assert (chosen.actions, chosen.brought, chosen.dropped) == ((), (), (third.id,))


def test_each_exception_leaves_out_all_that_it_names() -> None:
    """On whatever side they are: what is excepted is the sum of them."""
    chosen = choose(ACTIONS, [], [Term("effect", "delete"), Term("asset", "new")])
    assert chosen.actions == (CHANGE,)
