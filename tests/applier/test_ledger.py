"""The ledger: what comes of an action is told once, with the images that an undo goes by."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from indexer.applier.guard import PROCEED, SATISFIED, stale
from indexer.applier.ledger import ANSWER_LOST, system_of
from indexer.errors import OutageError
from indexer.model.action import Action
from indexer.model.breaker import FAILURES_IN_A_ROW
from indexer.model.outcome import AfterImage, BeforeImage, OurWrite, Outcome
from indexer.model.values import sha256
from shared.forgery import archive_data_asset, copy, create_data_asset, delete_record, insert, put, update
from shared.ledgers import Run, action_of, after_s

ABSENT = BeforeImage(kind="absent")
THERE = BeforeImage(kind="object", archive="a" * 64, place="archive", etag="old")
OURS = AfterImage(key="asset/subject.json", sha256="1" * 64)
SHOWN = AfterImage(key="asset/subject.json", etag="new", sha256="1" * 64)
OTHERS = AfterImage(key="asset/subject.json", etag="other", sha256="2" * 64)


def test_a_write_is_settled_with_its_images_and_times(tmp_path: Path) -> None:
    """It began with its intent; what it replaced was kept then, and what it left is known now."""
    action = action_of()
    with Run(tmp_path) as run:
        run.ledger.intend(action, THERE, OURS)
        run.ledger.written(action, SHOWN, attempts=2, detail="at last")
        outcome = run.ledger.outcomes[action.id]
    assert outcome == Outcome(
        action_id=action.id,
        status="applied",
        detail="at last",
        started_at=after_s(1),
        ended_at=after_s(2),
        attempts=2,
        before=THERE,
        after=SHOWN,
    )
    assert run.watcher.told == [(action.id, "applied")]
    assert (run.watcher.steps, run.watcher.found) == (1, 1)


def test_what_needs_no_write_is_settled_at_once(tmp_path: Path) -> None:
    """Without a before-image: it is nobody's write. It counts as a step, and as nothing found."""
    one, two = action_of(), action_of(copy())
    with Run(tmp_path) as run:
        assert run.ledger.judged(one, PROCEED, SHOWN)
        assert run.ledger.outcomes == {}
        assert not run.ledger.judged(one, SATISFIED, SHOWN)
        assert not run.ledger.judged(two, stale("somebody was there"), OTHERS)
    assert run.ledger.outcomes == {
        one.id: Outcome(
            action_id=one.id, status="satisfied", started_at=after_s(1), ended_at=after_s(1), after=SHOWN
        ),
        two.id: Outcome(
            action_id=two.id,
            status="stale",
            detail="somebody was there",
            started_at=after_s(2),
            ended_at=after_s(2),
        ),
    }
    assert (run.watcher.steps, run.watcher.found) == (2, 0)


def test_a_failure_says_why_and_how_often(tmp_path: Path) -> None:
    """And claims no write, though one was sent."""
    one, two = action_of(), action_of(copy())
    with Run(tmp_path) as run:
        run.ledger.intend(one, THERE, OURS)
        run.ledger.failed(one, "the server said no", attempts=3)
        run.ledger.failed(two, "never tried")
    told = [run.ledger.outcomes[action.id] for action in (one, two)]
    assert [(it.status, it.detail, it.attempts) for it in told] == [
        ("failed", "the server said no", 3),
        ("failed", "never tried", 1),
    ]
    assert [(it.before, it.after) for it in told] == 2 * [(None, None)]


@pytest.mark.parametrize(
    ("judgement", "left", "live", "status", "claimed"),
    [
        (SATISFIED, OURS, SHOWN, "applied", SHOWN),
        (SATISFIED, OURS, OTHERS, "satisfied", None),
        (SATISFIED, AfterImage(), None, "applied", None),
        (stale("changed"), OURS, SHOWN, "stale", SHOWN),
        (stale("changed"), OURS, OTHERS, "stale", None),
        (stale("changed"), AfterImage(), None, "stale", None),
        # A record tells by its time; later changes of other fields are not ours.
        (
            SATISFIED,
            AfterImage(sha256="1" * 64, modified="then"),
            AfterImage(sha256="2" * 64, modified="then"),
            "applied",
            AfterImage(sha256="1" * 64, modified="then"),
        ),
        (
            stale("changed"),
            AfterImage(sha256="1" * 64, modified="then"),
            AfterImage(sha256="2" * 64, modified="then"),
            "stale",
            AfterImage(sha256="1" * 64, modified="then"),
        ),
    ],
)
@pytest.mark.parametrize("earlier", [False, True])
def test_a_write_whose_answer_was_lost_is_ours_where_its_content_is_there(
    tmp_path: Path,
    judgement: Any,
    left: AfterImage,
    live: AfterImage | None,
    status: str,
    claimed: AfterImage | None,
    earlier: bool,
) -> None:
    """Whether this run sent it or one that was killed; anybody else's content is nobody's write of ours."""
    action = action_of()
    with Run(tmp_path) as first:
        first.ledger.intend(action, THERE, left)
        if not earlier:
            first.ledger.judged(action, judgement, live)
            outcome = first.ledger.outcomes[action.id]
    if earlier:
        with Run(tmp_path, "run-2") as second:
            assert second.ledger.look_first
            second.ledger.judged(action, judgement, live)
            outcome = second.ledger.outcomes[action.id]
        status = "satisfied" if status == "applied" else status
    ours = claimed is not None or (judgement is SATISFIED and live is None)
    assert (outcome.status, outcome.before) == (status, THERE if ours else None)
    assert outcome.after == (claimed if ours or judgement is not SATISFIED else live)
    assert outcome.detail == (ANSWER_LOST if ours and judgement is SATISFIED else judgement.why)


def test_of_several_writes_the_last_one_unanswered_counts(tmp_path: Path) -> None:
    """One that was refused was never ours."""
    action = action_of()
    with Run(tmp_path) as run:
        assert run.ledger.unanswered(action) is None
        run.ledger.intend(action, ABSENT, OURS)
        run.ledger.intend(action, THERE, OTHERS)
        second = run.ledger.unanswered(action)
        run.ledger.refused(action)
        first = run.ledger.unanswered(action)
        run.ledger.refused(action)
        assert run.ledger.unanswered(action) is None
        run.ledger.intend(action, THERE)
        run.ledger.written(action)
        assert run.ledger.unanswered(action) is None
    assert first is not None
    assert second is not None
    assert (first.before, first.after, first.sure) == (ABSENT, OURS, False)
    assert (second.before, second.after, second.sure) == (THERE, OTHERS, False)
    assert run.ledger.outcomes[action.id].started_at == after_s(1)
    assert run.ledger.outcomes[action.id].attempts == 1
    assert run.ledger.outcomes[action.id].detail == ""


def test_of_an_earlier_runs_writes_the_last_one_counts(tmp_path: Path) -> None:
    """What this run sends is none of them."""
    action = action_of()
    with Run(tmp_path) as first:
        assert first.ledger.sent_before(action) is None
        for left in (OURS, OTHERS, SHOWN):
            first.ledger.intend(action, ABSENT, left)
        assert first.ledger.sent_before(action) is None
    with Run(tmp_path, "run-2") as second:
        second.ledger.intend(action, THERE, OURS)
        assert second.ledger.sent_before(action) == OurWrite(ABSENT, SHOWN, sure=False, at=after_s(3))
        assert second.ledger.sent_before(action_of(copy())) is None


def test_what_a_write_replaces_is_kept_with_the_place_where_it_is(tmp_path: Path) -> None:
    """An undo may be given another folder."""
    with Run(tmp_path) as run:
        kept = run.ledger.kept("object", b"body", "etag")
    assert kept == BeforeImage(kind="object", archive=sha256(b"body"), place="archive", etag="etag")
    assert run.archive.held == {sha256(b"body"): b"body"}


def skipped(run: Run, actions: Sequence[Action]) -> list[str]:
    """Why each may not be tried; empty where it may."""
    return ["" if run.ledger.ready(one) else run.ledger.outcomes[one.id].detail for one in actions]


def test_what_may_not_be_tried_is_skipped_with_its_reason(tmp_path: Path) -> None:
    """A person must know whether to run it again, or to look at something first."""
    action = action_of()
    with Run(tmp_path / "stopped") as run:
        run.stop.set()
        assert skipped(run, [action]) == ["the run was interrupted"]
        assert run.ledger.outcomes[action.id].status == "skipped"
        assert not run.ledger.ready(action)
        assert run.watcher.told == [(action.id, "skipped")]
    with Run(tmp_path / "halted") as run:
        run.ledger.halt("conditions are ignored")
        run.ledger.halt("a later reason")
        assert skipped(run, [action]) == ["conditions are ignored"]
    with Run(tmp_path / "down") as run:
        of_s3, of_docdb, of_code_ocean = action, action_of(update()), action_of(archive_data_asset())
        for _ in range(FAILURES_IN_A_ROW["docdb"]):
            run.ledger.noted("docdb", OutageError("It is down"))
        assert skipped(run, [of_s3, of_docdb, of_code_ocean]) == [
            "",
            "not tried, after 8 failed requests in a row",
            "",
        ]
        run.ledger.noted("docdb")
        assert skipped(run, [action_of(delete_record())]) == [""]


def test_an_action_waits_for_all_that_it_rests_on(tmp_path: Path) -> None:
    """Applied and satisfied will do; whatever else came of one, or nothing yet, is named."""
    one, two, other = action_of(insert()), action_of(copy()), action_of(delete_record())
    resting = action_of(put(after=[one.id, two.id]))
    unmet = action_of(put("core-file-format", after=[one.id, other.id]))
    with Run(tmp_path) as run:
        run.ledger.intend(one, ABSENT)
        run.ledger.written(one)
        run.ledger.judged(two, SATISFIED)
        run.ledger.failed(other, "no")
        why = f"action {other.id}, which it rests on, did not succeed"
        assert skipped(run, [resting, unmet]) == ["", why]
        unsettled = action_of(put("core-file-missing", after=["0" * 16]))
        assert skipped(run, [unsettled]) == ["action 0000000000000000, which it rests on, did not succeed"]


def test_each_action_belongs_to_the_system_that_it_writes_to() -> None:
    """A system that is down holds up its own actions alone."""
    documents = (
        put(),
        copy(),
        insert(),
        update(),
        delete_record(),
        create_data_asset(),
        archive_data_asset(),
    )
    systems = [system_of(action_of(one)) for one in documents]
    assert systems == 2 * ["s3"] + 3 * ["docdb"] + 2 * ["codeocean"]


def test_two_runs_date_what_they_replace_differently(tmp_path: Path) -> None:
    """A write is known by its time; where the clock says nothing new, both would come to the same one."""
    later = "2999-01-01T00:00:00+00:00"
    stamps = set()
    for run_id in ("run-1", "run-2"):
        with Run(tmp_path / run_id, run_id) as run:
            stamps.add(run.ledger.stamp(later))
    assert len(stamps) == 2
    assert all(stamp > later for stamp in stamps)
