"""A memo between runs: kept whole, believed only where it is ours and whole, and never an error."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from indexer.errors import UsageError
from indexer.model.place import parse_place
from indexer.planner.asset import AssetPlan
from indexer.planner.asset_planner import AssetPlanner
from indexer.planner.memo import CHECKED_ONE_IN, MARK_BYTES, Memo, MemoWrongError
from indexer.planner.plan import Planned
from indexer.planner.rules import WholeReads
from indexer.runs import memo_file as module
from indexer.runs.memo_file import MAGIC, MemoFile, marks_of, memo_bytes
from shared.builders import BUCKET, Warned, planned_of, record, rules, world_of
from shared.memory.world import World

OTHER = "other-bucket"


def opened(place: Path, said: list[str] | None = None) -> MemoFile:
    return MemoFile(place, frozenset({BUCKET}), Warned([] if said is None else said))


def night(
    place: Path, world: World, number: int = 0, *, said: list[str] | None = None, **scoped: Any
) -> Planned:
    """A plan with the memo that is there."""
    run_id = f"night-{number}"
    return opened(place, said).used(
        run_id, lambda memo: planned_of(world, plan_id=run_id, memo=memo, **scoped)
    )


def marks(place: Path, bucket: str = BUCKET) -> frozenset[bytes]:
    return frozenset(marks_of(place.read_bytes()).get(bucket, ()))


@pytest.fixture
def world() -> World:
    """Three assets in step."""
    return world_of(*(record(name, subject={"n": 1}) for name in ("a", "b", "c")))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where no memo is yet."""
    return tmp_path / "memo"


def test_an_asset_in_step_takes_sixteen_bytes(place: Path, world: World) -> None:
    """Readable by its owner only; the second night finds nothing to add, and writes nothing."""
    night(place, world)
    assert len(marks(place)) == 3
    assert len(place.read_bytes()) == len(MAGIC) + len(json.dumps({BUCKET: 3})) + 1 + 3 * MARK_BYTES + 32
    assert place.stat().st_mode & 0o777 == 0o600
    before = place.stat().st_ino
    night(place, world, 1)
    assert place.stat().st_ino == before


def test_what_is_remembered_is_not_decided_again(place: Path, world: World) -> None:
    """But for one in a hundred, whose turn it is."""
    night(place, world)
    known = marks(place)
    turns = [number for number in range(500) if not all(settled(known, f"night-{number}"))]
    assert len(turns) in range(5, 40)  # of three assets, one in a hundred each
    quiet = next(number for number in range(500) if number not in turns)
    assert night(place, world, quiet).plan.actions == ()


def settled(known: frozenset[bytes], run_id: str, tool: str = "") -> list[bool]:
    recall = Memo(known, tool, run_id).of(PLANNER, AssetPlan())
    return [recall.settles(one) for one in known]


PLANNER = AssetPlanner(BUCKET, rules(), WholeReads())


@pytest.mark.parametrize(
    ("tool", "planner"),
    [
        ("another", PLANNER),
        ("", replace(PLANNER, rules=rules(metadata_file="leave"))),
        ("", replace(PLANNER, rules=rules(originals_folder="elsewhere"))),
        ("", replace(PLANNER, results=True)),
        *(("", replace(PLANNER, whole=WholeReads(**{name: False}))) for name in ("listing", "data_assets")),
        *(
            ("", replace(PLANNER, whole=WholeReads(**{name: frozenset({"v2"})})))
            for name in ("unread", "empty")
        ),
    ],
)
def test_what_all_decisions_rest_on_is_in_every_mark(tool: str, planner: AssetPlanner) -> None:
    """The tool, the rules, and which reads were whole: with another one nothing is remembered."""
    first = Memo(frozenset(), "", "run").of(PLANNER, AssetPlan())
    assert first.basis == Memo(frozenset(), "", "another run").of(PLANNER, AssetPlan()).basis
    assert first.basis != Memo(frozenset(), tool, "run").of(planner, AssetPlan()).basis


def test_drift_and_findings_are_never_remembered(place: Path, world: World) -> None:
    """Nor what rested on a file that had to be fetched."""
    world.put(BUCKET, "a/subject.json", b"{}")  # drift
    next(one for one in world.records["v1"].values() if one["name"] == "b")["name"] = "misnamed"
    world.put(
        BUCKET, "c/subject.json", world.buckets[BUCKET]["c/subject.json"].body, etag="0-2"
    )  # in step, but fetched
    plan = night(place, world).plan
    assert {action.location for action in plan.actions} == {f"s3://{BUCKET}/a", f"s3://{BUCKET}/b"}
    assert not place.exists()


def test_a_complete_plan_forgets_what_it_did_not_see(place: Path, world: World) -> None:
    """One of a part adds to what is there."""
    night(place, world)
    first = marks(place)
    for body in world.records["v1"].values():
        body["last_modified"] = "2026-01-14T01:00:00Z"
    night(place, world, assets=("[a-c]",))  # all of it drifts: the metadata files hold the time
    assert marks(place) == first
    again = world_of(
        *(record(name, subject={"n": 1}, modified="2026-01-14T01:00:00Z") for name in ("a", "b", "c"))
    )
    night(place, again, assets=("a",))
    assert len(marks(place)) == 4
    night(place, again, lookback_days=14)
    assert len(marks(place)) == 6
    night(place, again)
    assert len(marks(place)) == 3
    assert not marks(place) & first


def test_it_does_not_grow_for_ever(place: Path, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only parts are ever planned, what they no longer see is dropped beyond a bound."""
    monkeypatch.setattr(module, "MOST_UNSEEN", 5)
    for day in range(1, 9):
        again = world_of(*(record(name, modified=f"2026-01-{day:02}T00:00:00Z") for name in ("a", "b", "c")))
        night(place, again, lookback_days=300)
        assert len(marks(place)) <= 5 + 3


def test_other_buckets_marks_stay(place: Path, world: World) -> None:
    """Two plans at once, each of a bucket of its own, share a memo."""
    place.write_bytes(memo_bytes({OTHER: {b"x" * MARK_BYTES}}))
    place.chmod(0o600)
    night(place, world)
    assert marks(place, OTHER) == {b"x" * MARK_BYTES}
    assert len(marks(place)) == 3


def test_what_another_run_has_added_meanwhile_stays(place: Path, world: World) -> None:
    """The memo is read again before it is written."""

    def plan(memo: Memo) -> Planned:
        place.write_bytes(memo_bytes({OTHER: {b"y" * MARK_BYTES}}))
        place.chmod(0o600)
        return planned_of(world, memo=memo)

    opened(place).used("run", plan)
    assert (len(marks(place)), len(marks(place, OTHER))) == (3, 1)


def damaged(body: bytes) -> Iterator[bytes]:
    """Torn at every place, and with every byte changed."""
    yield from (body[:at] for at in range(len(MAGIC), len(body)))
    yield from (bytes((*body[:at], body[at] ^ 1, *body[at + 1 :])) for at in range(len(MAGIC), len(body)))


def test_a_damaged_memo_costs_a_full_run(place: Path, world: World) -> None:
    """People are told, nothing of it is believed, and it is whole again afterwards."""
    night(place, world)
    whole = place.read_bytes()
    for body in damaged(whole):
        with pytest.raises(ValueError, match="damaged"):
            marks_of(body)
    said: list[str] = []
    place.write_bytes(whole[:-3])
    assert night(place, world, said=said).plan.actions == ()
    assert said == [f"Nothing is remembered of earlier plans: {place}: it is damaged"]
    assert place.read_bytes() == whole


def test_a_digest_that_fits_no_counts_is_no_error(place: Path, world: World) -> None:
    """Whoever made it: what it counts and what it holds differ."""
    body = MAGIC + b'{"bucket": 1000}\n'
    place.write_bytes(body + sha256(body).digest())
    place.chmod(0o600)
    assert night(place, world).plan.actions == ()


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_what_others_may_write_to_is_not_believed(place: Path, world: World, mode: int) -> None:
    """They could hide drift."""
    night(place, world)
    place.chmod(mode)
    said: list[str] = []
    forged(place, world)
    assert night(place, world, said=said).plan.actions
    assert said == [f"Nothing is remembered of earlier plans: {place}: others may write to it"] * 1 + [
        f"What this plan has seen is not remembered: {place}: others may write to it"
    ]


def forged(place: Path, world: World) -> None:
    """Drift, and its mark in the memo."""
    memo = Memo(frozenset(), module._tool(), "x")
    planned_of(world, memo=memo)
    world.put(BUCKET, "a/subject.json", b"{}")
    recall: Any = Everything()
    memo.of = lambda planner, in_step: recall.of(Memo.of(memo, planner, in_step))  # type: ignore[method-assign]
    planned_of(world, memo=memo)
    mode = place.stat().st_mode
    place.write_bytes(memo_bytes({BUCKET: frozenset(recall.marks)}))
    place.chmod(mode & 0o777)


class Everything:
    """Takes whatever is asked about for remembered, and notes it."""

    def __init__(self) -> None:
        self.marks: set[bytes] = set()

    def of(self, recall: Any) -> Any:
        self._recall, self.in_step = recall, recall.in_step
        return self

    def mark(self, *args: Any) -> bytes | None:
        return self._recall.mark(*args)

    def settles(self, mark: bytes) -> bool:
        self.marks.add(mark)
        return True


def test_a_link_is_not_followed(place: Path, world: World, tmp_path: Path) -> None:
    """Nor is it replaced."""
    place.symlink_to(tmp_path / "elsewhere")
    said: list[str] = []
    night(place, world, said=said)
    assert [words.rpartition(": ")[2] for words in said] == ["it is a link"] * 2 or place.is_symlink()
    assert not (tmp_path / "elsewhere").exists()


def test_a_file_that_is_no_memo_is_left(place: Path, world: World) -> None:
    """It may be the configuration."""
    place.write_bytes(b'buckets = ["one"]\n')
    place.chmod(0o600)
    said: list[str] = []
    night(place, world, said=said)
    assert place.read_bytes() == b'buckets = ["one"]\n'
    assert [words.partition(":")[0] for words in said] == [
        "Nothing is remembered of earlier plans",
        "What this plan has seen is not remembered",
    ]


def test_a_place_that_cannot_be_written_to_is_no_error(tmp_path: Path, world: World) -> None:
    """People are told once."""
    said: list[str] = []
    night(tmp_path / "nowhere" / "memo", world, said=said)
    assert len(said) == 1


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root gives files away")
def test_another_users_memo_is_not_believed(place: Path, world: World) -> None:
    """Root's and one's own are; this test is root."""
    night(place, world)
    os.chown(place, 12345, 12345)
    said: list[str] = []
    assert night(place, world, said=said).plan.actions == ()
    assert said[0].endswith("it belongs to another user")


@pytest.mark.parametrize("text", [f"s3://{BUCKET}/memo", "run/journal.jsonl", "result.json"])
def test_it_is_kept_nowhere_among_what_is_kept_in_step(text: str) -> None:
    """Nor over what a run left behind."""
    with pytest.raises(UsageError):
        MemoFile(parse_place(text), frozenset({BUCKET}), Warned([]))


def test_a_forged_memo_hides_drift_until_it_is_checked(place: Path, world: World) -> None:
    """One asset in a hundred is decided again, another one each time; the first that is wrong ends the memo, by name."""
    night(place, world)
    forged(place, world)
    known = marks(place)
    run_ids = [f"night-{number}" for number in range(20 * CHECKED_ONE_IN)]
    bad = wrong(known, world)
    turns = [number for number, run_id in enumerate(run_ids) if not settled(bad, run_id)[0]]
    assert len(turns) in range(5, 60)
    hidden = next(number for number in range(len(run_ids)) if number not in turns)
    assert night(place, world, hidden).plan.actions == ()
    with pytest.raises(MemoWrongError, match=f"it has s3://{BUCKET}/a in step"):
        night(place, world, turns[0])
    assert not marks(place)
    assert night(place, world, turns[0]).plan.actions


def wrong(known: frozenset[bytes], world: World) -> frozenset[bytes]:
    """The mark among these that is of drift."""
    memo = Memo(frozenset(), module._tool(), "x")
    planned_of(world, memo=memo)
    return known - memo.seen[BUCKET]
