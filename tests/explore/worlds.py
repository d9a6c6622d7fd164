"""Small worlds of one to three assets: one for every row of the decision table, and for every reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from explore.stage import Stage
from indexer.model.generation import METADATA_FILE, V2
from indexer.model.settings import CollectionSettings
from indexer.model.values import Oid, to_bytes
from shared.builders import (
    BUCKET,
    COLLECTIONS,
    ORIGINALS,
    RESULTS,
    in_step,
    record,
    stored_mount,
    stored_result,
)

SUBJECT = {"subject_id": "712345", "née": "ß"}
OTHER = {"subject_id": "somebody else's"}
DERIVED = {"data_level": "derived", "schema_version": "1.0.4", "modality": [{"abbreviation": "SPIM"}]}
ROOT = f"asset/{'subject'}.json"
ORIGINAL = f"asset/{ORIGINALS}/subject.20200101.json"


@dataclass(frozen=True, slots=True)
class SmallWorld:
    """What is there, and what is configured."""

    name: str
    fill: Callable[[Stage], None]
    rules: Mapping[str, Any] = field(default_factory=dict)
    scope: Mapping[str, Any] = field(default_factory=dict)
    results: bool = False
    """The bucket of results is planned, not the managed one."""
    compares: bool = True
    """The database compares objects and lists in a filter; not all do."""

    def stage(self) -> Stage:
        """The world as it is before anything happens."""
        made = Stage(compares=self.compares)
        made.buckets |= {BUCKET: {}, RESULTS: {}}
        self.fill(made)
        return made


WORLDS: dict[str, SmallWorld] = {}


def world(name: str, **settings: Any) -> Callable[[Callable[[Stage], None]], Callable[[Stage], None]]:
    """Put a world into the table."""

    def enter(fill: Callable[[Stage], None]) -> Callable[[Stage], None]:
        WORLDS[name] = SmallWorld(name, fill, **settings)
        return fill

    return enter


def row_of_the_table(has: bool, root: bytes | None, original: bytes | None) -> Callable[[Stage], None]:
    """One asset of which the field `subject` stands in a row of the decision table; all else is in step."""

    def fill(stage: Stage) -> None:
        body = record(instrument={"rig": 1}, links={"Code Ocean": ["da-1"]})
        if has:
            body["subject"] = SUBJECT
        in_step(stage, body)
        stage.mount(stored_mount("da-1"))
        held = stage.buckets[BUCKET]
        held.pop(ROOT, None), held.pop(ORIGINAL, None)
        stage.put(BUCKET, "asset/raw/data.bin", b"data")
        if root is not None:
            stage.put(BUCKET, ROOT, root)
        if original is not None:
            stage.put(BUCKET, ORIGINAL, original)

    return fill


OURS, UPLOADED, BROKEN = to_bytes(SUBJECT), b'{"subject_id": "as uploaded"}', b"{broken"
for _name, _row in {
    "stale": (True, UPLOADED, UPLOADED),
    "stale-first": (True, UPLOADED, None),
    "missing": (True, None, UPLOADED),
    "missing-first": (True, None, None),
    "unrecorded": (False, UPLOADED, UPLOADED),
    "repaired": (False, UPLOADED, BROKEN),
    "corrupt-again": (False, BROKEN, BROKEN),
    "adopted": (False, UPLOADED, None),
    "adopted-in-our-bytes": (False, OURS, None),
    "corrupt": (False, BROKEN, None),
    "original-only": (True, OURS, None),
    "format": (True, b'{"subject_id":"712345","n\\u00e9e":"\\u00df"}', UPLOADED),
}.items():
    WORLDS[_name] = SmallWorld(_name, row_of_the_table(*_row))


@world("adopted-lately", scope={"lookback_days": 14})
def _(stage: Stage) -> None:
    """Within the lookback, by a clock that is right."""
    row_of_the_table(False, UPLOADED, None)(stage)


@world("metadata-missing")
def _(stage: Stage) -> None:
    in_step(stage, record(subject=SUBJECT))
    del stage.buckets[BUCKET][f"asset/{METADATA_FILE}"]


@world("metadata-stale")
def _(stage: Stage) -> None:
    in_step(stage, record(subject=SUBJECT))
    stage.put(BUCKET, f"asset/{METADATA_FILE}", b'{"_id": "older"}')


@world("metadata-retired", rules={"metadata_file": "remove"})
def _(stage: Stage) -> None:
    """The metadata file goes; the record is drifting, too."""
    row_of_the_table(False, UPLOADED, None)(stage)


@world("metadata-alone", rules={"metadata_file": "remove"})
def _(stage: Stage) -> None:
    """Without it the folder would be gone, and the record with it."""
    in_step(stage, record())


@world("metadata-alone-at-first", rules={"metadata_file": "remove"})
def _(stage: Stage) -> None:
    """The record has a field to be written: then the file may go."""
    in_step(stage, record(subject=SUBJECT))
    del stage.buckets[BUCKET][ROOT], stage.buckets[BUCKET][ORIGINAL]


@world("metadata-left", rules={"metadata_file": "leave"})
def _(stage: Stage) -> None:
    row_of_the_table(True, UPLOADED, UPLOADED)(stage)
    stage.put(BUCKET, f"asset/{METADATA_FILE}", b'{"_id": "older"}')


@world("types")
def _(stage: Stage) -> None:
    """An ObjectId, BSON dates, keys with dots and dollars; the last-modified field is a date."""
    body = record(modified=datetime(2026, 1, 10, 8, tzinfo=UTC), instrument={"a.b": {"$oid": "0" * 24}})
    body |= {"_id": Oid("0" * 23 + "1"), "made": datetime(2025, 5, 1, tzinfo=UTC), "links": [1, 1.0, True]}
    in_step(stage, body)
    stage.put(BUCKET, ROOT, UPLOADED)


@world("adopted-two")
def _(stage: Stage) -> None:
    """Two assets whose records share a batch, and two fields in one of them."""
    for prefix in ("a", "a-b"):
        in_step(stage, record(prefix, instrument={"rig": 1}))
        stage.put(BUCKET, f"{prefix}/subject.json", UPLOADED)
    stage.put(BUCKET, "a/session.json", b'{"session": 1}')


@world("adopted-in-v2", rules={"collections": {name: CollectionSettings(database=one.database, collection=one.collection, sync_to_s3=name == "v2") for name, one in COLLECTIONS.items()}})  # fmt: skip
def _(stage: Stage) -> None:
    in_step(stage, record(generation=V2, instrument={"rig": 1}), V2)
    stage.put(BUCKET, ROOT, UPLOADED)


@world("adopted-and-linked")
def _(stage: Stage) -> None:
    """Field, links and both generations of record in one asset."""
    in_step(stage, record(instrument={"rig": 1}, links={"Code Ocean": ["da-0"], "Dandi": ["d"]}))
    stage.add("v2", record(generation=V2, links={"Code Ocean": ["da-0"], "Dandi": ["d"]}) | {"_id": "v2-id"})
    stage.mount(stored_mount("da-1"), stored_mount("da-2", "asset/"))
    stage.put(BUCKET, ROOT, UPLOADED)


@world("links-removed")
def _(stage: Stage) -> None:
    in_step(stage, record(subject=SUBJECT, links={"Code Ocean": ["da-0"]}))
    in_step(stage, record("other", links={"Code Ocean": ["da-1"]}))
    stage.mount(stored_mount("da-1", "other"))


@world("linked-where-nothing-compares", compares=False)
def _(stage: Stage) -> None:
    in_step(stage, record(subject=SUBJECT, links={"Code Ocean": ["da-0"], "Dandi": ["d"]}))
    stage.mount(stored_mount("da-1"))
    stage.put(BUCKET, "asset/session.json", b'{"session": 1}')


@world("gone-where-nothing-compares", compares=False, rules={"on_missing": "archive"})
def _(stage: Stage) -> None:
    _gone(stage)


@world("links-folded")
def _(stage: Stage) -> None:
    in_step(stage, record(subject=SUBJECT, links=[{"Code Ocean": "da-0"}, {"Dandi": "x"}]))
    stage.mount(stored_mount("da-1"))


def _gone(stage: Stage) -> None:
    """Both generations and two data assets, and no folder; beside it an asset in step."""
    in_step(stage, record("other", subject=SUBJECT))
    stage.add(
        "v1", record("gone", subject=SUBJECT, kept={"by": "hand"}, links={"Code Ocean": ["da-1", "da-2"]})
    )
    stage.add("v2", record("gone", V2, links={"Code Ocean": ["da-1", "da-2"]}) | {"_id": "v2-gone"})
    stage.mount(stored_mount("da-0", "elsewhere"), stored_mount("da-1", "gone"), stored_mount("da-2", "gone"))


for _name in ("archive", "delete", "keep"):
    WORLDS[f"gone-{_name}"] = SmallWorld(f"gone-{_name}", _gone, rules={"on_missing": _name})


def _derived(stage: Stage) -> None:
    """A new folder of derived data, beside an asset in step."""
    stage.mount(stored_mount("da-0", "elsewhere"))
    in_step(stage, record("other", subject=SUBJECT))
    stage.put(BUCKET, "derived/data_description.json", to_bytes(DERIVED))
    stage.put(BUCKET, "derived/subject.json", UPLOADED)
    stage.put(BUCKET, "derived/session.json", BROKEN)


WORLDS["derived"] = SmallWorld("derived", _derived)
WORLDS["derived-mounted"] = SmallWorld("derived-mounted", _derived, rules={"register_data_assets": True})


@world("derived-linked", rules={"register_data_assets": True})
def _(stage: Stage) -> None:
    _derived(stage)
    stage.put(BUCKET, "derived/data_description.json", to_bytes(DERIVED | {"schema_version": "2.1.0"}))
    stage.mount(stored_mount("da-1", "derived"))


@world("results", results=True)
def _(stage: Stage) -> None:
    """One result to be registered, one that is gone, one in step."""
    stage.mount(stored_result("r-new"), stored_result("r-old"))
    stage.put(RESULTS, "r-new/subject.json", UPLOADED)
    stage.add("v1", record("r-old", bucket=RESULTS), record("r-gone", bucket=RESULTS, subject=SUBJECT))
    stage.add("v2", record("r-gone", V2, bucket=RESULTS) | {"_id": "v2-gone"})


@world("everything")
def _(stage: Stage) -> None:
    """An adoption, a gone asset and a new one at once."""
    row_of_the_table(False, UPLOADED, None)(stage)
    stage.add("v1", record("gone", subject=SUBJECT))
    stage.put(BUCKET, "derived/data_description.json", to_bytes(DERIVED))
