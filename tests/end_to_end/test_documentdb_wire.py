"""On the wire: nothing is sent to DocDB that Amazon DocumentDB lacks, no write is retried, the primary is read.

The commands run as users run them, in processes of their own, through a relay that keeps what they send.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from workbench import BUCKET, Workbench

from indexer_sandbox.seed import seed
from shared.relay import Relay, document_of, hello_says

TABLE = tomllib.loads(Path(__file__).with_name("documentdb_apis.toml").read_text(encoding="utf-8"))
OPERATORS = {
    "query": set(TABLE["query_operators"]) - set(TABLE["unindexed_operators"]),
    "update": set(TABLE["update_operators"]),
}
FILTERS, CHANGES = ("filter", "query", "q"), ("update", "u")
"""Where conditions stand, and where changes do."""
Command = Mapping[str, Any]


def faults_of(command: Command) -> Iterator[str]:
    """What of a command DocumentDB does not support, or what we promised not to send."""
    name = next(iter(command))
    rest = {
        key: value for key, value in command.items() if key != name and key not in TABLE["driver"]["fields"]
    }
    if name in TABLE["driver"]["commands"]:
        return
    preference = command.get("$readPreference", {"mode": "primary"})
    if preference != {"mode": "primary"}:
        yield f"{name}: reads from {preference}"
    if name not in TABLE["commands"] or name not in TABLE["options"]:
        yield f"{name}: no such command, or none that we looked up"
        return
    yield from (f"{name}: {key}" for key in rest if key not in TABLE["options"][name])
    if name == "listCollections" and "type" in rest.get("filter", {}):
        yield f"{name}: filter by type"
    yield from _statement_faults(name, rest)
    for statement in rest.get(f"{name}s", ()):
        known = TABLE["statements"][name]
        yield from (f"{name}: {key} in a statement" for key in statement if key not in known)
        yield from _statement_faults(name, statement)


def _statement_faults(name: str, statement: Command) -> Iterator[str]:
    for key in FILTERS:
        for operator in operators(statement.get(key, {})):
            if operator not in OPERATORS["query"]:
                yield f"{name}: {operator} in a filter"
    for key in CHANGES:
        change = statement.get(key, {})
        if not isinstance(change, Mapping):
            yield f"{name}: a pipeline instead of a change"
        else:
            yield from (f"{name}: {one} in a change" for one in change if one not in OPERATORS["update"])


def operators(condition: Any) -> Iterator[str]:
    """Every operator in a filter, at any depth; no name of a field begins with a dollar."""
    if isinstance(condition, Mapping):
        for key, value in condition.items():
            if key.startswith("$"):
                yield key
            yield from operators(value)
    elif isinstance(condition, list):
        for one in condition:
            yield from operators(one)


@pytest.mark.parametrize(
    "command",
    [
        {"mapReduce": "c"},
        {"count": "c", "query": {}},
        {"find": "c", "filter": {"$expr": {"$eq": ["$a", 1]}}},
        {"find": "c", "filter": {"$or": [{"a": 1}, {"b": {"$nin": [1]}}]}},
        {"find": "c", "filter": {}, "collation": {"locale": "en"}},
        {"find": "c", "filter": {}, "skip": 1},
        {"find": "c", "filter": {}, "$readPreference": {"mode": "primaryPreferred"}},
        {"update": "c", "updates": [{"q": {"a": {"$where": "1"}}, "u": {"$set": {"a": 1}}}]},
        {"update": "c", "updates": [{"q": {}, "u": [{"$set": {"a": 1}}]}]},
        {"update": "c", "updates": [{"q": {}, "u": {"a": 1}}]},
        {"update": "c", "updates": [{"q": {}, "u": {"$set": {"a": 1}}, "collation": {}}]},
        {"insert": "c", "documents": [{}], "txnNumber": 1},
        {
            "insert": "c",
            "documents": [{}],
            "lsid": {},
            "txnNumber": 1,
            "startTransaction": True,
            "autocommit": False,
        },
        {"delete": "c", "deletes": [{"q": {"$jsonSchema": {}}, "limit": 1}]},
        {"findAndModify": "c", "query": {}, "update": {"$set": {}}, "arrayFilters": []},
        {"listCollections": 1, "filter": {"type": "collection"}},
    ],
    ids=str,
)
def test_the_judge_notices(command: Command) -> None:
    """Each holds one thing that must not be sent."""
    assert list(faults_of(command))


@pytest.fixture
def sent(workbench: Workbench) -> Iterator[list[dict[str, Any]]]:
    """Every command that the workbench's processes send to DocDB.

    It looks like a DocumentDB cluster, the primary of `rs0`: with a lone server a driver retries no write, whatever
    it was told. The URI asks for what must not be.
    """
    commands: list[dict[str, Any]] = []

    def keep(message: bytes) -> bytes:
        if document := document_of(message):
            commands.append(document)
        return message

    def as_primary(answer: bytes) -> bytes:
        return hello_says(
            answer, setName="rs0", hosts=[f"127.0.0.1:{relay.port}"], me=f"127.0.0.1:{relay.port}"
        )

    relay = Relay(workbench.sandbox.docdb.port, "mongodb", asked=keep, answered=as_primary)
    wrong = "replicaSet=rs0&retryWrites=true&readPreference=secondaryPreferred"
    workbench.env["INDEXER_DOCDB__URI"] = f"mongodb://127.0.0.1:{relay.port}/?{wrong}"
    workbench.env["INDEXER_DOCDB__LEASE_COLLECTION"] = "leases"
    yield commands
    relay.close()


def test_a_whole_life_sends_only_what_documentdb_knows(
    workbench: Workbench, sent: list[dict[str, Any]]
) -> None:
    """Gate, plan, a lease that somebody holds, apply, plan, all of it taken back, on every kind of drift; the doctor."""
    seed(workbench.sandbox, assets=4)
    lease = {"_id": BUCKET, "owner": "somebody", "since": "2026-01-01T00:00:00+00:00"}
    later = datetime.now(UTC) + timedelta(hours=1)
    workbench.database()["leases"].insert_one({**lease, "expires_at": later.isoformat()})
    for command, status in (
        (("drift", "--all"), 3),
        (("plan", "--all", "--detailed-exitcode"), 3),
        (("apply", "plan.json"), 1),
        (("apply", "plan.json", "--results", "run", "--steal-lease"), 0),
        (("plan", "--all", "--detailed-exitcode", "--out", "again.json"), 0),
        (("undo", "run", "--out", "back.json"), 0),
        (("apply", "back.json", "--results", "back"), 0),
        (("doctor",), 0),
    ):
        done = workbench.run(*command)
        assert done.returncode == status, done.stdout + done.stderr
    names = {next(iter(one)) for one in sent}
    assert names >= {"find", "insert", "update", "delete", "findAndModify", "listIndexes", "connectionStatus"}
    assert sorted({fault for one in sent for fault in faults_of(one)}) == []
    writes = [one for one in sent if next(iter(one)) in ("insert", "update", "delete", "findAndModify")]
    assert writes
    assert not [one for one in writes if "txnNumber" in one], "retryWrites is on"
