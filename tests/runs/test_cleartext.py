"""What crosses a network in the clear is said, and what is on this machine is not."""

from __future__ import annotations

import pytest
from pymongo.logger import LogMessage

from indexer.cli.logs import docdb_request
from indexer.runs.cleartext import cleartext
from indexer.runs.credentials import CodeOceanAccess, Credentials

CALM = "https://s3.us-west-2.amazonaws.com"


@pytest.mark.parametrize(
    ("uri", "ca_file", "domain", "endpoint", "said"),
    [
        ("mongodb://127.0.0.1:1", None, "http://127.0.0.1:2", "http://localhost:3", []),
        ("mongodb://[::1]:1", None, "http://[::1]:2", CALM, []),
        ("mongodb://db.example:1", None, "https://c.example", CALM, ["DocDB at db.example"]),
        ("mongodb://127.0.0.1:1,db.example:1", None, "https://c.example", CALM, ["DocDB at db.example"]),
        ("mongodb://db.example:1/?tls=false", None, "https://c.example", CALM, ["DocDB at db.example"]),
        ("mongodb://db.example:1/?tls=true", None, "https://c.example", CALM, []),
        ("mongodb://db.example:1/?ssl=true", None, "https://c.example", CALM, []),
        ("mongodb://db.example:1", "ca.pem", "https://c.example", CALM, []),
        ("mongodb://127.0.0.1:1", None, "http://c.example", CALM, ["Code Ocean at c.example"]),
        ("mongodb://127.0.0.1:1", None, "http://10.0.0.1", CALM, ["Code Ocean at 10.0.0.1"]),
        ("mongodb://127.0.0.1:1", None, "https://c.example", "http://minio:9000", ["S3 at minio"]),
    ],
)
def test_cleartext_is_said(
    uri: str, ca_file: str | None, domain: str, endpoint: str, said: list[str]
) -> None:
    """One warning for each system, which names its host and the setting."""
    found = list(cleartext(Credentials(uri, CodeOceanAccess(domain, "token")), ca_file, endpoint))
    assert [one.partition(" is asked")[0] for one in found] == said


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:1", []),
        ("https://api.example.org", []),
        ("http://api.example.org", ["DocDB's gateway at api.example.org"]),
    ],
)
def test_a_gateway_in_the_clear_is_said(url: str, said: list[str]) -> None:
    """Nothing secret goes there, and what comes from there is believed."""
    found = list(cleartext(Credentials(None, None), None, CALM, url))
    assert [one.partition(" is asked")[0] for one in found] == said


def test_requests_are_told_without_what_records_hold() -> None:
    """Neither what is asked for, nor what is written or comes back."""
    told = []
    fields = {"commandName": "insert", "databaseName": "metadata_index", "requestId": 7, "clientId": 1}
    body = {"insert": "data_assets", "documents": [{"_id": 1, "subject": "PRIVATE"}]}
    for more in (
        {"message": "Command started", "command": body},
        {"message": "Command succeeded", "reply": {"cursor": body}, "durationMS": 1.25},
        {"message": "Command failed", "failure": {"errmsg": "PRIVATE"}, "durationMS": 2},
    ):
        told.append(docdb_request(str(LogMessage(**fields, **more))))
    assert told == [
        "Command started: insert in metadata_index.data_assets, request 7",
        "Command succeeded: insert in metadata_index, request 7, 1.2 ms",
        "Command failed: insert in metadata_index, request 7, 2.0 ms",
    ]
    assert docdb_request("PRIVATE") == "a command"
