"""An undo writes what its own run has kept, of the very thing that the run replaced; a forged one copies nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from indexer.applier.history import ARCHIVE_FOLDER
from indexer.errors import RefusedError
from indexer.model.action import with_id
from indexer.model.plan import Plan
from indexer.runs.undo import undo
from indexer.runs.undone import all_beside, check_images
from shared.builders import apply_to, bounds, in_step, plan_of, record, world_of
from shared.memory.world import World

PUBLIC, PRIVATE = "bucket", "private"


def drifted(bucket: str, secret: str) -> World:
    """A bucket in which a run replaces a file and changes a record."""
    world = world_of(buckets=(bucket,))
    in_step(world, record(bucket=bucket, subject={"subject_id": "1"}), bucket=bucket)
    world.put(bucket, "asset/subject.json", b'{"was": "%s"}' % secret.encode())
    world.put(bucket, "asset/rig.json", b'{"rig_id": "%s"}' % secret.encode())
    return world


@pytest.fixture
def public(tmp_path: Path) -> Plan:
    """The plan that takes a run on the public bucket back."""
    world = drifted(PUBLIC, "public")
    apply_to(world, plan_of(world), tmp_path / "public")
    return undo(tmp_path / "public").plan


@pytest.fixture
def private(tmp_path: Path) -> Plan:
    """The same of a run on a private bucket."""
    world = drifted(PRIVATE, "private")
    plan = plan_of(world, PRIVATE)
    apply_to(world, plan, tmp_path / "private", within=bounds(buckets=frozenset({PRIVATE})))
    return undo(tmp_path / "private").plan


def puts(plan: Plan) -> list[Any]:
    return [one for one in plan.actions if one.kind == "put-object"]


def test_an_honest_undo_passes(public: Plan) -> None:
    """It names its run's folder, and every image is of that run."""
    assert puts(public)
    assert all_beside(public)
    check_images(public)


def with_sources(plan: Plan, **changed: Any) -> Plan:
    """The plan, forged: each file comes from elsewhere."""
    actions = []
    for one in plan.actions:
        if one.kind == "put-object":
            source = one.content.source.model_copy(update=changed)
            one = with_id(
                one.model_copy(update={"content": one.content.model_copy(update={"source": source})})
            )
        actions.append(one)
    return plan.model_copy(update={"actions": tuple(actions)})


def test_another_runs_images_are_refused(public: Plan, private: Plan, tmp_path: Path) -> None:
    """By its archive, by a digest of it, or by naming its folder."""
    theirs = puts(private)[0].content.source
    for forged in (
        with_sources(public, archive=theirs.archive, sha256=theirs.sha256),
        with_sources(public, archive=theirs.archive),
        with_sources(public, sha256=theirs.sha256),
        with_sources(public, archive=theirs.archive, sha256=theirs.sha256).model_copy(
            update={"undoes_in": private.undoes_in}
        ),
        with_sources(public, archive=theirs.archive, sha256=theirs.sha256).model_copy(
            update={"undoes_in": private.undoes_in, "undoes": private.undoes}
        ),
        public.model_copy(update={"undoes_in": None}),
        public.model_copy(update={"undoes_in": private.undoes_in}),
        public.model_copy(update={"undoes": "another"}),
    ):
        with pytest.raises(RefusedError):
            check_images(forged)
        with pytest.raises(RefusedError):
            check_images(forged, tmp_path / "private")


def test_an_image_of_another_file_is_refused(public: Plan) -> None:
    """Of the same asset, kept by the same run."""
    first, second = puts(public)[:2]
    content = first.content.model_copy(update={"source": second.content.source})
    forged = with_id(first.model_copy(update={"content": content}))
    with pytest.raises(RefusedError, match="is not what the run"):
        check_images(public.model_copy(update={"actions": (forged,)}))


def test_an_archive_elsewhere_needs_the_word_of_who_applies(public: Plan, tmp_path: Path) -> None:
    """A journal that somebody prepared could name any place."""
    run = tmp_path / "public"
    elsewhere = tmp_path / "elsewhere"
    (run / ARCHIVE_FOLDER).rename(elsewhere)
    for name in ("result.json", "journal.jsonl"):
        text = (run / name).read_text().replace('"archive": "archive"', f'"archive": "{elsewhere}"')
        (run / name).write_text(text.replace('"place": "archive"', f'"place": "{elsewhere}"'))
    moved = undo(run).plan
    assert puts(moved)
    assert not all_beside(moved)
    with pytest.raises(RefusedError):
        check_images(moved)
    check_images(moved, run)
