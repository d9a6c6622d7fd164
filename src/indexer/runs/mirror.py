"""Results in S3: the run works in a folder of this machine, and its journal follows to S3 as it goes."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock, Thread
from time import monotonic

from indexer.applier.history import JOURNAL_FILE, PLAN_FILE, RESULT_FILE, SHARD_PREFIX, journal_plan_id
from indexer.disk import DiskFolder
from indexer.errors import IndexerError, UsageError
from indexer.model.place import KeptInStep, Place, S3Place
from indexer.model.plan import Plan
from indexer.runs.loading import PlanFile
from indexer.systems.s3_files import ContendedError, S3Files, s3_files

EVERY_S = 1.0
"""Between two uploads of a journal that grows: so much of it may be lost with the machine."""
SHARE = 10
"""A journal that takes long to upload waits for so many times as long: S3 has no way to append."""


def check_free(folder: Path, plan: Plan, results: Place) -> None:
    """Raise UsageError where a folder holds another plan, or its journal; `results`: its name to the user."""
    held = DiskFolder(folder)
    for what, other in (("the journal of plan", journal_plan_id(held)), ("plan", _plan_id(held))):
        if other not in (None, plan.plan_id):
            detail = f"{results} holds {what} {other}"
            raise UsageError("The results folder is taken", detail, "Name another one with --results.")


def _plan_id(folder: DiskFolder) -> str | None:
    """The id of the plan that is in the folder, anybody's; None if there is no plan."""
    try:
        body = folder.read(PLAN_FILE)
        return None if body is None else str(json.loads(body)["plan_id"])[:100]
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        return "(its id cannot be read)"


@dataclass(frozen=True, slots=True)
class Working:
    """The folder of this machine that a run writes its journal and result to."""

    path: Path
    claim: Callable[[], None] = lambda: None
    """To be called once the journal says that the run has started, and before its first write. Raises IndexerError where
    another run was quicker."""


@contextmanager
def working_folder(
    results: Place, reviewed: PlanFile, stop: Event, kept_in_step: KeptInStep
) -> Iterator[Working]:
    """A run's folder of this machine.

    For results in S3 it holds the journal of the plan's earlier runs, and what is written to it gets to S3, however
    the run ends. The plan goes there first of all, which shows that the place can be written to. Where the journal
    cannot follow, `stop` is set: what is not recorded is not to be written. Raises IndexerError, UsageError.
    """
    if isinstance(results, Path):
        yield Working(results)
        return
    with _on_disk():
        folder = Path(tempfile.mkdtemp(prefix="indexer-"))
    mirror = None
    try:
        with s3_files(kept_in_step) as files:
            mirror = _begun(files, folder, results, reviewed, stop)
            try:
                yield Working(folder, mirror.claim)
            except BaseException as exc:
                mirror.finish(exc)
                raise
            mirror.finish()
    finally:
        # Kept where S3 did not get all of it: it is then the only whole journal.
        if mirror is None or mirror.whole:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _on_disk() -> Iterator[None]:
    """A full disk, or none that can be written to, in words."""
    try:
        yield
    except OSError as exc:
        hint = "Make room for it, or name another place for temporary files with TMPDIR."
        raise IndexerError("The run has no folder to work in", str(exc), hint) from exc


def _begun(files: S3Files, folder: Path, results: S3Place, reviewed: PlanFile, stop: Event) -> _Mirror:
    """Fetch what is there, put the plan there, and follow from now on."""
    held = files.read(results / JOURNAL_FILE)
    for name in (JOURNAL_FILE, RESULT_FILE, PLAN_FILE):
        there = held if name == JOURNAL_FILE else files.read(results / name)
        if there is not None:
            with _on_disk():
                DiskFolder(folder).write(name, there.body)
    check_free(folder, reviewed.plan, results)
    # Before the first write: a place that nobody may write to must not come to light when the journal is to follow.
    files.replace(results / PLAN_FILE, reviewed.body)
    return _Mirror(files, folder, results, None if held is None else held.etag, stop)


class _Mirror:
    """Brings a journal to S3 as it grows, and at the end all that is left."""

    def __init__(self, files: S3Files, folder: Path, results: S3Place, etag: str | None, stop: Event) -> None:
        self._files, self._folder, self._results, self._stop = files, folder, results, stop
        self._etag, self._size_bytes = etag, -1
        self._fault: IndexerError | None = None
        self._uploading = Lock()
        self._refused = False
        """Another run has the place: this one has written nothing."""
        self._done = Event()
        self._thread = Thread(target=self._follow, name="mirror", daemon=True)
        self._thread.start()
        self.whole = False
        """All that the run left is in S3."""

    def _follow(self) -> None:
        pause_s = EVERY_S
        try:
            while not self._done.wait(pause_s):
                began = monotonic()
                self._upload_journal()
                pause_s = max(EVERY_S, SHARE * (monotonic() - began))
        except IndexerError as exc:
            self._fault = None if self._done.is_set() else exc
        finally:
            # On any error, foreseen or not: what is not recorded is not to be written.
            if not self._done.is_set():
                self._stop.set()

    def claim(self) -> None:
        """Put the line that says that this run has started on the very journal that it has read, before its first write.

        Of two that begin at the same moment one gets there. One that was alive all the same finds this line in the
        place of its own next one, and stops: S3 has no locks. Raises IndexerError.
        """
        try:
            self._upload_journal()
        except ContendedError:
            self._refused = True
            raise

    def _upload_journal(self) -> None:
        """Only on what this run, or the one before it, put there: two runs do not overwrite each other's.

        In S3 it is one file, with those that a cluster's workers write beside the run's own.
        """
        with self._uploading:
            self._upload_what_grew()

    def _upload_what_grew(self) -> None:
        paths = [self._folder / JOURNAL_FILE, *sorted(self._folder.glob(f"{SHARD_PREFIX}*"))]
        size_bytes = sum(path.stat().st_size for path in paths if path.exists())
        if size_bytes != self._size_bytes and paths[0].exists():
            body = b"\n".join(_whole_lines(path.read_bytes()) for path in paths)
            self._etag = self._files.put(self._results / JOURNAL_FILE, body, self._etag)
            self._size_bytes = size_bytes

    def finish(self, fault: BaseException | None = None) -> None:
        """Bring all to S3. Raises IndexerError; `fault`: why the run ends, where it failed."""
        self._done.set()
        self._thread.join()
        if self._refused:  # there is nothing of it that anybody would miss
            self.whole = True
            return
        try:
            self._upload_journal()
            result = self._folder / RESULT_FILE
            if result.exists():
                self._files.replace(self._results / RESULT_FILE, result.read_bytes())
        except IndexerError as exc:
            first = f"{fault}; and then " if isinstance(fault, IndexerError) else ""
            detail = f"{first}{exc.what}"
            hint = (
                f"What is missing in {self._results}/ is in {self._folder}: add it there, then apply again."
            )
            raise IndexerError("The results could not all be put into S3", detail, hint) from exc
        self.whole = True
        if self._fault is not None and fault is None:
            hint = "What was written is recorded now. Apply again with the same --results: it goes on from there."
            raise IndexerError("The run stopped, since its journal did not get to S3", self._fault.what, hint)


def _whole_lines(body: bytes) -> bytes:
    """Without a last line that is still being written: in the middle of a file it would look like damage."""
    head, _, last = body.rpartition(b"\n")
    try:
        json.loads(last)
    except ValueError:
        return head
    return body
