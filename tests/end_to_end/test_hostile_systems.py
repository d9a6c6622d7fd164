"""Systems that hold nonsense: no traceback, nothing out of bounds, and the healthy asset beside it in step.

Each test is one plan → apply → plan over many hostile assets at once.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import bson
import pytest
from bson import Binary, Code, DBRef, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from pymongo.errors import PyMongoError
from workbench import BUCKET, Workbench, our_bytes

from indexer.model.generation import CORE_FIELDS

KEY = re.compile(
    rf"[^/]+/(({'|'.join(CORE_FIELDS)})\.json|metadata\.nd\.json|original_metadata/({'|'.join(CORE_FIELDS)})\.\d{{8}}\.json)",
    re.DOTALL,
)
FAULTS = ("Traceback", "Internal error", "RuntimeWarning", "object at 0x")
DEEP: Any = json.loads('{"a":' * 90 + "1" + "}" * 90)
LOUD = "\x1b[2J\x1b]0;title\x07"
STRANGE: dict[str, Any] = {
    "int": 5,
    "long": Int64(2**62),
    "float": float("nan"),
    "list": [1, "x", None, {"a": [[]]}],
    "dict": {"a": 1},
    "none": None,
    "bool": True,
    "deep": DEEP,
    "long_text": "x" * 5_000_000,
    "loud": LOUD,
    "text_nul": "a\0b",
    "dots": {"a.b": 1, "c": {"d.e": 2}},
    "dollars": {"$set": 1, "x": {"$oid": "y"}},
    "oid": ObjectId("0" * 24),
    "binary": Binary(b"\0\xff", 5),
    "decimal": Decimal128("NaN"),
    "regex": Regex("(", "i"),
    "code": Code("x", {"y": 1}),
    "timestamp": Timestamp(1, 1),
    "min": MinKey(),
    "max": {"a": MaxKey()},
    "dbref": {"a": DBRef("c", 1)},
    "time": bson.DatetimeMS(2**60),
}
FIELDS = (
    "name",
    "location",
    "created",
    "last_modified",
    "external_links",
    "metadata_status",
    "schema_version",
    "subject",
    "rig",
    "extra",
)
PASSIVE = ("created", "metadata_status", "schema_version", "extra")


def healthy(bench: Workbench) -> None:
    """An asset that needs one file written."""
    bench.insert_in_step("healthy", subject={"subject_id": "1"})
    bench.put("healthy/subject.json", b"{}")


def converge(bench: Workbench, *arguments: str, look: bool = True, **env: str) -> dict[str, Any]:
    """Plan → apply → plan on whatever the systems hold; returns the first plan."""
    said: list[str] = []
    log = bench.sandbox.s3.log

    def run(*typed: str, well: tuple[int, ...]) -> None:
        done = bench.run(*typed, **env)
        assert done.returncode in well, done.stderr[-3000:]
        said.append(done.stdout + done.stderr)

    scope = arguments or ("--bucket", BUCKET)
    run("plan", *scope, well=(0,))
    assert not log.writes()
    if look:
        run("show", "plan.json", well=(0,))
        run("show", "plan.json", "--format", "markdown", well=(0,))
    first = json.loads((bench.folder / "plan.json").read_text())
    run("apply", "plan.json", "--results", "run", well=(0, 4))
    if look:
        run("show", "run/result.json", well=(0,))
        run("undo", "run/result.json", "--out", "back.json", well=(0,))
    run("plan", *scope, "--out", "again.json", well=(0, 1) if "--all" in scope else (0,))
    again = json.loads((bench.folder / "again.json").read_text())
    result = json.loads((bench.folder / "run" / "result.json").read_text())
    for words in said:
        assert not [fault for fault in FAULTS if fault in words], words[-3000:]
        assert LOUD not in words
        assert len(words) < 1_000_000
    for request in log.writes():
        assert request.bucket == BUCKET
        assert KEY.fullmatch(request.key), request
    settled = {one["action_id"]: (one["status"], one["detail"]) for one in result["outcomes"]}
    aside = [settled[one["id"]] for one in first["actions"] if one["location"].endswith("/healthy")]
    assert {status for status, _ in aside} <= {"applied", "satisfied"}, aside
    assert bench.sandbox.s3.objects(BUCKET)["healthy/subject.json"] == our_bytes({"subject_id": "1"})
    applied = {one["action_id"] for one in result["outcomes"] if one["status"] in ("applied", "satisfied")}
    done = {aim(action) for action in first["actions"] if action["id"] in applied}
    assert not {aim(action) for action in again["actions"]} & done
    assert (bench.folder / "plan.json").stat().st_size < 5_000_000
    return first


def aim(action: dict[str, Any]) -> str:
    """What an action writes."""
    return json.dumps([action["kind"], action["location"], action["target"]], sort_keys=True)


def test_records_of_wrong_types(workbench: Workbench) -> None:
    """Every field of a record in turn of every strange type, as far as the server holds it."""
    healthy(workbench)
    held = 0
    for number, field in enumerate(FIELDS):
        # Of fields that nothing looks into, a third of the types each.
        step = 3 if field in PASSIVE else 1
        for name, value in list(STRANGE.items())[number % step :: step]:
            if name == "long_text" and field not in ("name", "subject"):
                continue
            prefix = f"{field}_{name}"
            workbench.put(f"{prefix}/data.bin", b"")
            workbench.put(f"{prefix}/session.json", b'{"a": 1}')
            record = {"_id": prefix, "name": prefix, "location": f"s3://{BUCKET}/{prefix}", field: value}
            try:
                workbench.records().insert_one(record)
                held += 1
            except PyMongoError:
                workbench.put(f"{prefix}/other.bin", b"")
    # nx-27017 fails a read of many ids where one is an object, so these are not among them.
    for number, record_id in enumerate([5, 1.5, ObjectId("0" * 24), LOUD, "", "a/b", "$x"]):
        prefix = f"id_{number}"
        workbench.put(f"{prefix}/session.json", b'{"a": 1}')
        try:
            workbench.records().insert_one({"_id": record_id, "location": f"s3://{BUCKET}/{prefix}"})
            held += 1
        except (PyMongoError, bson.errors.BSONError):
            continue
    assert held > 100
    before = workbench.records().count_documents({})
    first = converge(workbench)
    assert {"location-invalid", "name-mismatch", "links-invalid", "value-unserialisable"} <= {
        one["kind"] for one in first["findings"]
    }
    assert workbench.records().count_documents({}) == before


def test_strange_records_of_gone_assets_are_kept_before_they_go(workbench: Workbench) -> None:
    """Records of every strange type whose folders are gone: deleted, whole in the archive, and brought back."""
    healthy(workbench)
    for name, value in STRANGE.items():
        if name not in ("long_text", "text_nul"):  # nx-27017 finds no text with a NUL in a filter of many
            record = {"_id": name, "name": name, "location": f"s3://{BUCKET}/gone_{name}", "extra": value}
            try:
                workbench.records().insert_one({**record, "a.path": "text"})
            except PyMongoError:
                continue
    raw = {one["_id"]: one for one in workbench.records().find({"_id": {"$ne": "id of healthy"}})}
    first = converge(workbench, "--bucket", BUCKET, "--max-delete-percent", "100")
    assert first["summary"]["reasons"]["asset-gone"] == len(raw)
    assert [one["_id"] for one in workbench.records().find({}, {"_id": 1})] == ["id of healthy"]
    done = workbench.run("apply", "back.json")
    assert "Internal error" not in done.stderr
    back = {one["_id"]: one for one in workbench.records().find({"_id": {"$ne": "id of healthy"}})}
    assert back.keys() >= raw.keys() - {"dollars"}, done.stderr
    assert [k for k in back if repr(back[k]["extra"]) != repr(raw[k]["extra"])] == []


def bodies() -> dict[str, bytes]:
    """Files that somebody may have put there."""
    long = b"1" * 400
    return {
        "brackets": b"[" * 20_000_000,
        "objects": b'{"a":' * 400_000,
        **{f"deep_{depth}": b"[" * depth + b"]" * depth for depth in (100, 101, 300, 900, 960)},
        **{f"nested_{depth}": b'{"a":' * depth + b"1" + b"}" * depth for depth in (98, 100, 300, 980)},
        "duplicate_keys": b'{"data_level": "raw", "a": 1, "a": 2, "data_level": "derived"}',
        "nan": b'{"data_level": "derived", "a": [NaN, Infinity, -Infinity]}',
        "bom": b'\xef\xbb\xbf{"data_level": "derived"}',
        "utf8": b'{"data_level": "derived", "a": "\xff\xfe"}',
        "utf16": '{"data_level": "derived"}'.encode("utf-16"),
        "huge_int": b'{"data_level": "derived", "a": ' + long + b"}",
        "huge_ints": b"[" + b",".join([long] * 40) + b", 1]",
        "huger_int": b'{"data_level": "derived", "a": ' + b"1" * 5000 + b"}",
        "huge_float": b'{"data_level": "derived", "a": 1e999}',
        "surrogate": b'{"data_level": "derived", "a": "\\ud800"}',
        "surrogate_key": b'{"data_level": "derived", "\\ud800": 1}',
        "surrogates": b'[{"\\ud800": "\\udfff"}, "\\ud800"]',
        "odd_keys": b'{"data_level": "derived", "a.b": 1, "$c": 2, "": 3, "a\\u0000b": 4}',
        "loud": json.dumps({"data_level": LOUD, LOUD: LOUD}).encode(),
        "null": b"null",
        "number": b"5",
        "text": b'"x"',
        "empty": b"",
        "list": b"[1, 2]",
        "level_deep": b'{"data_level": ' + b"[" * 900 + b"]" * 900 + b"}",
        "level_list": b'{"data_level": ["derived"]}',
        "version_long": b'{"data_level": "derived", "schema_version": "' + b"9" * 5000 + b'"}',
        "version_odd": '{"data_level": "derived", "schema_version": "²"}'.encode(),
        "version_list": b'{"data_level": "derived", "schema_version": [2]}',
        "modality_odd": b'{"data_level": "derived", "modality": [null, 5, {"abbreviation": ["x"]}, {"abbreviation": "\\ud800"}, {"abbreviation": "\\u001b[2J"}]}',
        "modality_deep": b'{"data_level": "derived", "modality": ' + b"[" * 90 + b"]" * 90 + b"}",
    }


@pytest.mark.parametrize("registering", ["true", "false"])
def test_files_of_nonsense(workbench: Workbench, registering: str) -> None:
    """Every body as the core file of an asset with a record, of one without, and of one whose record has it."""
    healthy(workbench)
    record = {"a": {"a": {"b": [1, 2, {"c": [1.5]}]}}, "l": [[["x"]]]}
    for name, body in bodies().items():
        if name in ("nan", "huge_float"):  # nx-27017 holds no such value, and breaks on one that is set
            workbench.insert_in_step(f"dict_{name}", rig=record)
            workbench.put(f"dict_{name}/rig.json", body)
            continue
        if registering == "false" and name.startswith(("deep", "nested", "bracket", "object")):
            continue
        large = len(body) > 1_000_000
        workbench.put(f"new_{name}/data_description.json", body)
        workbench.put(f"new_{name}/subject.json", b'{"s": 1}' if large else body)
        for prefix, fields in (("none", {}), ("dict", {"rig": record}), ("list", {"rig": [1, [2], record]})):
            if not large or prefix == "none":
                workbench.insert_in_step(f"{prefix}_{name}", **fields)
                workbench.put(f"{prefix}_{name}/rig.json", body)
        if not large:
            workbench.insert_in_step(f"whole_{name}", rig=[1, [2]])
            workbench.put(f"whole_{name}/metadata.nd.json", body)
    first = converge(workbench, look=False, INDEXER_CODEOCEAN__REGISTER_ASSETS=registering)
    assert {
        "core-file-corrupt",
        "data-description-corrupt",
        "value-unserialisable",
        "data-level-unknown",
    } <= {one["kind"] for one in first["findings"]}


def test_keys_of_nonsense(workbench: Workbench) -> None:
    """Folders with control characters, of the greatest length, of dots and of slashes."""
    healthy(workbench)
    names = [f"c{chr(code)}c" for code in (1, 7, 8, 9, 10, 13, 27, 31, 127, 0x85, 0x2028, 0xFFFE)]
    names += [
        "..",
        ".",
        "...",
        "dot.",
        " ",
        "a ",
        "x" * 900,
        "é" * 450,
        LOUD,
        "a\\b",
        "%2e%2e",
        "%",
        "\U0001f600",
    ]
    names += [
        "s3:",
        "*",
        "[a]",
        "{a}",
        "<date>",
        "null",
        "$where",
        "-rf",
        "--bucket",
        "'; --",
        "metadata.nd.json",
    ]
    for name in names:
        workbench.put(f"{name}/data_description.json", b'{"data_level": "derived"}')
        workbench.put(f"{name}/subject.json", b'{"s": 1}')
    for key in (
        "//",
        "//data_description.json",
        "/data_description.json",
        "a//subject.json",
        "../../x",
        "x/../y",
        "./",
    ):
        workbench.put(key, b'{"data_level": "derived"}')
    workbench.records().insert_many(
        [{"_id": f"long {n}", "location": f"s3://{BUCKET}/{'y' * n}"} for n in (1024, 5_000, 200_000)]
    )
    first = converge(workbench)
    registered = {one["location"] for one in first["actions"] if one["kind"] == "insert-record"}
    assert f"s3://{BUCKET}/.." not in registered
    assert len(registered) > 25


Answer = Callable[[dict[str, Any]], tuple[int, bytes]]
ASSET = {
    "id": "00000000-0000-4000-8000-000000000001",
    "created": 1,
    "name": "healthy",
    "mount": "healthy",
    "last_used": 0,
    "owner": "o",
    "tags": [],
    "state": "ready",
    "type": "dataset",
    "source_bucket": {"origin": "aws", "bucket": BUCKET, "prefix": "healthy", "external": True},
    "provenance": {"computation": "c"},
}


def page(*results: Any, **more: Any) -> bytes:
    """A page of a search."""
    return json.dumps({"has_more": False, "results": list(results), **more}).encode()


def answers() -> dict[str, bytes]:
    """What a search may come back with."""
    shapes = {
        f"{field} {name}": page(ASSET | {field: value})
        for field in ASSET
        for name, value in {
            "int": 5,
            "none": None,
            "list": ["x", {}],
            "dict": {"a": 1},
            "bool": True,
            "text": "strange",
            "loud": LOUD,
            "surrogate": "\ud800",
            "path": "../../x",
            "huge": 10**400,
        }.items()
    }
    missing = {
        f"no {field}": page({key: value for key, value in ASSET.items() if key != field}) for field in ASSET
    }
    source = {
        f"source {field} {value!r}": page(ASSET | {"source_bucket": ASSET["source_bucket"] | {field: value}})  # type: ignore[operator]
        for field in ("origin", "bucket", "prefix", "external")
        for value in (5, None, ["x"], {"a": 1}, "strange")
    }
    whole = {
        "no JSON": b"<html>",
        "nothing": b"",
        "null": b"null",
        "list": b"[]",
        "number": b"5",
        "no results": b'{"has_more": false}',
        "results null": b'{"has_more": false, "results": null}',
        "results dict": b'{"has_more": false, "results": {"a": 1}}',
        "results numbers": page(1, "x", None),
        "more of nothing": page(has_more=True),
        "more of a number": page(has_more=True, next_token=5),
        "more of a dict": page(has_more={"a": 1}, next_token={"a": 1}),
        "brackets": b'{"results": ' + b"[" * 300_000,
        "deep": b'{"results": ' + b"[" * 950 + b"]" * 950 + b"}",
        "huge": page(*[ASSET | {"id": str(number), "name": "x" * 100} for number in range(300)]),
        "utf16": page(ASSET).decode().encode("utf-16"),
        "utf8": b'{"results": ["\xff"]}',
        "huge int": b'{"results": [' + b"9" * 5000 + b"]}",
    }
    return {**shapes, **missing, **source, **whole}


class Stub(ThreadingHTTPServer):
    """A Code Ocean that answers every search with the same bytes, and counts what else it is asked."""

    body = b""
    status = 200
    writes = 0


class Handler(BaseHTTPRequestHandler):
    """Answers."""

    server: Stub

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if not self.path.endswith("/search"):
            self.server.writes += 1
        self.send_response(self.server.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    do_GET = do_PATCH = do_DELETE = do_PUT = do_POST  # noqa: N815 - http.server's names

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def stub() -> Iterator[Stub]:
    """A Code Ocean of our own."""
    server = Stub(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_answers_of_code_ocean_are_read_or_refused_as_a_fault(stub: Stub) -> None:
    """Whatever a search comes back with: data assets of the right types, or a SystemFaultError."""
    from indexer.errors import SystemFaultError
    from indexer.model.location import Location
    from indexer.systems.codeocean import CodeOceanReader
    from indexer.systems.codeocean_client import codeocean_client

    client = codeocean_client(f"http://127.0.0.1:{stub.server_port}", "token")
    reader = CodeOceanReader(client)
    refused = set()
    for name, body in answers().items():
        stub.body = body
        for search in (reader.mounted, lambda: reader.results(("derived",))):
            try:
                for one in (row for rows in search() for row in rows):
                    assert isinstance(one.id, str), name
                    assert isinstance(one.name, str), name
                    assert isinstance(one.state, str), name
                    assert one.location is None or isinstance(one.location, Location)
                    one.id.encode()
                    one.name.encode()
            except SystemFaultError as exc:
                refused.add(name if len(str(exc)) < 1_000 else f"{name} at length")
    client.session.close()
    assert {"id none", "no JSON", "results null", "brackets"} <= refused
    assert "huge" not in refused
    assert not [name for name in refused if name.endswith("at length")]


@pytest.mark.parametrize("name", ["id int", "deep", "name loud"])
def test_strange_answers_of_code_ocean_cost_no_file(stub: Stub, workbench: Workbench, name: str) -> None:
    """Links are left alone or kept in step; the files are, in any case; results cost no record."""
    healthy(workbench)
    gone = {"_id": "r", "name": "r", "location": "s3://codeocean-results/r", "external_links": {}}
    workbench.records().insert_one(gone)
    stub.body = answers()[name]
    converge(workbench, "--all", look=False, INDEXER_CODEOCEAN__DOMAIN=f"http://127.0.0.1:{stub.server_port}")
    assert stub.writes == 0
