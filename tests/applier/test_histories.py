"""What a plan's earlier runs have written, line by line: of several runs, of a cluster's workers, torn and damaged."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any

import pytest

from indexer.applier.history import (
    History,
    file_names,
    journal_plan_id,
    merged,
    read_history,
    read_journal,
    read_lines,
    settled_before,
    told_by_workers,
)
from indexer.disk import UnsafeFileError
from indexer.errors import IndexerError, RefusedError
from indexer.model.outcome import AfterImage, BeforeImage, OurWrite, Outcome, Result
from indexer.model.ports import Lines
from shared.memory.stored import START

JOURNAL, SHARD = "journal.jsonl", "journal.shard-run-000001-aaaa.jsonl"
ABSENT = BeforeImage(kind="absent")
FIRST = BeforeImage(kind="object", archive="a" * 64, etag="first")
SECOND = BeforeImage(kind="object", archive="b" * 64, etag="second")
OURS, OTHERS = AfterImage(key="k", sha256="1" * 64), AfterImage(key="k", sha256="2" * 64)


class Held:
    """A run's folder in memory, or one that cannot be read."""

    def __init__(self, files: Mapping[str, bytes] | None = None, error: OSError | None = None) -> None:
        self._files, self._error = dict(files or {}), error

    def __str__(self) -> str:
        return "/var/runs/one"

    def names(self) -> Sequence[str]:
        if self._error is not None:
            raise self._error
        return sorted(self._files)

    def read(self, name: str) -> bytes | None:
        if self._error is not None:
            raise self._error
        return self._files.get(name)

    def write(self, name: str, body: bytes | Iterable[bytes]) -> None:
        raise AssertionError("a history is only read")

    def remove(self, name: str) -> None:
        raise AssertionError("a history is only read")

    def lines(self, name: str) -> Lines:
        raise AssertionError("a history is only read")

    def locked(self, _name: str, _note: bytes | None = None) -> AbstractContextManager[bool]:
        raise AssertionError("a history is only read")


def second(number: int) -> datetime:
    return START + timedelta(seconds=number)


def line(event: str, at: int = 0, run: str = "r1", act: str = "act", **more: Any) -> dict[str, Any]:
    return {
        "run_id": run,
        "plan_id": "plan",
        "event": event,
        "action_id": act,
        "at": second(at).isoformat(),
        **more,
    }


def image(one: BeforeImage | AfterImage) -> dict[str, Any]:
    return one.model_dump(mode="json", exclude_none=True)


def intent(at: int, run: str = "r1", before: BeforeImage = FIRST, **more: Any) -> dict[str, Any]:
    return line("intent", at, run, **{"before": image(before), "after": image(OURS)} | more)


def outcome(
    status: Any, at: int = 0, before: BeforeImage | None = None, after: AfterImage | None = None
) -> Outcome:
    return Outcome(
        action_id="act", status=status, started_at=START, ended_at=second(at), before=before, after=after
    )


def came(
    status: str, at: int, before: BeforeImage | None = None, after: AfterImage | None = None, run: str = "r1"
) -> dict[str, Any]:
    return line("outcome", at, run) | outcome(status, at, before, after).model_dump(
        mode="json", exclude_none=True
    )


STARTED = line("started")


def text(*lines: Any) -> bytes:
    """A file; bytes stand as they are."""
    return b"".join((one if isinstance(one, bytes) else json.dumps(one).encode()) + b"\n" for one in lines)


def history(*lines: Any, **files: bytes) -> History:
    return read_history(Held({JOURNAL: text(*lines)} | files), "plan")


def of_act(*lines: Any) -> tuple[OurWrite, ...]:
    return history(*lines).writes.get("act", ())


def sent(at: int, before: BeforeImage = FIRST, after: AfterImage | None = OURS) -> OurWrite:
    return OurWrite(before, after, sure=False, at=second(at))


def test_a_write_that_was_intended_may_have_been_carried_out() -> None:
    """With its time, what it would replace and what it would leave, where that was known."""
    unknown = {name: value for name, value in intent(2).items() if name != "after"}
    assert of_act(intent(1), unknown) == (sent(1), sent(2, after=None))
    assert of_act(intent(1, before=ABSENT, after=None)) == (sent(1, ABSENT, None),)
    assert of_act(intent(1, after={})) == (sent(1, after=AfterImage()),)


@pytest.mark.parametrize(
    ("lines", "left"),
    [
        ([intent(1), line("refused")], ()),
        ([intent(1), intent(2), line("refused")], (1,)),
        ([intent(1), intent(2, "r2"), line("refused")], (2,)),
        ([intent(1), intent(2, "r2"), line("refused", run="r2")], (1,)),
        ([intent(1), intent(2, "r2"), intent(3), line("refused")], (1, 2)),
        ([line("refused"), intent(1)], (1,)),
        ([intent(1), line("refused", run="r2")], (1,)),
        ([intent(1), line("refused", act="other")], (1,)),
    ],
)
def test_a_refusal_is_of_the_same_runs_last_intent(lines: list[Any], left: tuple[int, ...]) -> None:
    """Two runs may write at once; what one was refused says nothing of the other."""
    assert of_act(*lines) == tuple(map(sent, left))


def made(
    at: int, before: BeforeImage = FIRST, after: AfterImage | None = OURS, twins: tuple[str, ...] = ()
) -> OurWrite:
    return OurWrite(before, after, sure=True, at=second(at), twins=twins)


@pytest.mark.parametrize(
    ("lines", "write"),
    [
        ([intent(1), came("applied", 2, FIRST, OURS)], made(2)),
        ([came("satisfied", 2, FIRST, OURS)], made(2)),
        ([came("stale", 2, FIRST, OURS)], made(2)),
        ([came("applied", 1, FIRST, OURS), came("applied", 2, SECOND, OTHERS)], made(2, after=OTHERS)),
        ([came("applied", 2, FIRST, OURS), came("applied", 2, SECOND, OTHERS)], made(2, after=OTHERS)),
        ([came("applied", 2, FIRST, OURS), came("applied", 1, SECOND, OTHERS)], made(2)),
        ([came("applied", 1, FIRST, OURS), intent(2, before=SECOND)], made(1)),
        ([came("applied", 1, FIRST, OURS), came("failed", 2)], made(1)),
        ([came("applied", 1, FIRST, OURS), came("stale", 2)], made(1)),
        ([came("applied", 1, FIRST, None)], made(1, after=None)),
    ],
)
def test_a_write_that_was_carried_out_is_sure(lines: list[Any], write: OurWrite) -> None:
    """Of several: what the first one replaced, and what the last one by its time has left."""
    assert of_act(*lines) == (write,)


def test_data_assets_that_were_created_beside_each_other_are_all_known() -> None:
    """The last one by its time counts, whatever the order of the lines; the others are its twins."""

    def created(at: int, name: str) -> dict[str, Any]:
        return came("applied", at, ABSENT, AfterImage(data_asset_id=name))

    (write,) = of_act(created(2, "da-2"), created(1, "da-1"), created(3, "da-3"))
    assert write == made(3, ABSENT, AfterImage(data_asset_id="da-3"), ("da-1", "da-2"))


@pytest.mark.parametrize(
    ("lines", "left"),
    [
        ([intent(1), came("stale", 2)], (1,)),
        ([intent(1), came("failed", 2)], (1,)),
        ([intent(1), came("satisfied", 2)], (1,)),
        ([intent(1), came("skipped", 2)], (1,)),
        ([intent(1), came("stale", 2), intent(3)], (1, 3)),
    ],
)
def test_what_came_of_it_without_an_image_tells_little(lines: list[Any], left: tuple[int, ...]) -> None:
    """What is somebody else's by now may have been ours before: what it rested on is not taken back without it."""
    assert of_act(*lines) == tuple(map(sent, left))


@pytest.mark.parametrize(
    "odd",
    [
        intent(1, before=ABSENT) | {"before": {"kind": "odd"}},
        intent(1) | {"before": None},
        intent(1) | {"after": {"key": 7}},
        intent(1) | {"at": "yesterday"},
        {name: value for name, value in intent(1).items() if name != "at"},
        came("applied", 1, FIRST, OURS) | {"status": "odd"},
        line("of a later version"),
        {"plan_id": "plan"},
        intent(1) | {"plan_id": "another"},
        {name: value for name, value in intent(1).items() if name != "plan_id"},
    ],
)
def test_a_line_that_says_nothing_we_know_is_passed_over(odd: dict[str, Any]) -> None:
    """It is no damage; what follows counts."""
    found = history(odd, intent(2))
    assert (found.writes, found.damaged) == ({"act": (sent(2),)}, 0)


TORN = b'{"event": "int'


@pytest.mark.parametrize(
    ("lines", "damaged"),
    [
        ([STARTED, TORN], 0),
        ([STARTED, TORN, STARTED, intent(1)], 0),
        ([STARTED, TORN, intent(1)], 1),
        ([STARTED, TORN, TORN], 1),
        ([STARTED, TORN, TORN, intent(1)], 2),
        ([STARTED, TORN, TORN, STARTED], 1),
        ([STARTED, TORN, intent(1), intent(2), TORN, intent(3)], 2),
        ([STARTED, b"[1]", intent(1)], 1),
        ([STARTED, TORN, b"", b"  ", STARTED], 0),
        ([STARTED, TORN, STARTED | {"plan_id": "another"}], 0),
        ([STARTED | {"plan_id": "another"}, TORN, intent(1) | {"plan_id": "another"}], 1),
    ],
)
def test_what_no_crash_explains_is_counted(lines: list[Any], damaged: int) -> None:
    """A crash tears the last line of a run, or of the file; the next line begins the next run."""
    assert history(*lines).damaged == damaged


def test_each_workers_journal_ends_for_itself() -> None:
    """What was torn at the end of one says nothing of the beginning of the next."""
    files = {JOURNAL: text(STARTED, TORN), SHARD: text(intent(1), TORN)}
    found = read_history(Held(files), "plan")
    assert (found.damaged, found.writes) == (0, {"act": (sent(1),)})


def test_all_journals_of_a_run_are_read_and_nothing_else() -> None:
    """A cluster's workers have each their own; whether the run itself has one, is told."""
    body = text(intent(1), line("intent", 2, "r2", "two", before=image(ABSENT)))
    files = {SHARD: body, "run.pulse-1": text(intent(3)), "my-journal.jsonl": text(intent(4))}
    found = read_history(Held(files), "plan")
    writes = {"act": (sent(1),), "two": (sent(2, ABSENT, None),)}
    assert found == History(writes, ("r1", "r2"), journal=False, damaged=0)
    both = read_history(Held({JOURNAL: text(intent(0, "r0"))} | files), "plan")
    assert both == History(writes | {"act": (sent(0), sent(1))}, ("r0", "r1", "r2"), journal=True)


def test_what_workers_had_journalled_is_told() -> None:
    """Of this run, in the shards' journals alone; not what is torn, and nothing that is no outcome."""
    told = came("applied", 3, FIRST, OURS)
    files = {
        SHARD: text(intent(1), told, told | {"run_id": "r2", "action_id": "two"}, TORN),
        "journal.shard-run-000002-bbbb.jsonl": text(told | {"action_id": "three", "status": "nothing"}),
        JOURNAL: text(told | {"action_id": "four"}),
    }
    assert told_by_workers(Held(files), "r1") == {"act": outcome("applied", 3, FIRST, OURS)}


def test_runs_are_told_once_in_their_order() -> None:
    """Those of another plan are none of this one's."""
    runs = history(line("started", run="r2"), STARTED, intent(1, "r2"), STARTED | {"plan_id": "x"}).runs
    assert runs == ("r2", "r1")


def result(plan_id: str, *outcomes: Outcome) -> Result:
    return Result(
        run_id="r0",
        plan_id=plan_id,
        plan_digest="0" * 64,
        tool_version="0",
        started_at=START,
        ended_at=START,
        summary={},
        outcomes=outcomes,
    )


def test_the_result_of_a_run_counts_where_it_is_this_plans() -> None:
    """Before the journal's lines; one that cannot be read is none. Another one may be given instead."""
    told = result("plan", outcome("applied", 1, SECOND, OTHERS))
    body = told.model_dump_json().encode()
    journal = text(came("applied", 2, FIRST, OURS))
    both = {"act": (made(2, SECOND, OURS),)}
    assert read_history(Held({"result.json": body}), "plan").writes == {"act": (made(1, SECOND, OTHERS),)}
    assert read_history(Held({"result.json": body, JOURNAL: journal}), "plan").writes == both
    alone = {"act": (made(2),)}
    for other in (result("x", *told.outcomes).model_dump_json().encode(), b"{", b""):
        assert read_history(Held({"result.json": other, JOURNAL: journal}), "plan").writes == alone
    given = read_history(Held({"result.json": body, JOURNAL: journal}), "plan", result("plan"))
    assert given.writes == alone
    assert read_history(Held({JOURNAL: journal}), "plan", told).writes == both


@pytest.mark.parametrize(
    ("lines", "plan_id"),
    [([], None), ([STARTED], "plan"), ([TORN, STARTED], "plan"), ([TORN], None), ([{"event": "x"}], "None")],
)
def test_a_journal_tells_whose_it_is_by_its_first_line(lines: list[Any], plan_id: str | None) -> None:
    """The first that can be read."""
    assert journal_plan_id(Held({JOURNAL: text(*lines)})) == plan_id


def test_what_is_no_line_of_a_journal_is_none() -> None:
    """Empty lines are passed over."""
    assert list(read_lines(text({"a": 1}, b"", b"[]", TORN, b"7", b"[" * 100_000, {"b": 2}))) == [
        {"a": 1},
        None,
        None,
        None,
        None,
        {"b": 2},
    ]


DENIED = PermissionError(errno.EACCES, os.strerror(errno.EACCES))
HINT = "See that you may read it (a run's folder is its owner's only), or name another one with --results."


@pytest.mark.parametrize(
    ("error", "kind"), [(DENIED, IndexerError), (UnsafeFileError(errno.ELOOP, "a link"), RefusedError)]
)
def test_a_folder_that_cannot_be_read_is_an_error_with_its_name(
    error: OSError, kind: type[IndexerError]
) -> None:
    """One that somebody may have laid for us is refused."""
    folder = Held(error=error)
    for read, where in (
        (lambda: file_names(folder), "/var/runs/one"),
        (lambda: journal_plan_id(folder), f"/var/runs/one: {JOURNAL}"),
        (lambda: read_history(folder, "plan"), "/var/runs/one: result.json"),
    ):
        with pytest.raises(IndexerError) as raised:
            read()
        assert type(raised.value) is kind
        assert raised.value.summary == "The run's journal cannot be read"
        assert raised.value.detail == f"{where}: {error.strerror}"
        assert raised.value.hint == HINT
        assert raised.value.__cause__ is error


@pytest.mark.parametrize(
    ("told", "writes", "before", "after"),
    [
        (outcome("satisfied"), (made(1),), FIRST, OURS),
        (outcome("satisfied", 0, SECOND, OTHERS), (made(1),), SECOND, OTHERS),
        (outcome("satisfied", 0, None, OTHERS), (sent(1),), None, OTHERS),
        (outcome("satisfied", 0, None, OTHERS), (), None, OTHERS),
        (outcome("failed"), (sent(1), made(2, SECOND, OTHERS)), SECOND, OTHERS),
    ],
)
def test_an_outcome_is_told_with_the_images_of_the_write_that_an_earlier_run_made(
    told: Outcome, writes: tuple[OurWrite, ...], before: BeforeImage | None, after: AfterImage | None
) -> None:
    """Unless it has its own; a write that may have been made is none."""
    held = History({"act": writes} if writes else {})
    (one,) = merged((told,), held)
    assert one == told.model_copy(update={"before": before, "after": after})


JOURNALLED = (STARTED, intent(1), came("applied", 2, FIRST, OURS))


@pytest.mark.parametrize(
    ("lines", "results", "status", "ended_s"),
    [
        ((), (), None, 0),
        ((), (outcome("failed", 3),), "failed", 3),
        (JOURNALLED, (), "applied", 2),
        (JOURNALLED, (outcome("failed", 3),), "applied", 2),
        (JOURNALLED, (outcome("satisfied", 3),), "satisfied", 3),
        ((STARTED, intent(1)), (), None, 0),
        ((STARTED, intent(1)), (outcome("failed", 3),), "failed", 3),
    ],
)
def test_a_write_that_the_journal_is_sure_of_counts(
    lines: tuple[Any, ...], results: tuple[Outcome, ...], status: str | None, ended_s: int
) -> None:
    """Whatever the last result says; one that may have been carried out does not. Of an action that is not asked for: nothing."""
    files = {JOURNAL: text(*lines)}
    if results:
        files["result.json"] = result("plan", *results).model_dump_json().encode()
    assert settled_before(Held(files), "plan", ["other"]) == ()
    found = settled_before(Held(files), "plan", ["other", "act"])
    assert [(one.action_id, one.status, one.ended_at) for one in found] == (
        [] if status is None else [("act", status, second(ended_s))]
    )
    if lines == JOURNALLED:
        assert [(one.before, one.after) for one in found] == [(FIRST, OURS)]
    assert settled_before(Held(files), "another plan", ["act"]) == ()


def test_the_journal_alone_is_read_line_by_line() -> None:
    """Without what workers left beside it."""
    files = {JOURNAL: text(STARTED, b"{torn"), SHARD: text(intent(1))}
    assert list(read_journal(Held(files))) == [STARTED, None]
    assert list(read_journal(Held())) == []


def test_a_run_that_was_started_and_told_no_end_is_unended() -> None:
    """In the order in which they began; whoever takes over is told of the last."""
    runs = [line("started", run=one) for one in ("r1", "r2", "r3")]
    assert history(*runs, line("finished", run="r2")).unended == ("r1", "r3")
    assert history(line("finished", run="r9"), *runs[:1], line("finished", run="r1")).unended == ()
