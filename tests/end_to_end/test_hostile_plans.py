"""A plan signed by somebody who knows the format cannot write outside of what is ours."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from workbench import Workbench

from indexer.disk import DiskFolder
from indexer.errors import RefusedError
from indexer.runs.allowed import bounds_of
from indexer.runs.apply import RunOptions, apply, apply_plan
from indexer.runs.config_file import load_config
from indexer.runs.connect import Systems, open_systems
from indexer.runs.loading import load_plan
from indexer.runs.run_folder import results_folder
from shared import forgery as plan
from shared.forgery import ASSET, BUCKET, OTHER_BUCKET, RESULTS, UNMANAGED, forged, location, target, write

ORIGINAL = f"{ASSET}/original_metadata/subject.20250101.json"
ARCHIVE = plan.archived()
PERMISSIVE = {
    "INDEXER_CODEOCEAN__ON_MISSING": "delete",
    "INDEXER_CODEOCEAN__REGISTER_ASSETS": "true",
    "INDEXER_DOCDB__V2__SYNC_TO_S3": "true",
}
Case = tuple[str, dict[str, Any]]


def object_cases() -> list[Case]:
    """Keys and buckets that no object action may name."""
    names = {
        "data object": "data.bin",
        "nested key": "sub/subject.json",
        "nested core file": "ecephys/session.json",
        "dots": "../other/subject.json",
        "encoded dots": "%2e%2e/other/subject.json",
        "double slash": "/subject.json",
        "other case": "Subject.json",
        "trailing space": "subject.json ",
        "trailing line": "subject.json\n",
        "NUL": "subject.json\0",
        "no core field": "notes.json",
        "metadata lookalike": "metadata.nd.jsonl",
        "wrong originals folder": "originals/subject.20250101.json",
        "folder in the originals": "original_metadata/sub/subject.20250101.json",
        "dots in the originals": "original_metadata/../subject.20250101.json",
        "original of no core field": "original_metadata/notes.20250101.json",
        "original without a date": "original_metadata/subject.json",
        "original of a short date": "original_metadata/subject.2025.json",
        "original of other digits": "original_metadata/subject.２０２５0101.json",
        "original of a literal date": "original_metadata/subject.<date>.json",
        "originals folder itself": "original_metadata/",
        "nothing": "",
    }
    cases: list[Case] = []
    for why, name in names.items():
        aim = target(f"{ASSET}/{name}")
        cases += [
            (f"put {why}", plan.put(target=aim)),
            (f"undoing put {why}", plan.put("undo", target=aim, content=ARCHIVE)),
            (f"delete {why}", plan.delete(target=aim)),
            (f"undoing delete {why}", plan.delete("undo", target=aim)),
            (f"copy {why}", plan.copy(target=aim)),
        ]
    for make, key in (
        (plan.put, f"{ASSET}/subject.json"),
        (plan.copy, ORIGINAL),
        (plan.delete, f"{ASSET}/rig.json"),
    ):
        kind = make.__name__
        cases += [
            (f"{kind} in another asset", make(target=target(key.replace(ASSET, "another", 1)))),
            (f"{kind} at the bucket's top", make(target=target(key.removeprefix(f"{ASSET}/")))),
            (f"{kind} in another managed bucket", make(target=target(key, OTHER_BUCKET))),
            (f"{kind} in the results bucket", make(target=target(key, RESULTS))),
            (f"{kind} in an unmanaged bucket", make(target=target(key, UNMANAGED))),
            (f"{kind} of a result", make(at=location(bucket=RESULTS), target=target(key, RESULTS))),
            (f"{kind} of a stranger", make(at=location(bucket=UNMANAGED), target=target(key, UNMANAGED))),
        ]
    elsewhere = [
        location("..", BUCKET),
        f"s3://{BUCKET}/{ASSET}/",
        f"s3://{BUCKET}",
        f"s3://{BUCKET}/a/b",
        "",
        "x",
    ]
    for at in elsewhere:
        key = at.removeprefix(f"s3://{BUCKET}/").rstrip("/") + "/subject.json"
        cases.append((f"put at {at!r}", plan.put(at=at, target=target(key))))
    foreign = plan.of_object("another/subject.json")
    return [
        *cases,
        ("put of a foreign field", plan.put(content=plan.of_field("rig"))),
        ("put of the record into a core file", plan.put(content=plan.of_record())),
        ("put from an archive", plan.put(content=ARCHIVE)),
        ("put from an object", plan.put(content=foreign)),
        ("copy of another asset", plan.copy(content=foreign)),
        ("copy of another bucket", plan.copy(content=plan.of_object(bucket=UNMANAGED))),
        ("copy of another field", plan.copy(content=plan.of_object(f"{ASSET}/rig.json"))),
        ("copy of a data object", plan.copy(content=plan.of_object(f"{ASSET}/data.bin"))),
        ("copy of an archive", plan.copy("undo", content=ARCHIVE)),
        ("delete of the metadata file", plan.delete(target=target(f"{ASSET}/metadata.nd.json"))),
        ("delete of an original", plan.delete(target=target(ORIGINAL))),
        (
            "put over an original",
            plan.put(
                "undo",
                target=target(ORIGINAL),
                content=ARCHIVE,
                precondition={"kind": "etag", "etag": "e"},
            ),
        ),
    ]


def archive_cases() -> list[Case]:
    """Archives that are no archives, in every place that may name one."""
    cases: list[Case] = []
    for place in ("../..", "archive", "/var/../etc", "", "s3://", "s3:///x", "/etc\0"):
        content = plan.archived(place)
        fields = {"fields": [{"field": "subject", "source": content["source"], "sha256": plan.DIGEST}]}
        record = {"kind": "archived-record", "source": content["source"], "sha256": plan.DIGEST}
        cases += [
            (f"put from the archive {place!r}", plan.put("undo", content=content)),
            (f"update from the archive {place!r}", plan.update("undo", content=fields)),
            (f"insert from the archive {place!r}", plan.insert("undo", content=record)),
        ]
    for digest in ("../../etc/passwd", "a/b", "A" * 64, "a" * 63, "a" * 64 + "\n", ""):
        cases.append(
            (
                f"archived {digest[:65].removeprefix('a' * 60)!r}",
                plan.put("undo", content=plan.archived(sha256=digest)),
            )
        )
    return cases


def record_cases() -> list[Case]:
    """Records that are not ours, or not for that reason."""
    cases: list[Case] = []
    for make in (plan.insert, plan.update, plan.delete_record):
        kind, usual = make.__name__, make()["target"]
        cases += [
            (f"{kind} in another database", make(target=usual | {"database": "admin"})),
            (f"{kind} in another collection", make(target=usual | {"collection": "users"})),
            (f"{kind} in the other generation's", make(target=usual | {"generation": "v2"})),
            (f"{kind} in no generation", make(target=usual | {"generation": "v3"})),
            (f"{kind} of a stranger's bucket", make(at=location(bucket=UNMANAGED))),
        ]

    def field(name: str, source: dict[str, Any]) -> dict[str, Any]:
        return {"fields": [{"field": name, "source": source, "sha256": plan.DIGEST}]}

    own = plan.of_object()["source"]
    inline = {"kind": "inline", "value": {"Code Ocean": []}}
    read = plan.as_read
    gone = read(record=plan.DIGEST)
    return [
        *cases,
        ("insert under another id", plan.insert(target=plan.in_collection(record="id"))),
        (
            "insert from an archive",
            plan.insert(content={"kind": "archived-record", "source": ARCHIVE["source"], "sha256": "x"}),
        ),
        ("update of the location", plan.update(content=field("location", inline))),
        ("update of _id", plan.update(content=field("_id", inline))),
        ("update of an operator", plan.update(content=field("$where", inline))),
        ("update of a nested field", plan.update(content=field("subject.subject_id", own))),
        ("update of a field inline", plan.update(content=field("subject", inline))),
        ("update of v2's links in v1", plan.update(content=field("other_identifiers", inline))),
        ("update from another file", plan.update(content=field("rig", own))),
        (
            "update from another asset",
            plan.update(content=field("subject", plan.of_object("b/subject.json")["source"])),
        ),
        ("update of links from a file", plan.update(content=field("external_links", own))),
        ("update of links to a text", plan.update(content=plan.links("x"))),
        ("update that unsets", plan.update(content={"fields": [], "unset": ["subject"]})),
        ("undo that unsets _id", plan.update("undo", content={"fields": [], "unset": ["_id"]})),
        ("update of a record anywhere", plan.update(precondition=read(fields={}))),
        ("update of links unseen", plan.update(precondition=read())),
        ("update of links that rest on nothing", plan.update(rests_on={})),
        ("delete of a record anywhere", plan.delete_record(precondition=gone | {"fields": {}})),
        ("delete of any record", plan.delete_record(precondition=read())),
        ("delete that rests on nothing", plan.delete_record(rests_on={})),
        (
            "delete for another reason",
            plan.delete_record("links-stale", precondition=read(record=plan.DIGEST)),
        ),
        (
            "delete of an asset's record as if it were a result's",
            plan.delete_record("result-gone", rests_on={"result": "gone"}),
        ),
        ("delete of a result's record with a folder", plan.delete_record(at=location(bucket=RESULTS))),
    ]


def data_asset_cases() -> list[Case]:
    """Data assets of other places, or for no good reason."""
    cases: list[Case] = []
    for make in (plan.create_data_asset, plan.archive_data_asset, plan.delete_data_asset):
        kind, data_asset_id = make.__name__, make()["target"].get("data_asset_id")
        cases += [
            (f"{kind} of another folder", make(target=plan.mount(data_asset_id, "another"))),
            (f"{kind} of the whole bucket", make(target=plan.mount(data_asset_id, ""))),
            (f"{kind} of another bucket", make(target=plan.mount(data_asset_id, bucket=UNMANAGED))),
            (
                f"{kind} in the results bucket",
                make(at=location(bucket=RESULTS), target=plan.mount(data_asset_id, bucket=RESULTS)),
            ),
        ]
    for make in (plan.archive_data_asset, plan.delete_data_asset):
        cases += [
            (f"{make.__name__} that rests on nothing", make(rests_on={})),
            (f"{make.__name__} for another reason", make("links-stale", rests_on={})),
            (f"{make.__name__} without an id", make(target=plan.mount(None))),
        ]
    content = {"name": ASSET, "mount": ASSET}
    return [
        *cases,
        ("archive taken back", plan.archive_data_asset(archive=False)),
        ("data asset of another name", plan.create_data_asset(content=content | {"name": "x"})),
        ("data asset of another mount", plan.create_data_asset(content=content | {"mount": "../x"})),
    ]


CASES = [*object_cases(), *archive_cases(), *record_cases(), *data_asset_cases()]
BY_NAME = dict(CASES)
SHOWN = (
    "put data object",
    "undoing put dots",
    "delete_record of a stranger's bucket",
    "undoing delete original of a literal date",
    "put from the archive '../..'",
    "archived '../../etc/passwd'",
    "update of an operator",
    "archive_data_asset for another reason",
)


def unwritten(bench: Workbench) -> None:
    """No server wrote anything, and DocDB holds what it held."""
    assert [one for one in bench.sandbox.s3.log.writes() if one.status not in (404, 412)] == []
    assert not bench.sandbox.codeocean.log.writes()
    assert [one["_id"] for one in bench.records().find()] == ["id"]


@pytest.fixture
def guarded(workbench: Workbench, monkeypatch: pytest.MonkeyPatch) -> Workbench:
    """Systems with one asset, and this process pointed at them; the configuration itself forbids nothing."""
    workbench.records().insert_one({"_id": "id", "name": ASSET, "location": location()})
    for name, value in workbench.sandbox.environment().items():
        monkeypatch.setenv(name, value)
    for name in [name for name in os.environ if name.startswith("INDEXER_")]:
        monkeypatch.delenv(name)
    for name, value in PERMISSIVE.items():
        monkeypatch.setenv(name, value)
    workbench.env |= PERMISSIVE
    return workbench


def attempt(bench: Workbench, document: dict[str, Any]) -> Path:
    """Apply a plan in this process, as the command does; returns the folder that a run would use."""
    path = write(bench.folder / "forged.json", document)
    reviewed = load_plan(path)
    folder = results_folder(path, reviewed.plan, None)
    apply(reviewed, load_config(bench.folder / "indexer.toml"), results=folder, parallel=2)
    return folder


def test_no_forged_action_is_carried_out(guarded: Workbench) -> None:
    """Every kind of action on every kind of target that is not ours: status 5, and no write."""
    assert len(BY_NAME) == len(CASES)
    carried_out = []
    for name, action in CASES:
        try:
            attempt(guarded, forged([action]))
            carried_out.append(name)
        except RefusedError:
            continue
    assert carried_out == []
    unwritten(guarded)
    assert not list(guarded.folder.glob("*.results"))


def test_one_forged_action_refuses_the_whole_plan(guarded: Workbench) -> None:
    """It may stand last, behind good ones, or rest on them: nothing of the plan is carried out."""
    good = [make() for make in plan.EVERY_KIND]
    for name in SHOWN:
        if BY_NAME[name]["reason"] != "undo":
            with pytest.raises(RefusedError):
                attempt(guarded, forged([*good, BY_NAME[name]]))
    unwritten(guarded)


FRAMES: tuple[dict[str, Any], ...] = (
    {"actions": [{**plan.put(), "id": "0" * 16}]},
    {"actions": [plan.put(), plan.put()]},
    {"actions": [plan.put(after=["0" * 16])]},
    {"undoes": "run"},
    {"plan_id": "../../.."},
    {"plan_id": "/etc/abc"},
    {"plan_id": "a\0b"},
    {"plan_id": ""},
    {"tool_version": "\ud800"},
    {"actions": [plan.put(at=location("\ud800"), target=target("\ud800/subject.json"))]},
    {"format_version": "2.0"},
    {"created_at": "2026-01-01T00:00:00"},
)


def test_a_forged_frame_is_refused(guarded: Workbench) -> None:
    """Ids that are not the content's, actions twice, a run's folder elsewhere, an undo of other reasons."""
    for frame in FRAMES:
        changed = {**forged([plan.put()]), **frame}
        wrong_id = changed["actions"][0].get("id") == "0" * 16
        signed = changed | {"digest": plan.plan_digest(changed)} if wrong_id else plan.signed(changed)
        with pytest.raises(RefusedError):
            attempt(guarded, signed)
    unwritten(guarded)
    assert not list(guarded.folder.glob("*.results"))


def test_the_command_refuses_with_5(guarded: Workbench) -> None:
    """The real command says which action, and sends nothing."""
    for name in SHOWN:
        write(guarded.folder / "forged.json", forged([BY_NAME[name]]))
        done = guarded.run("apply", "forged.json")
        assert done.returncode == 5, (name, done.stderr)
        assert "Traceback" not in done.stderr
    unwritten(guarded)
    assert not guarded.sandbox.s3.log.since()


def test_what_is_within_bounds_and_made_up_is_stale(guarded: Workbench) -> None:
    """Every kind on the one asset, with made-up digests, strange ids and a foreign archive: no write."""
    strange: list[Any] = [10**30, -(2**63), 1.5, None, True, [], ["id"], {}, {"$gt": ""}, {"$oid": "x"}]
    strange += [{"$oid": "0" * 24}, {"$date": "x"}, {"$numberDecimal": "x"}, {"$binary": 5}, {"$ne": None}]
    strange += [
        "\ud800",
        "x" * 100_000,
        {"a": {"b": [1]}},
        {"$regularExpression": {"pattern": "(", "options": ""}},
    ]
    strange += [{"$code": "x", "$scope": {}}, {"$undefined": True}, {"$ref": "a", "$id": 1}, {"$minKey": 1}]
    with opened(guarded) as systems:
        _apply_strange(guarded, systems, strange)
    place = str(guarded.folder)
    (guarded.folder / plan.DIGEST).write_text("not what the name says")
    for content in (plan.archived("/etc"), plan.archived(place), plan.archived("s3://somebody/else")):
        write(guarded.folder / "forged.json", forged([plan.put("undo", content=content)]))
        done = guarded.run("apply", "forged.json")
        assert done.returncode == 5, done.stderr
        assert "Internal error" not in done.stderr
    write(guarded.folder / "forged.json", forged([make() for make in plan.EVERY_KIND[1:]], plan_id="0" * 32))
    done = guarded.run("apply", "forged.json")
    assert done.returncode == 4, done.stderr
    unwritten(guarded)


def _apply_strange(bench: Workbench, systems: Systems, strange: list[Any]) -> None:
    """A plan for each strange id: refused, or settled as stale or failed."""
    limits = bounds_of(load_config(bench.folder / "indexer.toml"))
    for number, record in enumerate(strange):
        at, path = location(f"asset_{number}"), bench.folder / "forged.json"
        write(path, forged([plan.update(at=at, target=plan.in_collection(record=record))]))
        try:
            reviewed = load_plan(path)
            folder = bench.folder / f"strange_{number}"
            done = apply_plan(reviewed, systems, limits, DiskFolder(folder), RunOptions(2))
        except RefusedError:
            continue
        assert done.summary in ({"stale": 1}, {"failed": 1}), (record, done)


@contextmanager
def opened(bench: Workbench) -> Iterator[Systems]:
    """Open systems of this process, closed in the end."""
    with open_systems(load_config(bench.folder / "indexer.toml"), 2) as systems:
        yield systems
