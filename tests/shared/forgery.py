"""What somebody who knows the format can write: plans with every digest and id made anew."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from indexer.model.action import content_id
from indexer.model.generation import record_id
from indexer.model.location import Location
from indexer.model.plan import plan_digest

Document = dict[str, Any]
BUCKET = "aind-open-data"
OTHER_BUCKET = "aind-private-data"
RESULTS = "codeocean-results"
UNMANAGED = "somebody-elses"
ASSET = "asset"
PLACES = {"v1": "metadata_index", "v2": "metadata_index_v2"}
DIGEST = "a" * 64
MODIFIED = {"v1": "last_modified", "v2": "_last_modified"}


def location(prefix: str = ASSET, bucket: str = BUCKET) -> str:
    """As plans write it."""
    return f"s3://{bucket}/{prefix}"


def act(kind: str, reason: str, at: str = "", **rest: Any) -> Document:
    """An action without its id."""
    return {"kind": kind, "location": at or location(), "reason": reason, **rest}


def target(key: str = f"{ASSET}/subject.json", bucket: str = BUCKET) -> Document:
    """An object."""
    return {"bucket": bucket, "key": key}


def of_field(field: str = "subject") -> Document:
    """Content from a field of the record."""
    source = {"kind": "record-field", "generation": "v1", "field": field}
    return {"source": source, "sha256": DIGEST, "size": 2}


def of_record() -> Document:
    """Content from the whole record."""
    return {"source": {"kind": "record", "generation": "v1"}, "sha256": DIGEST, "size": 2}


def archived(archive: str = "/var/runs/archive", sha256: str = DIGEST) -> Document:
    """Content from an archive."""
    return {"source": {"kind": "archive", "archive": archive, "sha256": sha256}, "sha256": sha256, "size": 2}


def of_object(key: str = f"{ASSET}/subject.json", bucket: str = BUCKET, **more: Any) -> Document:
    """Content from an object."""
    source = {"kind": "object", "bucket": bucket, "key": key, "etag": "e", **more}
    return {"source": {k: v for k, v in source.items() if v is not None}, "sha256": DIGEST, "size": 2}


def put(reason: str = "core-file-stale", at: str = "", **changed: Any) -> Document:
    """A root file written from its field."""
    usual = {"target": target(), "precondition": {"kind": "absent"}, "content": of_field()}
    return act("put-object", reason, at, **usual | changed)


def copy(reason: str = "original-missing", at: str = "", **changed: Any) -> Document:
    """A root file copied to the originals."""
    key = f"{ASSET}/original_metadata/subject.20250101.json"
    usual = {"target": target(key), "precondition": {"kind": "absent"}, "content": of_object()}
    return act("copy-object", reason, at, **usual | changed)


def delete(reason: str = "core-file-unrecorded", at: str = "", **changed: Any) -> Document:
    """A root file taken away."""
    original = f"{ASSET}/original_metadata/subject.20200101.json"
    usual = {
        "target": target(),
        "precondition": {"kind": "etag", "etag": "e"},
        "rests_on": {"lacks": {"generation": "v1", "field": "subject"}, "original": original},
    }
    return act("delete-object", reason, at, **usual | changed)


def in_collection(generation: str = "v1", record: Any = "id", **changed: Any) -> Document:
    """A record."""
    usual = {"generation": generation, "database": PLACES[generation], "collection": "data_assets"}
    return {**usual, "record_id": record, **changed}


def new_id(at: str) -> str:
    """The id that a new record must have."""
    bucket, _, prefix = at.removeprefix("s3://").partition("/")
    return record_id(Location(bucket, prefix))


def insert(reason: str = "asset-unregistered", at: str = "", **changed: Any) -> Document:
    """A new record."""
    at = at or location()
    content = {"kind": "new-record", "name": ASSET, "links": [], "fields": [], "sha256": DIGEST}
    usual = {
        "target": in_collection(record=new_id(at)),
        "precondition": {"kind": "absent"},
        "rests_on": {"described": DIGEST},
    }
    if reason == "result-unregistered":
        usual["rests_on"] = {"result": "wanted"}
    return act("insert-record", reason, at, **{**usual, "content": content} | changed)


def as_read(**changed: Any) -> Document:
    """A record's precondition."""
    return {"kind": "as-read", "fields": {"location": DIGEST}, **changed}


def links(value: Any) -> Document:
    """Content that sets the links."""
    field = {"field": "external_links", "source": {"kind": "inline", "value": value}, "sha256": DIGEST}
    return {"fields": [field], "known_after_apply": ["last_modified"]}


def update(reason: str = "links-stale", at: str = "", **changed: Any) -> Document:
    """A record's links set."""
    usual = {
        "target": in_collection(),
        "precondition": as_read(record=DIGEST),
        "rests_on": {"mounts": ["da-1"]},
        "content": links({"Code Ocean": ["da-1"]}),
    }
    return act("update-record", reason, at, **usual | changed)


def delete_record(reason: str = "asset-gone", at: str = "", **changed: Any) -> Document:
    """A record deleted."""
    usual = {
        "target": in_collection(),
        "precondition": as_read(record=DIGEST),
        "rests_on": {"folder": "gone"},
    }
    return act("delete-record", reason, at, **usual | changed)


def mount(data_asset_id: str | None = "da-1", prefix: str = ASSET, bucket: str = BUCKET) -> Document:
    """A data asset."""
    known = {} if data_asset_id is None else {"data_asset_id": data_asset_id}
    return {**known, "bucket": bucket, "prefix": prefix}


def create_data_asset(reason: str = "asset-unregistered", at: str = "", **changed: Any) -> Document:
    """A data asset created."""
    usual = {
        "target": mount(None),
        "precondition": {"kind": "not-mounted"},
        "rests_on": {"described": DIGEST},
        "content": {"name": ASSET, "mount": ASSET, "tags": ["derived"]},
    }
    return act("create-data-asset", reason, at, **usual | changed)


def archive_data_asset(reason: str = "asset-gone", at: str = "", **changed: Any) -> Document:
    """A data asset archived."""
    usual = {
        "target": mount(),
        "precondition": {"kind": "mounted"},
        "rests_on": {"folder": "gone"},
        "archive": True,
    }
    return act("archive-data-asset", reason, at, **usual | changed)


def delete_data_asset(reason: str = "asset-gone", at: str = "", **changed: Any) -> Document:
    """A data asset deleted."""
    usual = {"target": mount(), "precondition": {"kind": "mounted"}, "rests_on": {"folder": "gone"}}
    return act("delete-data-asset", reason, at, **usual | changed)


EVERY_KIND = (
    create_data_asset,
    archive_data_asset,
    delete_data_asset,
    insert,
    update,
    delete_record,
    copy,
    put,
    delete,
)


def forged(actions: Iterable[Mapping[str, Any]], **changed: Any) -> Document:
    """A plan with these actions, its ids and its digest as they must be."""
    undo = any(action.get("reason") == "undo" for action in actions)
    document: Document = {
        "format_version": "1.0",
        "plan_id": "f00dcafe" * 4,
        "created_at": "2026-01-01T00:00:00Z",
        "tool_version": "0.1.0",
        **({"undoes": "run"} if undo else {}),
        "scope": {
            "buckets": [BUCKET],
            "max_deletes": 100,
            "max_delete_percent": 10.0,
            "config_sha256": DIGEST,
        },
        "coverage": [{"system": "s3", "scope": "x", "complete": True, "count": 1}],
        "summary": {"assets": 1, "records": 1, "complete": True},
        "actions": [dict(action) for action in actions],
        "withheld": [{"action": delete_record(), "policy": "max_deletes", "detail": "1 > 0"}],
        "findings": [{"kind": "name-mismatch", "location": location(), "detail": "x"}],
        **changed,
    }
    return signed(document)


def signed(document: Document) -> Document:
    """The same plan, with the ids and the digest that its content asks for."""
    actions = document.get("actions")
    for action in actions if isinstance(actions, list) else ():
        if isinstance(action, dict):
            action["id"] = content_id(action)
    return {**document, "digest": plan_digest(document)}


def text_of(document: Any) -> bytes:
    """The file's bytes; lone surrogates as escapes."""
    return json.dumps(document).encode()


def write(path: Path, document: Document) -> Path:
    """Put a plan into a file."""
    path.write_bytes(text_of(document))
    return path


def paths_in(value: Any, at: tuple[Any, ...] = ()) -> Iterable[tuple[Any, ...]]:
    """The path of every value in a document, the whole one's first."""
    yield at
    items: Sequence[tuple[Any, Any]] = ()
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    for key, item in items:
        yield from paths_in(item, (*at, key))


def replaced(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A deep copy with another value at this path."""
    if not path:
        return value
    whole = json.loads(json.dumps(document))
    part = whole
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    return whole
