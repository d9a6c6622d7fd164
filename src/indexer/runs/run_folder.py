"""A run's folder, here or in S3: where it goes, and, once the run is over, what an undo is planned from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from indexer.applier.history import JOURNAL_FILE, PLAN_FILE, RESULT_FILE
from indexer.disk import DiskFolder
from indexer.errors import RefusedError
from indexer.model.place import Place, S3Place
from indexer.model.plan import Plan
from indexer.model.ports import Lines, RunFolder
from indexer.runs.loading import has_neighbours, read_bytes
from indexer.runs.mirror import check_free


class S3RunFolder:
    """A run's files in S3, to be read. A run itself works in a folder of its machine (`mirror`)."""

    def __init__(self, place: S3Place) -> None:
        self._place = place

    def __str__(self) -> str:
        return str(self._place)

    def names(self) -> Sequence[str]:
        """The files that are there."""
        return [name for name in (JOURNAL_FILE, PLAN_FILE, RESULT_FILE) if self.read(name) is not None]

    def read(self, name: str) -> bytes | None:
        """A file, or None where there is none."""
        try:
            return read_bytes(self._place / name)
        except FileNotFoundError:
            return None

    def write(self, name: str, body: bytes | Iterable[bytes]) -> None:
        """Never: an undo reads."""
        raise NotImplementedError

    def remove(self, name: str) -> None:
        """Never: an undo reads."""
        raise NotImplementedError

    def lines(self, name: str) -> Lines:
        """Never: an undo reads."""
        raise NotImplementedError

    def locked(self, _name: str, _note: bytes | None = None) -> AbstractContextManager[bool]:
        """S3 has no locks."""
        return nullcontext(enter_result=False)


def finished_run(place: Place) -> RunFolder:
    """The folder of a run that is over; what was typed may be a link to it, what is in it may not."""
    return S3RunFolder(place) if isinstance(place, S3Place) else DiskFolder(place.resolve())


def result_file(place: Place) -> Place:
    """The result in a run's folder, or the file that was named itself; in S3 a folder has no suffix."""
    folder = not place.name.endswith(".json") if isinstance(place, S3Place) else place.is_dir()
    return place / RESULT_FILE if folder else place


def results_folder(plan_path: Place, plan: Plan, results: Place | None) -> Place:
    """Where a run's journal, result and archive go: a folder for each plan, beside it; here where it came from a pipe.

    Raises UsageError where `results` holds those of another plan; of a folder in S3 `working_folder` says so.
    """
    if results is None:
        if isinstance(plan_path, Path) and not has_neighbours(plan_path):
            plan_path = Path(PLAN_FILE)
        runs = plan_path.parent / f"{plan_path.stem}.results"
        if isinstance(runs, Path) and runs.is_symlink():  # it can be predicted, and led elsewhere
            raise RefusedError(
                "The run's folder is not used", f"{runs}: it is a link", "Name one with --results."
            )
        return runs / plan.plan_id[:8]
    if isinstance(results, Path):
        check_free(results, plan, results)
    return results
