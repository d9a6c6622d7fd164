"""Where a memo is kept between runs: a file of its owner's, or an object in S3, written whole.

It holds for each bucket how many marks there are, the marks, and a digest of all that. What is lost or damaged costs
a full run and nothing else, so none of it is ever an error.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from hashlib import sha256
from itertools import chain
from pathlib import Path

import indexer
from indexer.config import Config
from indexer.disk import read_file
from indexer.durable import replace_file
from indexer.errors import IndexerError
from indexer.model.counting import counted
from indexer.model.observer import Observer
from indexer.model.place import Place, S3Place, check_apart, parse_place
from indexer.model.plan import Plan
from indexer.planner.memo import MARK_BYTES, Memo, MemoWrongError
from indexer.planner.plan import Planned
from indexer.runs.own_places import check_file_of_ours
from indexer.systems.s3_files import s3_files

LOGGER = logging.getLogger("indexer.memo")
MAGIC = b"indexer's memo, version 1\n"
"""How such a file begins. What begins otherwise is somebody's, and is never replaced."""
DIGEST_BYTES = 32
MOST_UNSEEN = 4_000_000
"""Marks of a bucket that plans of a part of it carry on (64 MB). Beyond that they are dropped, or a memo would grow for ever."""
Marks = Mapping[str, AbstractSet[bytes]]
"""By bucket."""


class MemoFile:
    """The memo at a place; whatever is wrong with it, people are told, and the run goes on."""

    def __init__(self, place: Place, kept_in_step: AbstractSet[str], observer: Observer) -> None:
        """Raises UsageError for a place that is none for a file of ours."""
        check_apart(place, kept_in_step, "plan.memo")
        if isinstance(place, Path):
            check_file_of_ours(place)
        self._place, self._kept_in_step, self._observer = place, kept_in_step, observer

    def used(self, run_id: str, plan: Callable[[Memo], Planned]) -> Planned:
        """Plan with the memo, and keep what was seen. Raises MemoWrongError, after it was dropped."""
        known = frozenset(chain.from_iterable(self._held().values()))
        memo = Memo(known, _tool(), run_id)
        try:
            planned = plan(memo)
        except MemoWrongError:
            self._write({})
            raise
        remembered = sum(len(found & known) for found in memo.seen.values())
        LOGGER.debug("%s: %s in step, as remembered", self._place, counted(remembered, "asset"))
        self._keep(memo.seen, planned.plan)
        return planned

    def _keep(self, seen: Marks, plan: Plan) -> None:
        """Add what a run has seen; of buckets that it saw whole, nothing else stays.

        Two runs at once: each adds to what is there when it ends. Should both end in the same moment, the last one's stays.
        """
        scope = plan.scope
        whole = plan.summary.complete and not scope.globs and scope.lookback_days is None
        held = self._held(told=False)
        ours = {
            bucket: found if whole else _grown(held.get(bucket, frozenset()), found)
            for bucket, found in seen.items()
        }
        marks = {bucket: found for bucket, found in {**held, **ours}.items() if found}
        if marks != held:
            self._write(marks)

    def _held(self, *, told: bool = True) -> Marks:
        try:
            body = self._read()
            return {} if body is None else marks_of(body)
        except (IndexerError, OSError, ValueError) as exc:
            if told:
                self._warn("Nothing is remembered of earlier plans", exc)
            return {}

    def _read(self) -> bytes | None:
        """All of it; None where there is none. Raises OSError, IndexerError."""
        if isinstance(self._place, Path):
            try:
                return read_file(self._place, follow=False, own=True)
            except FileNotFoundError:
                return None
        with s3_files(self._kept_in_step) as files:
            found = files.read(self._place)
            return found.body if found is not None else None

    def _write(self, marks: Marks) -> None:
        try:
            held = self._read()
            if held and not held.startswith(MAGIC):
                raise ValueError("what is there is no memo, and is left as it is")
            body = memo_bytes(marks)
            if isinstance(self._place, S3Place):
                with s3_files(self._kept_in_step) as files:
                    files.replace(self._place, body)
            else:
                replace_file(self._place, body)
        except (IndexerError, OSError, ValueError) as exc:
            self._warn("What this plan has seen is not remembered", exc)

    def _warn(self, what: str, exc: Exception) -> None:
        why = exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc)
        self._observer.warn(f"{what}: {self._place}: {why}")


def memo_file(config: Config, observer: Observer) -> MemoFile | None:
    """The configured one; None where there is none. Raises UsageError for an unfit place."""
    if config.plan.memo is None:
        return None
    return MemoFile(parse_place(config.plan.memo), frozenset(config.every_bucket), observer)


def memo_bytes(marks: Marks) -> bytes:
    """A memo's file."""
    counts = {bucket: len(marks[bucket]) for bucket in sorted(marks)}
    # Sorted: the order of a set says something about the machine, and the same memo has the same bytes.
    body = b"".join(
        chain((MAGIC, json.dumps(counts).encode(), b"\n"), *(sorted(marks[bucket]) for bucket in counts))
    )
    return body + sha256(body).digest()


def marks_of(body: bytes) -> Marks:
    """The marks in a memo's file. Raises ValueError for one that is not whole."""
    if not body.startswith(MAGIC):
        raise ValueError("it is no memo")
    if sha256(body[:-DIGEST_BYTES]).digest() != body[-DIGEST_BYTES:]:
        raise ValueError("it is damaged")
    header, _, rest = body[len(MAGIC) : -DIGEST_BYTES].partition(b"\n")
    found: dict[str, frozenset[bytes]] = {}
    for bucket, count in json.loads(header).items():
        end = count * MARK_BYTES
        found[bucket] = frozenset(rest[at : at + MARK_BYTES] for at in range(0, end, MARK_BYTES))
        rest = rest[end:]
    return found


def _grown(held: AbstractSet[bytes], seen: AbstractSet[bytes]) -> AbstractSet[bytes]:
    """With what a plan of a part has seen; what it did not look at may still hold, or be of assets that are gone."""
    return held | seen if len(held - seen) <= MOST_UNSEEN else seen


def _tool() -> str:
    """Whose decisions they are: of this code, whatever its version is called, on this Python."""
    folder = Path(indexer.__file__).parent
    digest = sha256(f"{indexer.__version__} {sys.version}".encode())
    for file in sorted(folder.rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()
