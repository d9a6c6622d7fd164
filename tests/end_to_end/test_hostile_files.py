"""Plan, result and configuration files out of a stranger's hand: refused in words, or within bounds."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from workbench import Workbench

from indexer.applier.bounds import Bounds, check_bounds
from indexer.config import Config
from indexer.errors import IndexerError
from indexer.model.generation import CORE_FIELDS
from indexer.model.plan import Plan
from indexer.runs.config_file import load_config
from indexer.runs.expected import load_expected
from indexer.runs.loading import load_either, load_plan, load_result
from indexer.runs.run_folder import results_folder
from shared.forgery import BUCKET, EVERY_KIND, PLACES, RESULTS, forged, paths_in, replaced, signed, text_of

BOUNDS = Bounds(
    buckets=frozenset({BUCKET, "aind-private-data"}),
    results_bucket=RESULTS,
    collections={"v1": (PLACES["v1"], "data_assets"), "v2": (PLACES["v2"], "data_assets")},
    originals_folder="original_metadata",
    codeocean=True,
)
FIELD = "|".join(CORE_FIELDS)
OURS = re.compile(
    rf"(?P<asset>[^/]+)/(({FIELD})\.json|metadata\.nd\.json|original_metadata/({FIELD})\.([0-9]{{8}}|<date>)\.json)",
    re.DOTALL,
)
DEEP = 600
STRANGE: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    2**63,
    10**30,
    1.5,
    float("nan"),
    float("inf"),
    "",
    "x",
    "..",
    "\0",
    "\ud800",
    "x" * 5_000,
    [],
    ["x"],
    {},
    {"a": 1},
    {"kind": "absent"},
    json.loads("[" * DEEP + "]" * DEEP),
)
RESULT = {
    "format_version": "1.0",
    "run_id": "r",
    "plan_id": "p",
    "plan_digest": "d",
    "tool_version": "0",
    "started_at": "2026-01-01T00:00:00Z",
    "ended_at": "2026-01-01T00:00:01Z",
    "summary": {"applied": 1},
    "outcomes": [
        {
            "action_id": "a",
            "status": "applied",
            "started_at": "2026-01-01T00:00:00Z",
            "ended_at": "2026-01-01T00:00:00Z",
            "before": {"kind": "object", "archive": "a" * 64, "etag": "e"},
            "after": {"key": "k", "etag": "e", "sha256": "a" * 64},
        }
    ],
}
CONFIG = """\
buckets = ["aind-open-data"]
lookback_days = 14
[docdb]
uri = "mongodb://user:password@127.0.0.1:1"
[docdb.v1]
database = "metadata_index"
sync_to_s3 = true
[docdb.v2]
database = "metadata_index_v2"
[s3]
originals_folder = "original_metadata"
[codeocean]
domain = "https://codeocean.example.org"
token = "cop_token"
results_bucket = "codeocean-results"
on_missing = "archive"
[policy]
mode = "sync"
max_deletes = 100
max_delete_percent = 10
"""


EXPECTED = """\
[[rule]]
asset = "ecephys_*"
reason = "links-stale"
action = "update-record"
owner = "data-infra"
why = "links are being moved"
until = 2026-12-31

[[rule]]
asset = "*"
finding = "name-mismatch"
owner = "curation"
why = "renamed on purpose"
until = 2027-01-31
"""


def every_kind() -> dict[str, Any]:
    """A plan that is within bounds and holds every kind of action."""
    return forged([make() for make in EVERY_KIND])


def within(plan: Plan) -> None:
    """DOMAIN, "What must never happen" 3, told a second time and independently of the code."""
    for action in plan.actions:
        match = re.fullmatch(r"s3://(?P<bucket>[^/]+)/(?P<prefix>[^/]+)", action.location, re.DOTALL)
        assert match
        assert match["prefix"] not in (".", "..")
        kind, aim = action.kind, action.target.model_dump()
        if kind.endswith("-object"):
            assert aim["bucket"] == match["bucket"] in BOUNDS.buckets
            key = OURS.fullmatch(aim["key"])
            assert key
            assert key["asset"] == match["prefix"]
        elif kind.endswith("-record"):
            assert match["bucket"] in {*BOUNDS.buckets, RESULTS}
            assert (aim["database"], aim["collection"]) == BOUNDS.collections[aim["generation"]]
        else:
            assert (aim["bucket"], aim["prefix"]) == (match["bucket"], match["prefix"])
            assert aim["bucket"] in BOUNDS.buckets


def said(exc: IndexerError, status: int) -> None:
    """An error in a few words, with the right status, that holds no secret."""
    assert exc.exit_code == status, exc
    assert exc.summary
    assert len(str(exc)) < 2_000
    assert "password" not in str(exc)
    assert "cop_token" not in str(exc)


def opened(path: Path) -> str:
    """What `apply` makes of a file before it connects to anything: refused, or within bounds."""
    try:
        load_either(path)
        plan = load_plan(path).plan
        folder = results_folder(path, plan, None)
        check_bounds(plan, BOUNDS)
    except IndexerError as exc:
        said(exc, 5)
        return "refused"
    within(plan)
    assert folder.resolve().parent == (path.parent / f"{path.stem}.results").resolve()
    return "opened"


def read_result(path: Path) -> None:
    """A result is read, or refused in words."""
    try:
        load_result(path)
    except IndexerError as exc:
        said(exc, 5)


def configured(path: Path) -> Config | None:
    """A configuration, or wrong usage in words that hold no secret."""
    try:
        return load_config(path)
    except IndexerError as exc:
        said(exc, 2)
        return None


def expected(path: Path) -> bool:
    """Rules of expected drift are read, or wrong usage in words."""
    try:
        load_expected(path)
    except IndexerError as exc:
        said(exc, 2)
        return False
    return True


def damaged(body: bytes) -> Iterator[bytes]:
    """The same file cut short, with bits flipped, and in other encodings."""
    step = max(1, len(body) // 80)
    for at in range(0, len(body), step):
        yield body[:at]
        for mask in (0x01, 0x20, 0x80):
            yield body[:at] + bytes([body[at] ^ mask]) + body[at + 1 :]
    text = body.decode()
    yield b"\xef\xbb\xbf" + body
    for encoding in ("utf-16", "utf-16-le", "utf-32", "utf-7"):
        yield text.encode(encoding)
    yield body + body
    yield body + b"\0"
    yield b"\xff\xfe" + body
    yield b""


def bombs() -> dict[str, bytes]:
    """Small to write down, large to read."""
    return {
        "50 MB of brackets": b"[" * 50_000_000,
        "50 MB of objects": b'{"a":' * 10_000_000,
        "5 MB of digits": b'{"format_version": "1.0", "n": ' + b"9" * 5_000_000 + b"}",
        "a string of 20 MB": b'{"format_version": "' + b"1" * 20_000_000 + b'"}',
        "a million keys": b'{"format_version": "1.0", ' + b'"a": 1, ' * 1_000_000 + b'"b": 2}',
        "nested as deeply as can be read": b'{"format_version":"1.0","actions":'
        + b"[" * 900
        + b"]" * 900
        + b"}",
        "a number": b"1e999",
        "NaN": b"NaN",
        "null": b"null",
    }


READERS: tuple[Callable[[Path], object], ...] = (opened, read_result, configured, expected)


def test_a_plan_of_every_kind_opens(tmp_path: Path) -> None:
    """Else the tests below would show nothing."""
    path = tmp_path / "plan.json"
    path.write_bytes(text_of(every_kind()))
    assert opened(path) == "opened"
    path.write_text(CONFIG)
    assert configured(path) is not None
    path.write_text(EXPECTED)
    assert expected(path)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    "body",
    [text_of(every_kind()), text_of(RESULT), CONFIG.encode(), EXPECTED.encode()],
    ids=["plan", "result", "config", "expected"],
)
def test_a_damaged_file_is_refused_in_words(
    body: bytes, reader: Callable[[Path], object], tmp_path: Path
) -> None:
    """Cut short anywhere, any byte flipped, other encodings: every reader says what is wrong."""
    path = tmp_path / "file"
    for broken in damaged(body):
        path.write_bytes(broken)
        assert reader(path) != "opened" or json.loads(broken) == json.loads(body)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", bombs())
def test_a_bomb_is_refused_in_words(name: str, reader: Callable[[Path], object], tmp_path: Path) -> None:
    """Deep, long and wide files end in an error that was foreseen."""
    path = tmp_path / "file"
    path.write_bytes(bombs()[name])
    assert reader(path) != "opened"


def put_at(document: Any, at: tuple[Any, ...], value: Any) -> Any:
    """The document with a value that may not be there yet."""
    part = document
    for key in at[:-1]:
        part = part[key]
    part[at[-1]] = value
    return document


def test_nesting_at_the_edge_of_what_can_be_read(tmp_path: Path) -> None:
    """At no depth does what can be read fail later."""
    path, usual = tmp_path / "plan.json", sys.getrecursionlimit()
    outcomes = set()
    for depth in (*range(50, 1100, 50), *range(900, 1000, 5)):
        for opening, closing in (("[", "]"), ('{"a":', "1}")):
            for at in (("more",), ("findings",), ("actions", 4, "content", "fields", 0, "source", "value")):
                sys.setrecursionlimit(20_000)  # the attacker's
                deep = json.loads(opening * depth + closing[:-1] + closing[-1] * depth)
                path.write_bytes(text_of(signed(put_at(every_kind(), at, deep))))
                sys.setrecursionlimit(usual)
                outcomes.add(opened(path))
                read_result(path)
    assert outcomes == {"opened", "refused"}


def test_any_value_replaced_and_signed_anew(tmp_path: Path) -> None:
    """Every value of a plan in turn of another type, with ids and digest made anew by the attacker."""
    path, document = tmp_path / "plan.json", every_kind()
    outcomes = set()
    for number, at in enumerate(paths_in(document)):
        for value in STRANGE[number % 3 :: 3]:  # a third at each place: next to it stands another of its kind
            changed = replaced(document, at, value)
            if isinstance(changed, dict):
                try:
                    changed = signed(changed)
                except (RecursionError, ValueError):  # the attacker's own limits
                    continue
            path.write_bytes(text_of(changed))
            outcomes.add(opened(path))
    assert outcomes == {"opened", "refused"}


def test_any_value_of_a_result_replaced(tmp_path: Path) -> None:
    """Every value of a result in turn of another type."""
    path = tmp_path / "result.json"
    for at in paths_in(RESULT):
        for value in STRANGE:
            path.write_bytes(text_of(replaced(RESULT, at, value)))
            read_result(path)


def test_duplicate_keys_do_not_split_what_is_checked_from_what_is_done(tmp_path: Path) -> None:
    """Of two `actions` the last one counts, for the digest as for the bounds."""
    document = every_kind()
    bad = replaced(document, ("actions", 7, "target", "key"), "asset/data.bin")
    text = text_of(document).decode()
    path = tmp_path / "plan.json"
    for first, last in ((bad, document), (document, bad)):
        doubled = (
            text[:-1]
            + f', "actions": {json.dumps(first["actions"])}, "actions": {json.dumps(last["actions"])}}}'
        )
        path.write_text(doubled)
        assert opened(path) == ("opened" if last is document else "refused")


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
TEXTS = st.text(alphabet=st.sampled_from("abs3:/.%2e\\\0\n <date>*originlmuj_"), max_size=40)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_generated_values_signed_anew(data: st.DataObject, tmp_path: Path) -> None:
    """Whatever stands anywhere in a plan, it is refused, or within bounds."""
    document = every_kind()
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.sampled_from([one for one in paths_in(document) if one]))
        document = replaced(document, at, data.draw(JSON_VALUES | TEXTS))
    path = tmp_path / "plan.json"
    path.write_bytes(text_of(signed(document)))
    opened(path)


@pytest.mark.parametrize(
    "line",
    [
        "buckets = 1",
        "buckets = [1, 2]",
        'buckets = ["a/b"]',
        "lookback_days = -1",
        "lookback_days = nan",
        f"lookback_days = {'9' * 5000}",
        "lookback_days = 1979-05-27",
        "policy = []",
        "policy.max_delete_percent = inf",
        "docdb = 'mongodb://user:password@h'",
        "docdb.uri = ['password']",
        "docdb.v1 = 'password'",
        "docdb.v2.uri = 'password'",
        "docdb.tls_ca_file = 5",
        "codeocean = 'cop_token'",
        "codeocean.tokn = 'cop_token'",
        "codeocean.token = 5",
        "codeocean.domain = 'cop_token'",
        "codeocean.on_missing = 'cop_token'",
        "s3.originals_folder = 'a/b'",
        "_env_file = '/etc/passwd'",
        "_cli_parse_args = true",
        "_secrets_dir = '/etc'",
        "self = 1",
        "values = 1",
        "__pydantic_self__ = 1",
        "model_config = 1",
        "a" + ".a" * 2000 + " = 1",
        "a = " + "[" * 100_000,
        "a = " + "{a=" * 100_000,
        "\0",
    ],
)
def test_a_strange_setting_is_wrong_usage(line: str, tmp_path: Path) -> None:
    """Any setting of another type or name is said, and never with its value."""
    path = tmp_path / "indexer.toml"
    path.write_text(f"{line}\n")
    assert configured(path) is None
    top = {"buckets": '["b"]', "docdb.uri": '"mongodb://user:password@h"'}
    lines = [f"{key} = {value}" for key, value in top.items() if not line.startswith(key.split(".")[0])]
    path.write_text("\n".join([*lines, line, ""]))
    assert configured(path) is None


@pytest.mark.parametrize(
    "line",
    [
        "rule = 1",
        "rule = [1]",
        "rules = []",
        "rule = " + "[" * 100_000,
        "rule" + ".a" * 2000 + " = 1",
        "[[rule]]\nasset = 1",
        "[[rule]]\nasset = ''",
        "[[rule]]\nuntil = nan",
        "[[rule]]\nreason = ['asset-gone']",
        "[[rule]]\nself = 1",
        "[[rule]]\nmodel_config = 1",
        f"[[rule]]\nwhy = '{'x' * 1_000_000}'",
        "\0",
    ],
)
def test_a_strange_rule_is_wrong_usage(line: str, tmp_path: Path) -> None:
    """Any key of another type or name is said."""
    path = tmp_path / "expected.toml"
    path.write_text(f"{line}\n")
    assert not expected(path)
    path.write_text(f"{EXPECTED}\n{line}\n")
    assert not expected(path)


@pytest.mark.parametrize("value", ["mongodb://user:password@h", "[", "[1]", '"password"', "1", "null"])
@pytest.mark.parametrize("name", ["DOCDB", "DOCDB__V1", "BUCKETS", "CODEOCEAN", "POLICY", "S3"])
def test_a_strange_variable_is_wrong_usage(
    name: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A whole section in the environment that is no JSON, or other JSON, is said, and never its value."""
    path = tmp_path / "indexer.toml"
    path.write_text(CONFIG)
    monkeypatch.setenv(f"INDEXER_{name}", value)
    configured(path)


def test_the_command_refuses_without_a_trace(workbench: Workbench) -> None:
    """The real command: status 5 or 2, words, no traceback, nothing sent."""
    good = text_of(every_kind())
    files = {
        "cut": good[: len(good) // 2],
        "flipped": good.replace(b"subject", b"sub7ect", 1),
        "brackets": b"[" * 50_000_000,
        "deep": b'{"format_version":"1.0","x":' + b"[" * 990 + b"]" * 990 + b"}",
        "utf16": good.decode().replace("subject", "sub7ect").encode("utf-16"),
        "wide": text_of(signed(replaced(every_kind(), ("plan_id",), "../../.."))),
    }
    (workbench.folder / "result.json").write_bytes(text_of(RESULT))
    for name, body in files.items():
        (workbench.folder / name).write_bytes(body)
    before = sorted(workbench.folder.iterdir())
    for name in files:
        others = [("show", name), ("undo", name, "--out", "back.json")] if name == "deep" else []
        for command in (("apply", name), *others):
            done = workbench.run(*command)
            assert done.returncode == 5, (command, done.stderr)
            assert "Traceback" not in done.stderr
            assert "Internal error" not in done.stderr
            assert len(done.stderr) < 3_000
    assert sorted(workbench.folder.iterdir()) == before
    assert not workbench.sandbox.s3.log.since()
    assert not workbench.sandbox.codeocean.log.since()
