"""One data asset at a time: what Code Ocean is asked, how often, how long it is waited for, and what is told of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from indexer.applier.data_assets import ATTEMPTS, LAGS, LOOKS_S, DataAssetApplier
from indexer.applier.evidence import Evidence
from indexer.applier.ledger import ANSWER_LOST
from indexer.errors import AccessDeniedError, OutageError, SystemFaultError
from indexer.model.action import Action
from indexer.model.breaker import FAILURES_IN_A_ROW
from indexer.model.outcome import AfterImage, BeforeImage, Outcome
from indexer.model.snapshot import DataAsset
from indexer.model.values import canonical, sha256
from shared.builders import stored_mount
from shared.forgery import BUCKET, archive_data_asset, create_data_asset, delete_data_asset, mount
from shared.ledgers import Noting, Run, action_of, told
from shared.memory.data_assets import MemoryDataAssetReader, MemoryDataAssetWriter
from shared.memory.stored import START, StoredDataAsset
from shared.memory.world import World

PLACE = f"s3://{BUCKET}/asset"
ABSENT = BeforeImage(kind="absent")
ANY_ID = AfterImage(data_asset_id="")
MOUNTED = stored_mount("da-1", "asset", BUCKET)
IMAGE = canonical({"id": "da-1", "name": "asset", "location": PLACE, "state": "ready"})
KEPT = BeforeImage(kind="data-asset", archive=sha256(IMAGE), place="archive")
DA_1 = AfterImage(data_asset_id="da-1")
CREATED = action_of(create_data_asset(rests_on=None))
ARCHIVED = action_of(archive_data_asset(rests_on=None))
BACK = action_of(archive_data_asset("undo", rests_on=None, archive=False))
DELETED = action_of(delete_data_asset(rests_on=None))
TAKEN_BACK = action_of(delete_data_asset("undo", rests_on=None))
LOST = SystemFaultError("No answer", "it took too long", "Wait.")
DOWN = OutageError("It is down", "Code Ocean", "Wait.")
LOOK_FOR = f"whether it was created is not known: look in Code Ocean for a data asset that mounts {PLACE}, and plan again"


class Lagging(MemoryDataAssetReader):
    """A search that shows what was created only after so many looks; it remembers for whom it looked."""

    def __init__(self, world: World, looks: int = 0) -> None:
        super().__init__(world)
        self._left = looks
        self.asked: list[bool] = []

    def mounted(self, *, archived: bool = False) -> Iterator[tuple[DataAsset, ...]]:
        self.asked.append(archived)
        hidden, self._left = self._left > 0, self._left - 1
        return iter(()) if hidden and not archived else super().mounted(archived=archived)


class DataAssets(Run):
    """A run that carries out data-asset actions. It waits for nothing, and remembers how long it would have."""

    def __init__(
        self,
        folder: Path,
        world: World,
        *,
        looks: int = 0,
        run_id: str = "run-1",
        now: datetime = START,
        clock: Callable[[], datetime] | None = None,
        objects: Any = None,
    ) -> None:
        clock = clock or (lambda: now)
        super().__init__(folder, run_id, clock)
        readers = replace(world.readers(), objects=objects or world.readers().objects)
        self.reader, self.pauses = Lagging(world, looks), list[float]()
        evidence = Evidence(readers, "original_metadata", clock)
        writer = MemoryDataAssetWriter(world)
        self.applier = DataAssetApplier(self.reader, writer, evidence, self.ledger, self.pauses.append)

    def __enter__(self) -> DataAssets:
        super().__enter__()
        return self

    def carried_out(self, *actions: Any) -> list[Outcome]:
        """What comes of these."""
        self.applier.apply(actions)
        return [self.ledger.outcomes[one.id] for one in actions]


def world_of(*data_assets: StoredDataAsset) -> World:
    world = World()
    world.buckets[BUCKET] = {}
    world.mount(*data_assets)
    return world


def made(world: World) -> list[StoredDataAsset]:
    return [one for one in world.data_assets.values() if one.prefix == "asset"]


def test_a_data_asset_is_created_where_none_mounts_the_asset(tmp_path: Path) -> None:
    """On one search; what it is called and tagged stands in the plan, and its id is known by the answer."""
    world = world_of(stored_mount("other", "another", BUCKET))
    with DataAssets(tmp_path, world) as run:
        outcomes = run.carried_out(CREATED)
    new = AfterImage(data_asset_id="created-1")
    assert outcomes == [told(CREATED, "applied", before=ABSENT, after=new)]
    assert run.told_of == [
        ("intent", CREATED.id, ABSENT, ANY_ID),
        ("applied", CREATED.id, ABSENT, new),
    ]
    assert made(world) == [StoredDataAsset("created-1", "asset", BUCKET, "asset", tags=("derived",))]
    assert (run.reader.asked, run.pauses) == ([False], [])


def test_one_that_mounts_the_asset_already_is_as_good(tmp_path: Path) -> None:
    """Of several the first by its id."""
    world = world_of(replace(MOUNTED, id="da-2"), MOUNTED, stored_mount("da-0", "another", BUCKET))
    with DataAssets(tmp_path, world) as run:
        assert run.carried_out(CREATED) == [told(CREATED, "satisfied", after=DA_1)]
    assert [event for event, *_ in run.told_of] == ["satisfied"]
    assert world.writes == []


def test_two_actions_of_one_batch_do_not_create_two(tmp_path: Path) -> None:
    """What one has created the next one sees, though no search shows it yet."""
    again = action_of(create_data_asset(rests_on=None, changes_omitted=1))
    world = world_of()
    with DataAssets(tmp_path, world) as run:
        one, two = run.carried_out(CREATED, again)
    assert (one.status, two.status) == ("applied", "satisfied")
    assert one.after == two.after
    assert len(made(world)) == 1


def test_what_speaks_against_its_creation_makes_it_stale(tmp_path: Path) -> None:
    """Nothing was sent."""
    resting = action_of(create_data_asset())
    world = world_of()
    with DataAssets(tmp_path, world) as run:
        assert run.carried_out(resting) == [told(resting, "stale", "data_description.json is gone by now")]
    assert (world.writes, [event for event, *_ in run.told_of]) == ([], ["stale"])


def test_a_creation_that_is_refused_has_failed_and_was_never_ours(tmp_path: Path) -> None:
    """It is not looked for; the next action is tried."""
    world = world_of(replace(MOUNTED, prefix="x"))
    denial = AccessDeniedError("It denies access", "create", "Ask.")
    denial.refused = True
    world.fail("data_assets.create", error=denial)
    other = action_of(archive_data_asset(at=f"s3://{BUCKET}/x", target=mount("da-1", "x"), rests_on=None))
    with DataAssets(tmp_path, world) as run:
        outcome, next_one = run.carried_out(CREATED, other)
    assert outcome == told(CREATED, "failed", "It denies access: create")
    assert next_one.status == "applied"
    assert [event for event, at, *_ in run.told_of if at == CREATED.id] == ["intent", "refused", "failed"]
    assert (run.reader.asked, run.pauses) == ([False], [])


@pytest.mark.parametrize("looks", range(len(LOOKS_S) + 1))
def test_a_creation_whose_answer_was_lost_is_looked_for(tmp_path: Path, looks: int) -> None:
    """A search lags behind: five pauses at most, and a last look. What comes to light is ours."""
    world = world_of()
    world.fail("data_assets.create", committed=True, error=LOST)
    with DataAssets(tmp_path, world, looks=looks + 1) as run:
        (outcome,) = run.carried_out(CREATED)
    after = AfterImage(data_asset_id=made(world)[0].id)
    assert outcome == told(CREATED, "applied", ANSWER_LOST, before=ABSENT, after=after)
    assert run.pauses == list(LOOKS_S[:looks])
    assert len(made(world)) == 1


def test_a_creation_of_which_nothing_comes_to_light_has_failed(tmp_path: Path) -> None:
    """It is not sent twice: a person looks."""
    world = world_of()
    world.fail("data_assets.create", committed=True, error=LOST)
    with DataAssets(tmp_path, world, looks=99) as run:
        (outcome,) = run.carried_out(CREATED)
    assert outcome == told(CREATED, "failed", f"No answer: it took too long; {LOOK_FOR}")
    assert [event for event, *_ in run.told_of] == ["intent", "failed"]
    assert (run.pauses, len(run.reader.asked)) == ([*LOOKS_S, 0.0], 7)
    assert world.calls["data_assets.create"] == 1


def sent_by_an_earlier_run(folder: Path, world: World, *, lost: bool) -> None:
    """It created it; or its answer was lost."""
    if lost:
        world.fail("data_assets.create", committed=True, error=LOST)
    with DataAssets(folder, world, looks=99) as run:
        assert run.carried_out(CREATED)[0].status == ("failed" if lost else "applied")


LATELY = LAGS - timedelta(seconds=1)


@pytest.mark.parametrize("lost", [True, False])
def test_what_an_earlier_run_has_sent_lately_is_waited_for(tmp_path: Path, lost: bool) -> None:
    """The search does not show it at once. Where its answer was lost, it is ours by what there is."""
    world = world_of()
    sent_by_an_earlier_run(tmp_path, world, lost=lost)
    with DataAssets(tmp_path, world, looks=3, run_id="run-2", now=START + LATELY) as run:
        (outcome,) = run.carried_out(CREATED)
    after = AfterImage(data_asset_id=made(world)[0].id)
    assert (outcome.status, outcome.after) == ("satisfied", after)
    assert (outcome.before, outcome.detail) == ((ABSENT, ANSWER_LOST) if lost else (None, ""))
    assert run.pauses == [1.0, 2.0]
    assert len(made(world)) == 1


def test_what_an_earlier_run_created_and_no_search_shows_is_not_created_twice(tmp_path: Path) -> None:
    """It was answered: it is there, or somebody has deleted it since. A person looks."""
    world = world_of()
    sent_by_an_earlier_run(tmp_path, world, lost=False)
    with DataAssets(tmp_path, world, looks=99, run_id="run-2", now=START + LATELY) as run:
        (outcome,) = run.carried_out(CREATED)
    assert outcome.detail == f"an earlier run created it, and no search shows it; {LOOK_FOR}"
    assert (outcome.status, len(made(world))) == ("failed", 1)
    assert run.pauses == [*LOOKS_S, 0.0]


def test_what_an_earlier_run_may_have_sent_is_sent_again_where_nothing_comes_to_light(tmp_path: Path) -> None:
    """Its answer was lost, and it was never carried out."""
    world = world_of()
    world.fail("data_assets.create", error=LOST)
    with DataAssets(tmp_path, world) as run:
        run.carried_out(CREATED)
    with DataAssets(tmp_path, world, run_id="run-2", now=START + LATELY) as run:
        (outcome,) = run.carried_out(CREATED)
    assert (outcome.status, run.pauses) == ("applied", [*LOOKS_S, 0.0])
    assert len(made(world)) == 1


def test_what_an_earlier_run_sent_long_ago_would_have_come_to_light(tmp_path: Path) -> None:
    """It is created anew, without waiting: somebody has deleted it."""
    world = world_of()
    sent_by_an_earlier_run(tmp_path, world, lost=False)
    world.data_assets.clear()
    with DataAssets(tmp_path, world, run_id="run-2", now=START + LAGS) as run:
        (outcome,) = run.carried_out(CREATED)
    assert (outcome.status, run.pauses, len(made(world))) == ("applied", [], 1)


class Kind:
    """An action that takes a data asset away or brings it back, and what it leaves."""

    def __init__(self, action: Action, there: StoredDataAsset, call: str, left: list[bool]) -> None:
        self.action: Any = action
        self.there, self.call, self.left = there, f"data_assets.{call}", left
        """`left`: of each data asset that is there then, whether it is archived."""


KINDS = (
    Kind(ARCHIVED, MOUNTED, "archive", [True]),
    Kind(BACK, replace(MOUNTED, archived=True), "archive", [False]),
    Kind(DELETED, MOUNTED, "delete", []),
)
each_kind = pytest.mark.parametrize("kind", KINDS, ids=["archive", "take-back", "delete"])


@each_kind
def test_a_data_asset_is_archived_brought_back_or_deleted(tmp_path: Path, kind: Kind) -> None:
    """What it was is kept before."""
    world = world_of(stored_mount("da-0", "x", BUCKET), kind.there)
    with DataAssets(tmp_path, world) as run:
        outcomes = run.carried_out(kind.action)
    assert outcomes == [told(kind.action, "applied", before=KEPT, after=DA_1)]
    assert run.told_of == [
        ("intent", kind.action.id, KEPT, DA_1),
        ("applied", kind.action.id, KEPT, DA_1),
    ]
    assert run.archive.held == {KEPT.archive: IMAGE}
    assert [one.archived for one in made(world)] == kind.left
    assert [(one.operation, one.target) for one in world.writes] == [(kind.call, "da-1")]


@pytest.mark.parametrize(
    ("action", "there", "status", "detail", "after"),
    [
        (ARCHIVED, replace(MOUNTED, archived=True), "satisfied", "", DA_1),
        (ARCHIVED, None, "satisfied", "", AfterImage()),
        (BACK, MOUNTED, "satisfied", "", DA_1),
        (BACK, None, "stale", "the data asset was deleted, and cannot come back", None),
        (DELETED, None, "satisfied", "", DA_1),
        (DELETED, replace(MOUNTED, archived=True), "satisfied", "", DA_1),
    ],
)
def test_one_that_is_not_where_it_was_is_as_wanted_or_was_deleted(
    tmp_path: Path, action: Action, there: StoredDataAsset | None, status: Any, detail: str, after: AfterImage
) -> None:
    """Nothing is sent; what was deleted is nobody's write of ours."""
    world = world_of(*[there] if there else [])
    with DataAssets(tmp_path, world) as run:
        assert run.carried_out(action) == [told(action, status, detail, after=after)]
    assert (world.writes, run.archive.held) == ([], {})


@each_kind
@pytest.mark.parametrize("prefix", ["elsewhere", "asset/sub"])
def test_one_that_mounts_another_location_by_now_stays(tmp_path: Path, kind: Kind, prefix: str) -> None:
    """It is another asset's, or none's."""
    world = world_of(replace(kind.there, prefix=prefix))
    with DataAssets(tmp_path, world) as run:
        outcomes = run.carried_out(kind.action)
    assert outcomes == [told(kind.action, "stale", "the data asset mounts another location by now")]
    assert world.writes == []


def test_one_whose_folder_came_back_is_not_archived(tmp_path: Path) -> None:
    """What the action rests on is looked at just before."""
    action = action_of(archive_data_asset())
    world = world_of(MOUNTED)
    world.put(BUCKET, "asset/x", b"")
    with DataAssets(tmp_path, world) as run:
        assert run.carried_out(action) == [told(action, "stale", "the asset's folder is there by now")]
    assert world.writes == []


@each_kind
@pytest.mark.parametrize("failures", range(1, ATTEMPTS))
def test_a_write_that_is_not_answered_is_sent_again(tmp_path: Path, kind: Kind, failures: int) -> None:
    """After a look where it must be; doing it twice does no harm."""
    world = world_of(kind.there)
    world.fail(kind.call, times=failures, error=LOST)
    with DataAssets(tmp_path, world) as run:
        outcomes = run.carried_out(kind.action)
    assert outcomes == [told(kind.action, "applied", before=KEPT, after=DA_1, attempts=failures + 1)]
    assert world.calls[kind.call] == failures + 1
    assert [one.archived for one in made(world)] == kind.left


@each_kind
def test_a_write_that_is_never_answered_has_failed(tmp_path: Path, kind: Kind) -> None:
    """After so many times."""
    world = world_of(kind.there)
    world.fail(kind.call, times=None, error=LOST)
    with DataAssets(tmp_path, world) as run:
        outcomes = run.carried_out(kind.action)
    assert outcomes == [told(kind.action, "failed", "No answer: it took too long")]
    assert world.calls[kind.call] == ATTEMPTS
    assert [event for event, *_ in run.told_of] == ATTEMPTS * ["intent"] + ["failed"]


@each_kind
def test_a_write_that_was_carried_out_without_an_answer_is_ours(tmp_path: Path, kind: Kind) -> None:
    """The next look does not find it where it was."""
    world = world_of(kind.there)
    world.fail(kind.call, committed=True, error=LOST)
    with DataAssets(tmp_path, world) as run:
        outcomes = run.carried_out(kind.action)
    assert outcomes == [told(kind.action, "applied", ANSWER_LOST, before=KEPT, after=DA_1)]
    assert world.calls[kind.call] == 1


def test_what_an_undo_deletes_is_waited_for(tmp_path: Path) -> None:
    """It was created lately, and a search lags behind."""
    world = world_of(MOUNTED)
    with DataAssets(tmp_path, world, looks=3) as run:
        outcomes = run.carried_out(TAKEN_BACK)
    assert outcomes == [told(TAKEN_BACK, "applied", before=KEPT, after=DA_1)]
    assert run.pauses == [1.0, 2.0, 5.0]


def test_what_an_undo_deletes_and_no_search_shows_is_gone(tmp_path: Path) -> None:
    """After a bounded time. What is deleted for another reason, or archived, is not waited for."""
    gone = told(TAKEN_BACK, "satisfied", after=DA_1)
    with DataAssets(tmp_path / "undo", world_of()) as run:
        assert run.carried_out(TAKEN_BACK) == [gone]
        assert (run.pauses, len(run.reader.asked)) == (list(LOOKS_S), 6)
    with DataAssets(tmp_path / "others", world_of()) as run:
        run.carried_out(DELETED, BACK, ARCHIVED)
        assert run.pauses == []


def test_a_search_that_fails_fails_all_that_rest_on_it(tmp_path: Path) -> None:
    """Once for the batch; what is settled already keeps its outcome, and what may not be tried is skipped."""
    resting = action_of(archive_data_asset(rests_on=None, after=[ARCHIVED.id]))
    world = world_of(MOUNTED)
    world.fail("data_assets.search", error=DOWN)
    with DataAssets(tmp_path, world) as run:
        run.ledger.failed(CREATED, "before")
        outcomes = run.carried_out(CREATED, ARCHIVED, resting, DELETED)
    assert [(one.status, one.detail) for one in outcomes] == [
        ("failed", "before"),
        ("failed", "It is down: Code Ocean"),
        ("skipped", f"action {ARCHIVED.id}, which it rests on, did not succeed"),
        ("failed", "It is down: Code Ocean"),
    ]
    assert (len(run.reader.asked), world.writes) == (1, [])


def test_what_is_settled_costs_no_search(tmp_path: Path) -> None:
    """Nor does what may not be tried."""
    resting = action_of(archive_data_asset(rests_on=None, after=[CREATED.id]))
    world = world_of()
    with DataAssets(tmp_path, world) as run:
        run.ledger.failed(CREATED, "before")
        run.applier.apply([CREATED])  # type: ignore[list-item]
        assert run.reader.asked == []
        _, skipped = run.carried_out(CREATED, resting)
        assert run.reader.asked == []
    assert skipped.status == "skipped"


def in_a_row(run: DataAssets) -> int:
    """How many requests to Code Ocean have failed in a row."""
    most = FAILURES_IN_A_ROW["codeocean"]
    more = 0
    while not run.ledger.breaker.against("codeocean"):
        run.ledger.noted("codeocean", DOWN)
        more += 1
    return most - more


@pytest.mark.parametrize(
    ("faults", "actions", "there", "counted"),
    [
        ({"data_assets.search": (1, None)}, (DELETED,), MOUNTED, 1),
        ({"data_assets.search": (2, None)}, (BACK,), MOUNTED, 1),
        ({"data_assets.archive": (1, None)}, (ARCHIVED,), MOUNTED, 1),
        ({"data_assets.create": (1, None)}, (CREATED,), None, 0),
        ({"data_assets.create": (1, None), "data_assets.search": (2, None)}, (CREATED,), None, 2),
        ({"data_assets.get": (1, None)}, (DELETED,), None, 1),
        ({"objects.listing": (1, None)}, (action_of(archive_data_asset()),), MOUNTED, 0),
    ],
    ids=[
        "search",
        "second-search",
        "write-after-searches",
        "creation-looked-for",
        "creation-and-look",
        "look-by-id",
        "s3",
    ],
)
def test_a_request_to_code_ocean_that_fails_counts_once(
    tmp_path: Path,
    faults: dict[str, tuple[int, int | None]],
    actions: Sequence[Action],
    there: StoredDataAsset | None,
    counted: int,
) -> None:
    """A search that answers begins the count anew. What an action rests on in S3 is no fault of Code Ocean's."""
    world = world_of(*[there] if there else [])
    for call, (nth, times) in faults.items():
        world.fail(call, nth, times=times, error=DOWN)
    with DataAssets(tmp_path, world) as run:
        assert [one.status for one in run.carried_out(*actions)] == ["failed"]
        assert in_a_row(run) == counted


def test_a_creation_that_is_refused_shows_that_code_ocean_answers(tmp_path: Path) -> None:
    """Or, where it no longer takes our credentials, that it does not."""
    world = world_of()
    expired = OutageError("The token has expired", "create", "Renew it.")
    expired.refused = True
    world.fail("data_assets.create", error=expired)
    with DataAssets(tmp_path, world) as run:
        run.carried_out(CREATED)
        assert in_a_row(run) == 1


def test_what_is_logged_meanwhile_names_the_action(tmp_path: Path) -> None:
    """A batch is for many."""
    action = action_of(create_data_asset())
    world = world_of()
    reader = Noting(world)
    with DataAssets(tmp_path, world, objects=reader) as run:
        run.carried_out(action)
    assert reader.noted == [action.id]


@pytest.mark.parametrize(("slept_s", "events"), [(59, ["intent", "applied"]), (61, ["intent", "refused"])])
def test_a_search_that_grew_old_is_not_what_a_write_rests_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slept_s: int, events: list[str]
) -> None:
    """The machine sleeps while the before-image is kept: what was to be sent then is searched for again first."""
    world, time = world_of(MOUNTED), [START]
    with DataAssets(tmp_path, world, clock=lambda: time[0]) as run:
        keep = run.archive.keep

        def slowly(body: bytes) -> str:
            if time[0] == START:
                time[0] += timedelta(seconds=slept_s)
            return keep(body)

        monkeypatch.setattr(run.archive, "keep", slowly)
        (outcome,) = run.carried_out(ARCHIVED)
        told_of = [event for event, *_ in run.told_of]
    assert outcome.status == "applied"
    assert told_of == (events if slept_s < 60 else [*events, "intent", "applied"])
    assert len(world.writes) == 1
    assert len(run.reader.asked) == (1 if slept_s < 60 else 2)
