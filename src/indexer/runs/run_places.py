"""Where runs of apply left what they did: the folders beside plans, and those that are named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from indexer.applier.history import JOURNAL_FILE, RESULT_FILE
from indexer.errors import IndexerError
from indexer.model.place import Everywhere, Place, S3Place
from indexer.systems.s3_files import S3Files, s3_files

RESULTS_SUFFIX = ".results"
PLANS = "plans"
OF_RUNS = frozenset({JOURNAL_FILE, RESULT_FILE})


@dataclass(frozen=True, slots=True)
class FolderView:
    """What is directly in a folder."""

    files: frozenset[str]
    folders: tuple[str, ...]


def run_places(place: Place) -> Iterator[Place]:
    """Each folder in which a run has left something: `place` itself, those in it, and those in `*.results` and `plans` there.

    A plan stands for the folders of its runs. Raises IndexerError where it cannot be looked for; what is a link in it is
    not followed.
    """
    with ExitStack() as until_the_end:
        if isinstance(place, S3Place):
            files = until_the_end.enter_context(s3_files(Everywhere()))
            yield from _within(place, lambda one: _in_s3(files, one))
        else:
            yield from _within(_folder_of(place), _on_disk)


def _folder_of(place: Path) -> Path:
    """Where the runs of a plan are, or of which this is the result."""
    if not place.is_file():
        return place
    return place.parent if place.name == RESULT_FILE else place.parent / f"{place.stem}{RESULTS_SUFFIX}"


def _within(place: Place, look: Callable[[Place], FolderView], depth: int = 0) -> Iterator[Place]:
    try:
        held = look(place)
    except IndexerError:
        if depth == 0:
            raise
        if place.parent.name.endswith(RESULTS_SUFFIX):
            yield place  # most likely another user's run: who reads it says why not
        return
    if held.files & OF_RUNS:
        yield place
        return
    for name in held.folders:
        # Anything may lie here and be large: below what was named only folders that are made for runs are looked into.
        if depth == 0 or name.endswith(RESULTS_SUFFIX) or place.name.endswith(RESULTS_SUFFIX):
            yield from _within(place / name, look, depth + 1)


def _on_disk(folder: Place) -> FolderView:
    if not isinstance(folder, Path):
        raise TypeError(folder)
    try:
        held = sorted(folder.iterdir())
    except OSError as exc:
        hint = "Name a folder in which runs are kept, or an s3:// prefix."
        raise IndexerError("The place cannot be looked into", f"{folder}: {exc.strerror}", hint) from exc
    kept = [one for one in held if not one.is_symlink()]
    return FolderView(
        frozenset(one.name for one in kept if one.is_file()),
        tuple(one.name for one in kept if one.is_dir()),
    )


def _in_s3(files: S3Files, folder: Place) -> FolderView:
    if not isinstance(folder, S3Place):
        raise TypeError(folder)
    return FolderView(*files.held(folder))
