"""Where a file of ours may not be written, beside buckets that are kept in step: over what a run left behind."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from indexer.applier.history import (
    ARCHIVE_FOLDER,
    JOURNAL_FILE,
    LOCK_FILE,
    PLAN_FILE,
    PULSE_PREFIX,
    RESULT_FILE,
    SHARD_PREFIX,
)
from indexer.errors import UsageError
from indexer.model.place import Place

RUN_ONLY = re.compile(
    "|".join(
        (
            re.escape(JOURNAL_FILE),
            re.escape(LOCK_FILE),
            re.escape(RESULT_FILE),
            re.escape(SHARD_PREFIX) + ".*",
            re.escape(PULSE_PREFIX) + ".*",
        )
    )
)
"""Names that a run gives to its files, and nobody else to any."""
IMAGE = re.compile("[0-9a-f]{64}")


def check_no_run_file(place: Place, is_there: Callable[[Place], bool]) -> None:
    """Raise UsageError where only a run writes: undo could not take it back without.

    | name                            | a run's                                          |
    |---------------------------------|--------------------------------------------------|
    | `journal.jsonl`, `result.json`, … | always: none of them is of any other use       |
    | `plan.json`                     | beside a journal                                 |
    | in `archive/`, or named by a digest | in a run's archive, or where one is already  |
    """
    place = place.resolve() if isinstance(place, Path) else place
    folder = place.parent
    if place.name == PLAN_FILE:
        taken = is_there(folder / JOURNAL_FILE)
    elif folder.name == ARCHIVE_FOLDER:
        taken = is_there(folder.parent / JOURNAL_FILE)
    else:
        taken = bool(RUN_ONLY.fullmatch(place.name)) or (
            bool(IMAGE.fullmatch(place.name)) and is_there(place)
        )
    if taken:
        hint = "What a run leaves is never replaced: `indexer undo` needs it. Name another place."
        raise UsageError("The place belongs to a run of apply", str(place), hint)


def check_file_of_ours(path: Path) -> None:
    """The same for a file of this machine that is written piece by piece."""
    check_no_run_file(path, lambda one: isinstance(one, Path) and one.exists())
