"""Engines that store no dots or dollars in keys: what they refuse is said with the key and the engine."""

from __future__ import annotations

from typing import Any

import pytest

from indexer.model.ports import InsertOne, UpdateOne, WriteError
from indexer.systems.docdb import DocDBWriter
from indexer.systems.docdb_connection import connect
from shared.builders import record
from shared.relay import Relay, document_of, with_document

DOTTED = {"experiment1_Node 101#PXI.ProbeA": 1}


class OldEngine:
    """Says no to every write, in words of its own."""

    def __init__(self, code: int, words: str) -> None:
        self._error = {"index": 0, "code": code, "errmsg": words}

    def __call__(self, answer: bytes) -> bytes:
        document = document_of(answer)
        if "n" not in document:
            return answer
        return with_document(answer, {"ok": 1.0, "n": 0, "nModified": 0, "writeErrors": [self._error]})


def refusal(uri: str, engine: OldEngine, write: InsertOne | UpdateOne) -> tuple[WriteError, ...]:
    relay = Relay(int(uri.partition("127.0.0.1:")[2].partition("/")[0]), "mongodb", answered=engine)
    docdb = connect(f"mongodb://127.0.0.1:{relay.port}/?directConnection=true", None, {"v1": ("d", "c")}, 4)
    try:
        return DocDBWriter(docdb).write("v1", [write])
    finally:
        docdb.client.close()
        relay.close()


@pytest.mark.parametrize(
    ("code", "words", "value", "key"),
    [
        (
            57,
            "The dotted field is not valid for storage.",
            {"p": [DOTTED]},
            "experiment1_Node 101#PXI.ProbeA",
        ),
        (2, "Document can't have $ prefix field names: $set", {"$set": 1}, "$set"),
    ],
)
def test_a_refused_key_is_named_with_the_engine(
    nx_uri: str, code: int, words: str, value: dict[str, Any], key: str
) -> None:
    """So that an operator knows what to change, or what to upgrade."""
    for write in (InsertOne(record("a", processing=value)), UpdateOne("id-a", {}, {"processing": value})):
        (error,) = refusal(nx_uri, OldEngine(code, words), write)
        assert error.index == 0
        assert f"the key {key!r} is refused by this server, version" in error.message
        assert words in error.message


def test_another_refusal_is_left_in_the_databases_words(nx_uri: str) -> None:
    """Though the record holds such a key."""
    (error,) = refusal(nx_uri, OldEngine(8, "too large"), InsertOne(record("a", processing=DOTTED)))
    assert error.message == "too large"
