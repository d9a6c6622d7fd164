"""Every word of a plan has its facts in one place, and what follows from them holds for all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import pytest

from indexer.model.action import Action, ActionKind
from indexer.model.findings import FINDINGS, FindingKind
from indexer.model.kinds import KINDS, PHASES, Effect, effect, on_nothing, system_of
from indexer.model.limits import Limits, mode_hold, over_limits
from indexer.model.plan import Plan
from indexer.model.reasons import REASONS, Reason
from shared import forgery

MakesAction = Callable[..., dict[str, Any]]


def action_of(document: dict[str, Any]) -> Action:
    return Plan.model_validate(forgery.forged([document])).actions[0]


def test_no_kind_reason_or_finding_is_without_its_facts() -> None:
    assert tuple(KINDS) == get_args(ActionKind)
    assert tuple(REASONS) == get_args(Reason)
    assert tuple(FINDINGS) == get_args(FindingKind)
    made = [action_of(make()).kind for make in forgery.EVERY_KIND]
    assert sorted(made) == sorted(KINDS)


def test_an_asset_is_written_system_by_system() -> None:
    """A record that is gone must not leave data assets behind that nothing leads to; a file follows its record."""
    assert PHASES == ("codeocean", "docdb", "s3")
    assert [KINDS[kind].phase for kind in ("delete-data-asset", "delete-record", "delete-object")] == [
        0,
        1,
        2,
    ]


@pytest.mark.parametrize(
    ("make", "changed", "expected"),
    [
        (forgery.put, {}, "create"),
        (forgery.put, {"precondition": {"kind": "etag", "etag": "e"}}, "change"),
        (forgery.put, {"precondition": {"kind": "bytes", "sha256": forgery.DIGEST}}, "change"),
        (forgery.copy, {}, "create"),
        (forgery.delete, {}, "delete"),
        (forgery.insert, {}, "create"),
        (forgery.update, {}, "change"),
        (forgery.delete_record, {}, "delete"),
        (forgery.create_data_asset, {}, "create"),
        (forgery.archive_data_asset, {}, "delete"),
        (forgery.archive_data_asset, {"archive": False}, "create"),
        (forgery.delete_data_asset, {}, "delete"),
    ],
)
def test_what_an_action_does_to_its_target(
    make: MakesAction, changed: dict[str, Any], expected: Effect
) -> None:
    assert effect(action_of(make(**changed))) == expected


@pytest.mark.parametrize("make", forgery.EVERY_KIND)
def test_whatever_deletes_counts_against_a_limit(make: MakesAction) -> None:
    """A new kind of deletion cannot escape them by being forgotten."""
    action = action_of(make())
    held = over_limits([action], {}, Limits(max_deletes=0))
    assert bool(held) is (effect(action) == "delete")
    assert (mode_hold(action, "upsert-only") is not None) is (effect(action) == "delete")
    assert (mode_hold(action, "create-only") is None) is on_nothing(action)


def test_what_is_taken_out_of_the_archive_was_there() -> None:
    """It is shown as created, and `create-only` lets nothing that exists be changed."""
    action = action_of(forgery.archive_data_asset(archive=False))
    assert not on_nothing(action)
    assert mode_hold(action, "create-only") is not None
    assert mode_hold(action, "upsert-only") is None
    assert system_of(action) == "codeocean"
