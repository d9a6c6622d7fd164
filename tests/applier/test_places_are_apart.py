"""Whoever writes a file of ours says which buckets are kept in step: nobody can leave it out, and no file gets there."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest

import indexer
from indexer.errors import UsageError
from indexer.model.place import S3Place, check_apart
from indexer.runs.files import check_writable, write_whole
from indexer.runs.loading import as_file
from indexer.runs.mirror import working_folder
from indexer.systems.archive import open_archive
from indexer.systems.s3_files import S3Files, s3_files
from shared.builders import BUCKET, plan_of, world_of
from shared.memory.world import World

PLACE = S3Place(BUCKET, "asset/file.json")


def objects(world: World) -> tuple[Any, Any]:
    return world.readers().objects, world.writers().objects


def in_s3(*buckets: Any) -> None:
    with s3_files(*buckets) as files:
        files.replace(PLACE, b"{}")


def a_run(world: World, *buckets: Any) -> None:
    with working_folder(PLACE, as_file(plan_of(world)), Event(), *buckets):
        pass


WRITERS: dict[str, Callable[..., object]] = {
    "the check": lambda _, *buckets: check_apart(PLACE, *buckets),
    "the check of a file": lambda _, *buckets: check_writable(PLACE, *buckets),
    "a file": lambda _, *buckets: write_whole(PLACE, (b"{}",), *buckets),
    "a file in S3": lambda _, *buckets: in_s3(*buckets),
    "a file over another": lambda world, *buckets: S3Files(*objects(world), *buckets).replace(PLACE, b"{}"),
    "a journal": lambda world, *buckets: S3Files(*objects(world), *buckets).put(PLACE, b"{}", None),
    "an image": lambda world, *buckets: open_archive("s3://" + BUCKET, lambda: objects(world), *buckets).keep(
        b""
    ),
}
OPENERS = {**WRITERS, "a run": a_run}
"""And who opens a writer, which then is asked."""


@pytest.fixture
def world() -> World:
    """One managed bucket, empty."""
    return world_of()


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
def test_no_file_gets_into_a_bucket_that_is_kept_in_step(world: World, write: Callable[..., object]) -> None:
    """No server is asked for it: there is none here."""
    with pytest.raises(UsageError, match="kept in step"):
        write(world, frozenset({BUCKET}))
    assert not world.writes


@pytest.mark.parametrize("write", OPENERS.values(), ids=OPENERS)
def test_who_does_not_say_which_they_are_writes_nothing(world: World, write: Callable[..., object]) -> None:
    with pytest.raises(TypeError, match="kept_in_step"):
        write(world)
    assert not world.writes


def required() -> Iterator[tuple[str, bool]]:
    """Every function that takes such buckets, and whether it can do without."""
    for path in sorted(Path(str(indexer.__file__)).parent.rglob("*.py")):
        for one in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(one, ast.FunctionDef):
                positional = [*one.args.posonlyargs, *one.args.args]
                defaults = [None] * (len(positional) - len(one.args.defaults)) + one.args.defaults
                pairs = [
                    *zip(positional, defaults, strict=True),
                    *zip(one.args.kwonlyargs, one.args.kw_defaults, strict=True),
                ]
                yield from (
                    (one.name, default is None)
                    for argument, default in pairs
                    if argument.arg == "kept_in_step"
                )


def test_nowhere_can_it_be_left_out_but_where_the_plan_itself_says_it() -> None:
    """So a type checker refuses whoever forgets."""
    found = dict(required())
    assert {name for name, needed in found.items() if not needed} == {"save_plan"}
    assert {
        "__init__",
        "check_apart",
        "check_writable",
        "open_archive",
        "s3_files",
        "working_folder",
        "write_whole",
    } <= found.keys()
