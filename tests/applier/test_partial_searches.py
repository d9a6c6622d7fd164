"""Code Ocean's search may show a part of what there is, and look whole: what it does not show is not gone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from indexer.model.ports import Readers
from indexer.model.snapshot import DataAsset
from indexer.planner.rules import OnMissing
from indexer.runs.undo import undo
from shared.builders import (
    BUCKET,
    apply_to,
    by_kind,
    outcome_of,
    plan_of,
    record,
    rules,
    statuses,
    stored_mount,
)
from shared.memory.data_assets import MemoryDataAssetReader
from shared.memory.world import World


@dataclass(repr=False)
class Hiding(World):
    """Everything is there, and not everything is shown."""

    hidden: set[str] = field(default_factory=set)

    def readers(self, *, data_assets: bool = True) -> Readers:
        """Code Ocean's searches leave some out."""
        return replace(super().readers(data_assets=data_assets), data_assets=PartOfAll(self))


class PartOfAll(MemoryDataAssetReader):
    """Searches that leave some out."""

    _world: Hiding

    def mounted(self, *, archived: bool = False) -> Iterator[tuple[DataAsset, ...]]:
        """All that are not hidden."""
        for page in super().mounted(archived=archived):
            yield tuple(one for one in page if one.id not in self._world.hidden)


@pytest.mark.parametrize("on_missing", ["archive", "delete"])
def test_a_data_asset_that_no_search_shows_is_not_taken_for_gone(
    on_missing: OnMissing, tmp_path: Path
) -> None:
    """Nor is the record deleted that comes after it; once it is shown, both go."""
    world = gone()
    plan = plan_of(world, with_rules=rules(on_missing=on_missing))
    (goes,) = by_kind(plan.actions, f"{on_missing}-data-asset")
    (delete,) = by_kind(plan.actions, "delete-record")
    world.hidden = {"da-1"}
    result = apply_to(world, plan, tmp_path)
    assert [outcome_of(result, one).status for one in (goes, delete)] == ["failed", "skipped"]
    assert not world.data_assets["da-1"].archived
    world.hidden = set()
    assert apply_to(world, plan, tmp_path).complete


def test_what_was_archived_and_is_not_shown_cannot_be_said_to_be_back(tmp_path: Path) -> None:
    """It is in no search: neither among the archived nor among the others. Later it comes back."""
    world = gone()
    apply_to(world, plan_of(world, with_rules=rules(on_missing="archive")), tmp_path)
    world.hidden = {"da-1"}
    back = undo(tmp_path).plan
    assert "stale" not in statuses(apply_to(world, back, tmp_path / "back"))
    world.hidden = set()
    assert apply_to(world, back, tmp_path / "back").complete
    assert not world.data_assets["da-1"].archived


def test_what_a_run_created_is_not_deleted_by_not_being_shown(tmp_path: Path) -> None:
    """The undo says that it is still there."""
    world = Hiding()
    world.put(BUCKET, "new/data_description.json", b'{"data_level": "derived"}')
    world.add("v1", record("other"))
    world.put(BUCKET, "other/data.bin", b"data")
    apply_to(world, plan_of(world, with_rules=rules(register_data_assets=True)), tmp_path)
    (created,) = world.data_assets
    world.hidden = {created}
    assert not apply_to(world, undo(tmp_path).plan, tmp_path / "back").complete
    assert set(world.data_assets) == {created}


def gone() -> Hiding:
    """An asset without its folder, which a data asset mounts."""
    world = Hiding()
    world.add("v1", record("gone"), record("other"))
    world.put(BUCKET, "other/data.bin", b"data")
    world.mount(stored_mount("da-1", "gone"))
    return world
