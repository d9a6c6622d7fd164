"""What speaks against an action by now: each thing that it may rest on, and what is found there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from indexer.applier.evidence import Evidence
from indexer.errors import SystemFaultError
from indexer.model.action import Action, DeleteObject
from indexer.model.content import FieldOfRecord, HasEtag, ObjectTarget, RestsOn
from indexer.model.snapshot import Listing, ObjectBody
from indexer.model.values import sha256
from shared.builders import BUCKET, ORIGINALS, RESULTS, record, stored_mount, stored_result
from shared.memory.objects import MemoryObjectReader
from shared.memory.stored import START, StoredDataAsset
from shared.memory.world import World

DESCRIPTION = b'{"data_level": "derived"}'
DESCRIBED = RestsOn(described=sha256(DESCRIPTION))
LACKS = RestsOn(lacks=FieldOfRecord(generation="v1", field="subject"))
ORIGINAL = RestsOn(original=f"asset/{ORIGINALS}/subject.20200101.json")
ROOT = RestsOn(root="asset/subject.json")
NO_ORIGINAL = RestsOn(no_original=("subject", "rig"))
GONE, KEPT = RestsOn(folder="gone"), RestsOn(folder="kept")
WANTED, RESULT_GONE = RestsOn(result="wanted"), RestsOn(result="gone")
MOUNTED = RestsOn(mounts=("da-2", "da-1"))


def resting(on: RestsOn | None, location: str = f"s3://{BUCKET}/asset") -> Action:
    """Of whatever kind: what an action rests on says all."""
    target = ObjectTarget(bucket=BUCKET, key="asset/x.json")
    precondition = HasEtag(etag="e")
    return DeleteObject(
        location=location, reason="undo", target=target, precondition=precondition, rests_on=on
    )


def evidence(world: World, clock: Callable[[], datetime] = lambda: START, **readers: Any) -> Evidence:
    return Evidence(world.readers(**readers), ORIGINALS, clock)


def empty_world(page_size: int = 1_000) -> World:
    """The bucket with a neighbour whose name begins like the asset's."""
    world = World(page_size=page_size)
    world.put(BUCKET, "asset-two/x", b"")
    return world


def files(**held: bytes) -> World:
    """A world with these files of the asset; two underscores stand for the originals' folder."""
    world = empty_world()
    for name, body in held.items():
        head, _, tail = name.partition("__")
        key = f"{ORIGINALS}/{head}.{tail}" if tail else head
        world.put(BUCKET, f"asset/{key}.json", body)
    return world


def records(*bodies: dict[str, Any], generation: Any = "v1") -> World:
    world = empty_world()
    world.add(generation, *bodies)
    return world


def data_assets(*held: StoredDataAsset) -> World:
    world = empty_world()
    world.mount(*held)
    return world


EARLIER = "an original by now: without it in the record, its root file would be deleted"
NO_RECORD, TWO_RECORDS = "the asset has no record by now", "two records have this location by now"
NO_DESCRIPTION = "data_description.json is gone by now"
OTHER_DESCRIPTION = "data_description.json was changed since the plan"
NO_ORIGINAL_LEFT, NO_ROOT_LEFT = (
    "its original is gone by now",
    "the file that it is the original of is gone by now",
)
ALONE = "nothing else is in its folder by now: without it the asset would look gone"
OTHER_MOUNTS = "other data assets mount the asset by now"
NOT_READY = "the result is not ready by now, or names no computation"
# fmt: off
TABLE: list[tuple[RestsOn | None, World, str]] = [
    (None, World(), ""),
    (RestsOn(), World(), ""),
    (DESCRIBED, files(data_description=DESCRIPTION), ""),
    (DESCRIBED, files(data_description=b'{"data_level": "raw"}'), OTHER_DESCRIPTION),
    (DESCRIBED, files(subject=DESCRIPTION), NO_DESCRIPTION),
    (LACKS, records(record(rig={"r": 1})), ""),
    (LACKS, records(record(subject=None)), ""),
    (LACKS, records(record(subject={})), "the record has subject by now"),
    (LACKS, records(), NO_RECORD),
    (LACKS, records(record(), generation="v2"), NO_RECORD),
    (LACKS, records(record(), record() | {"_id": "another"}), TWO_RECORDS),
    (ORIGINAL, files(subject__20200101=b""), ""),
    (ORIGINAL, files(subject__20200102=b""), NO_ORIGINAL_LEFT),
    (ROOT, files(subject=b""), ""),
    (ROOT, files(rig=b""), NO_ROOT_LEFT),
    (NO_ORIGINAL, files(subject=b"{}", rig=b"{}"), ""),
    (NO_ORIGINAL, files(subject__20200101=b"{}"), f"subject has {EARLIER}"),
    (NO_ORIGINAL, files(session__20200101=b"{}", rig__20200101=b"1"), f"rig has {EARLIER}"),
    (NO_ORIGINAL, files(session__20200101=b"{}", notes__20200101=b"1", subject__2020=b"{}"), ""),
    (NO_ORIGINAL, files(subject__20200101=b"null"), ""),
    (NO_ORIGINAL, files(subject__20200101=b"broken"), ""),
    (NO_ORIGINAL, files(subject__20200101=b'{"n": 36893488147419103232}'), f"subject has {EARLIER}"),
    (NO_ORIGINAL, files(subject__20200101=5_000 * b"9"), f"subject has {EARLIER}"),
    # Of several the oldest counts, as in the decision table.
    (NO_ORIGINAL, files(subject__20200102=b"{}", subject__20200101=b"broken"), ""),
    (NO_ORIGINAL, files(subject__20200101=b"{}", subject__20200102=b"broken"), f"subject has {EARLIER}"),
    (NO_ORIGINAL, files(rig__20200101=b"broken", subject__20200101=b"{}"), f"subject has {EARLIER}"),
    (GONE, empty_world(), ""),
    (GONE, files(notes=b""), "the asset's folder is there by now"),
    (GONE, files(subject__20200101=b""), "the asset's folder is there by now"),
    (KEPT, empty_world(), ALONE),
    (KEPT, files(x=b""), ALONE),
    (KEPT, files(x=b"", y=b""), ""),
    (KEPT, files(y=b""), ""),
    (KEPT, files(x=b"", subject__20200101=b""), ""),
    (MOUNTED, data_assets(stored_mount("da-1"), stored_mount("da-2"), stored_mount("da-3", "asset-two")), ""),
    (MOUNTED, data_assets(stored_mount("da-1")), OTHER_MOUNTS),
    (MOUNTED, data_assets(*(stored_mount(f"da-{number}") for number in (1, 2, 3))), OTHER_MOUNTS),
    (RestsOn(mounts=()), data_assets(stored_mount("da-3", "asset-two")), ""),
    (RestsOn(mounts=()), data_assets(stored_mount("da-1")), OTHER_MOUNTS),
]
RESULTS_TABLE: list[tuple[RestsOn, World, str]] = [
    (WANTED, data_assets(stored_result("asset")), ""),
    (WANTED, data_assets(stored_result("another")), "the result is gone by now"),
    (WANTED, data_assets(stored_result("asset", tags=("raw",))), "the result is gone by now"),
    (WANTED, data_assets(stored_result("asset", bucket="somewhere")), "the result is gone by now"),
    (WANTED, data_assets(stored_result("asset", state="draft")), NOT_READY),
    (WANTED, data_assets(stored_result("asset", has_computation=False)), NOT_READY),
    (RESULT_GONE, data_assets(stored_result("another")), ""),
    (RESULT_GONE, data_assets(stored_result("asset", bucket="somewhere")), ""),
    (RESULT_GONE, data_assets(stored_result("asset", state="draft")), "the result is there by now"),
]
# fmt: on


@pytest.mark.parametrize(("on", "world", "against"), TABLE)
def test_what_an_action_rests_on_is_looked_at_again(on: RestsOn | None, world: World, against: str) -> None:
    """And what is wrong with it is said."""
    assert evidence(world).against(resting(on)) == against


@pytest.mark.parametrize(("on", "world", "against"), RESULTS_TABLE)
def test_a_result_is_looked_at_in_every_respect(on: RestsOn, world: World, against: str) -> None:
    """Tagged, ready, computed, and Code Ocean's own."""
    assert evidence(world).against(resting(on, f"s3://{RESULTS}/asset")) == against


@pytest.mark.parametrize("location", ["nowhere", "s3://bucket", "s3://bucket/a/b"])
def test_where_nobody_can_look_nothing_speaks_for_it(location: str) -> None:
    """Bounds refuse such a plan first."""
    assert evidence(World()).against(resting(GONE, location)) == "its location is not usable"
    assert evidence(World()).against(resting(None, location)) == ""


def test_everything_that_it_rests_on_must_hold() -> None:
    """One thing that does is no excuse for another."""
    world = files(data_description=DESCRIPTION, subject=b"{}")
    world.mount(stored_mount("da-3"))
    both = RestsOn(described=DESCRIBED.described, mounts=())
    assert evidence(world).against(resting(both)) == OTHER_MOUNTS
    assert evidence(world).against(resting(RestsOn(root=ROOT.root, folder="gone"))) != ""


class Clock:
    """Says what it was set to."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@pytest.mark.parametrize(("later_s", "searches"), [(0, 1), (59.9, 1), (60, 2), (-1, 2)])
@pytest.mark.parametrize("on", [RestsOn(mounts=()), RESULT_GONE])
def test_a_search_serves_for_a_minute(on: RestsOn, later_s: float, searches: int) -> None:
    """Then it is made again; and where the clock went back, nobody knows how old it is."""
    world, clock = empty_world(), Clock()
    looking = evidence(world, clock)
    looking.against(resting(on))
    clock.now += timedelta(seconds=later_s)
    looking.against(resting(on))
    assert world.calls["data_assets.search"] == searches


def test_what_changed_since_a_search_that_grew_old_is_seen() -> None:
    """The two searches are two."""
    world, clock = empty_world(), Clock()
    looking = evidence(world, clock)
    assert looking.against(resting(RestsOn(mounts=()))) == ""
    assert looking.against(resting(WANTED)) == "the result is gone by now"
    world.mount(stored_mount("da-1"), stored_result("asset"))
    assert looking.against(resting(RestsOn(mounts=()))) == ""
    clock.now += timedelta(minutes=1)
    assert looking.against(resting(RestsOn(mounts=()))) == OTHER_MOUNTS
    assert looking.against(resting(WANTED)) == ""


@pytest.mark.parametrize("on", [WANTED, RESULT_GONE, RestsOn(mounts=())])
def test_a_search_that_failed_tells_nothing_for_a_minute(on: RestsOn) -> None:
    """It has cost its retries: it is not made for each action of a batch."""
    world = empty_world()
    world.fail("data_assets.search")
    looking = evidence(world)
    for _ in range(2):
        with pytest.raises(SystemFaultError, match="The system failed"):
            looking.against(resting(on))
    assert world.calls["data_assets.search"] == 1


@pytest.mark.parametrize(
    ("on", "against"), [(WANTED, ""), (RESULT_GONE, "the result is there by now"), (RestsOn(mounts=()), None)]
)
def test_a_search_that_was_cut_short_tells_what_it_showed(on: RestsOn, against: str | None) -> None:
    """A result that was seen is there; that nothing else mounts an asset, half a search cannot tell."""
    world = empty_world(page_size=1)
    world.mount(stored_result("asset"), stored_result("another"), stored_mount("da-1", "a"))
    world.mount(stored_mount("da-2", "b"))
    world.fail("data_assets.search", nth=2)
    if against is None:
        with pytest.raises(SystemFaultError):
            evidence(world).against(resting(on))
        return
    assert evidence(world).against(resting(on)) == against


@pytest.mark.parametrize(("on", "what"), [(WANTED, "results"), (MOUNTED, "mounted")])
def test_without_code_ocean_nobody_can_look_there(on: RestsOn, what: str) -> None:
    """And it is said how they could."""
    with pytest.raises(SystemFaultError) as raised:
        evidence(empty_world(), data_assets=False).against(resting(on))
    fault = raised.value
    assert (fault.summary, fault.detail) == ("Code Ocean is not configured", f"search {what}")
    assert fault.hint == "Add [codeocean] to indexer.toml."


class Sleeps(MemoryObjectReader):
    """The machine sleeps in the middle of a request for a file; meanwhile the record gets the field."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.now = START

    def get(self, bucket: str, key: str) -> ObjectBody | None:
        if self.now == START:
            self.now += timedelta(minutes=10)
            self._world.records["v1"].clear()
            self._world.add("v1", record("asset", subject={"n": 1}))
        return super().get(bucket, key)


def test_a_look_that_has_grown_old_before_the_last_one_is_taken_again() -> None:
    """What a deletion rests on must hold at about the time of its write, in each of its parts."""
    world = records(record("asset"))
    world.put(BUCKET, f"asset/{ORIGINALS}/subject.20200101.json", b"{}")
    reader = Sleeps(world)
    both = LACKS.model_copy(update={"original": ORIGINAL.original})
    readers = replace(world.readers(), objects=reader)
    found = Evidence(readers, ORIGINALS, lambda: reader.now).against(resting(both))
    assert found == "the record has subject by now"


@pytest.mark.parametrize(("later_s", "listings"), [(0, 0), (59.9, 0), (60, 1), (-1, 1)])
def test_a_look_serves_for_a_minute_before_a_write_is_sent(later_s: float, listings: int) -> None:
    """Then it is taken again; and where the clock went back, nobody knows how old it is."""
    world, clock = files(subject=b"{}"), Clock()
    clock.now += timedelta(seconds=later_s)
    against = evidence(world, clock).since(START, resting(GONE))
    assert world.calls["objects.listing"] == listings
    assert against == ("the asset's folder is there by now" if listings else "")


@pytest.mark.parametrize(("slept_s", "looks"), [(0, 1), (59, 1), (61, 2)])
def test_a_look_is_taken_once_more_only_where_it_has_grown_old(slept_s: int, looks: int) -> None:
    """Where nothing has changed meanwhile, nothing speaks against the action."""
    world, clock = files(), Clock()

    class Slow(MemoryObjectReader):
        def listing(self, bucket: str, prefix: str) -> Listing:
            clock.now += timedelta(seconds=slept_s)
            return super().listing(bucket, prefix)

    readers = replace(world.readers(), objects=Slow(world))
    assert Evidence(readers, ORIGINALS, clock).against(resting(GONE)) == ""
    assert world.calls["objects.listing"] == looks
