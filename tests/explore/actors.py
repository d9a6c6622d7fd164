"""Everybody else who writes: each step is one change of the world, by its author, at any moment."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from datetime import UTC, timedelta
from typing import Any

from explore.stage import Stage
from indexer.model.generation import GENERATIONS, GenerationName
from indexer.model.values import time_stamp, to_bytes
from shared.builders import BUCKET, ORIGINALS
from shared.memory.stored import StoredDataAsset, key_of

STEPS: dict[str, Callable[[Stage], None]] = {}
"""By name; the author is what stands before the first hyphen."""
PREFIXES = ("asset", "a", "gone", "derived")


def step(name: str) -> Callable[[Callable[[Stage], None]], Callable[[Stage], None]]:
    """Put a step into the table."""

    def enter(act: Callable[[Stage], None]) -> Callable[[Stage], None]:
        STEPS[name] = act
        return act

    return enter


def act(stage: Stage, name: str) -> None:
    """Let somebody do a step, and write down what changed."""
    with stage.acting(name.partition("-")[0]):
        STEPS[name](stage)


def prefix_of(stage: Stage) -> str:
    """The asset that the world is about."""
    known = {key.partition("/")[0] for key in stage.buckets[BUCKET]}
    known |= {str(body.get("name")) for held in stage.records.values() for body in held.values()}
    return next((one for one in PREFIXES if one in known), "asset")


def _records(stage: Stage) -> Iterator[tuple[GenerationName, str, dict[str, Any]]]:
    """The asset's records, each a copy that has taken the place of the old one; of results, all."""
    wanted = prefix_of(stage)
    for generation, held in stage.records.items():
        for key, body in list(held.items()):
            if wanted in str(body.get("location")) or "results" in str(body.get("location")):
                held[key] = copy.deepcopy(body)
                yield generation, key, held[key]


def _edit(stage: Stage, modified: object, **fields: object) -> None:
    for generation, _, body in _records(stage):
        for name, value in fields.items():
            if value is None:
                body.pop(name, None)
            else:
                body[name] = value
        if modified is not None:
            body[GENERATIONS[generation].modified_field] = modified


@step("curator-edits")
def _(stage: Stage) -> None:
    _edit(stage, time_stamp(stage.now), subject={"subject_id": "curated"}, notes={"by": "hand"})


@step("curator-edits-with-a-date")
def _(stage: Stage) -> None:
    now = stage.now.replace(microsecond=0) + timedelta(seconds=1)
    _edit(stage, now.astimezone(UTC), subject={"subject_id": "curated"}, notes={"by": "hand"})


@step("curator-edits-quietly")
def _(stage: Stage) -> None:
    _edit(stage, None, subject={"subject_id": "curated"}, notes={"by": "hand"})


@step("curator-comments")
def _(stage: Stage) -> None:
    _edit(stage, time_stamp(stage.now), notes={"by": "hand"})


@step("curator-unsets")
def _(stage: Stage) -> None:
    _edit(stage, time_stamp(stage.now), subject=None, instrument=None)


@step("curator-links")
def _(stage: Stage) -> None:
    _edit(stage, time_stamp(stage.now), external_links={"Dandi": ["mine"]})


@step("curator-deletes")
def _(stage: Stage) -> None:
    for generation, key, _ in list(_records(stage)):
        del stage.records[generation][key]


@step("curator-recreates")
def _(stage: Stage) -> None:
    for generation, key, body in list(_records(stage)):
        del stage.records[generation][key]
        again = body | {"_id": "made again", "remade": True}
        stage.records[generation][key_of(again["_id"])] = again


@step("curator-registers")
def _(stage: Stage) -> None:
    prefix = prefix_of(stage)
    body = {"_id": "by hand", "name": prefix, "location": f"s3://{BUCKET}/{prefix}", "by": "hand"}
    stage.records["v1"].setdefault(key_of(body["_id"]), body | {"last_modified": time_stamp(stage.now)})


def _put(name: str, body: bytes) -> Callable[[Stage], None]:
    def put(stage: Stage) -> None:
        stage.put(BUCKET, f"{prefix_of(stage)}/{name}", body)

    return put


def _delete(*names: str) -> Callable[[Stage], None]:
    def delete(stage: Stage) -> None:
        held, prefix = stage.buckets[BUCKET], prefix_of(stage)
        for key in [key for key in held if key.startswith(tuple(f"{prefix}/{name}" for name in names))]:
            del held[key]

    return delete


STEPS |= {
    "uploader-replaces": _put("subject.json", b'{"subject_id": "uploaded anew"}'),
    "uploader-breaks": _put("subject.json", b"{torn"),
    "uploader-removes": _delete("subject.json"),
    "uploader-adds-original": _put(f"{ORIGINALS}/subject.20260115.json", b'{"subject_id": "the original"}'),
    "uploader-removes-originals": _delete(f"{ORIGINALS}/"),
    "uploader-removes-all": _delete(""),
    "uploader-leaves-metadata": _delete(
        "subject", "instrument", "session", "raw/", "data_description", f"{ORIGINALS}/"
    ),
    "uploader-adds-data": _put("raw/more.bin", b"more"),
    "uploader-makes-raw": _put("data_description.json", to_bytes({"data_level": "raw"})),
    "uploader-removes-description": _delete("data_description.json"),
    "predecessor-copies": lambda stage: _copy_original(stage),
    "predecessor-writes-metadata": _put("metadata.nd.json", b'{"by": "the predecessor"}'),
}


def _copy_original(stage: Stage) -> None:
    """What the predecessor does: the root file as it is to the originals, where there is none, and the file as we would."""
    held, prefix = stage.buckets[BUCKET], prefix_of(stage)
    root = held.get(f"{prefix}/subject.json")
    if root is not None:
        stage.put(BUCKET, f"{prefix}/{ORIGINALS}/subject.{root.modified_at:%Y%m%d}.json", root.body)


@step("upgrader-copies")
def _(stage: Stage) -> None:
    """All of v2 but `quality_control` is what v1 has."""
    prefix = prefix_of(stage)
    for body in list(stage.records["v1"].values()):
        if body.get("location") != f"s3://{BUCKET}/{prefix}":
            continue
        links = body.get("external_links")
        kept = {
            key: one for key, one in body.items() if key not in ("external_links", "created", "last_modified")
        }
        new = kept | {"_id": f"v2 of {prefix}", "other_identifiers": links if isinstance(links, dict) else {}}
        stage.records["v2"] = {
            key: one for key, one in stage.records["v2"].items() if one.get("location") != body["location"]
        }
        stage.records["v2"][key_of(new["_id"])] = new | {"_last_modified": time_stamp(stage.now)}


@step("upgrader-deletes")
def _(stage: Stage) -> None:
    for generation, key, _ in list(_records(stage)):
        if generation == "v2":
            del stage.records["v2"][key]


@step("user-mounts")
def _(stage: Stage) -> None:
    prefix = prefix_of(stage)
    stage.data_assets["da-9"] = StoredDataAsset("da-9", prefix, BUCKET, prefix)


def _of_data_assets(change: Callable[[StoredDataAsset], StoredDataAsset | None]) -> Callable[[Stage], None]:
    def do(stage: Stage) -> None:
        for key, one in list(stage.data_assets.items()):
            became = change(copy.copy(one))
            if became is None:
                del stage.data_assets[key]
            else:
                stage.data_assets[key] = became

    return do


def _with(**values: Any) -> Callable[[StoredDataAsset], StoredDataAsset]:
    def changed(one: StoredDataAsset) -> StoredDataAsset:
        for name, value in values.items():
            setattr(one, name, value)
        return one

    return changed


STEPS |= {
    "user-archives": _of_data_assets(_with(archived=True)),
    "user-unarchives": _of_data_assets(_with(archived=False)),
    "user-deletes": _of_data_assets(lambda _: None),
    "user-unreadies": _of_data_assets(_with(state="running")),
    "user-uncomputes": _of_data_assets(_with(has_computation=False)),
}


@step("user-shares-again")
def _(stage: Stage) -> None:
    """A result that was gone is there again."""
    stage.data_assets["r-gone"] = StoredDataAsset(
        "r-gone", "back", external=False, type="result", tags=("derived",), has_computation=True
    )
