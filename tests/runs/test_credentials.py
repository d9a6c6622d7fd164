"""What a secret holds, as a connection to DocDB: read back by the driver that will use it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymongo.uri_parser import parse_uri

from indexer.errors import UsageError
from indexer.runs.credentials import docdb_uri

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20).filter(
    lambda text: text == text.rstrip()
)
HOSTS = st.from_regex(r"[a-z][a-z0-9]{0,9}(\.[a-z][a-z0-9-]{0,8}[a-z0-9]){0,3}", fullmatch=True)
PORTS = st.integers(1, 65535)
PARTS = {"host": "docdb.example.org", "username": "me", "password": "hush"}


@given(host=HOSTS, port=PORTS, username=TEXTS, password=TEXTS, as_text=st.booleans())
def test_the_driver_reads_the_parts_back(
    host: str, port: int, username: str, password: str, as_text: bool
) -> None:
    """Whatever the user and the password hold: nothing of them becomes a host, a database or an option."""
    fields = {
        "host": host,
        "port": str(port) if as_text else port,
        "username": username,
        "password": password,
    }
    read = parse_uri(docdb_uri(fields, "name"))
    assert read["nodelist"] == [(host, port)]
    assert (read["username"], read["password"]) == (username, password)
    assert read["database"] is None
    assert dict(read["options"]) == {"retryWrites": False}


def test_white_space_at_an_end_is_dropped() -> None:
    """A secret is often made of a file, which ends with a newline."""
    fields = {name: f"{value} \n" for name, value in PARTS.items()}
    assert docdb_uri(fields, "name") == docdb_uri(PARTS, "name")
    assert docdb_uri({"uri": "mongodb://one:1/\n"}, "name") == "mongodb://one:1/"


def test_the_predecessors_names_are_understood() -> None:
    """A secret made of its settings."""
    old = {"doc_db_host": "h", "doc_db_port": 27018, "doc_db_user_name": "u", "doc_db_password": "p/w"}
    assert docdb_uri(old, "name") == "mongodb://u:p%2Fw@h:27018/?retryWrites=false"


@pytest.mark.parametrize(
    ("fields", "uri"),
    [
        ({"host": "h"}, "mongodb://h:27017/?retryWrites=false"),
        ({"host": "h", "port": None, "username": None}, "mongodb://h:27017/?retryWrites=false"),
        ({"host": "h", "ssl": True}, "mongodb://h:27017/?retryWrites=false&tls=true"),
        ({"host": "h", "ssl": False}, "mongodb://h:27017/?retryWrites=false"),
        ({"host": "::1", "port": "1"}, "mongodb://[::1]:1/?retryWrites=false"),
        ({"host": "[fe80::1]"}, "mongodb://[fe80::1]:27017/?retryWrites=false"),
        ({"uri": "mongodb://whole", "host": "h"}, "mongodb://whole"),
        ({**PARTS, "engine": "mongo"}, "mongodb://me:hush@docdb.example.org:27017/?retryWrites=false"),
    ],
)
def test_the_uri_of_a_secret(fields: dict[str, Any], uri: str) -> None:
    """A whole one as it is; defaults for what is missing; other keys are left alone."""
    assert docdb_uri(fields, "name") == uri


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "no host"),
        ({"uri": 5}, "uri is not text"),
        ({"uri": ""}, "uri is not text"),
        (PARTS | {"host": "hush:27017"}, "host"),
        (PARTS | {"host": "hush@other"}, "host"),
        (PARTS | {"host": "hush/db"}, "host"),
        (PARTS | {"host": "a,hush"}, "host"),
        (PARTS | {"host": ["hush"]}, "host is not text"),
        (PARTS | {"port": "hush"}, "port"),
        (PARTS | {"port": 0}, "port"),
        (PARTS | {"port": 65536}, "port"),
        (PARTS | {"port": True}, "port"),
        (PARTS | {"port": 27017.5}, "port"),
        (PARTS | {"username": None}, "no username"),
        ({"host": "h", "username": "hush"}, "no password"),
        (PARTS | {"password": 5}, "password is not text"),
    ],
)
def test_what_is_wrong_is_named_and_never_quoted(fields: dict[str, Any], says: str) -> None:
    """The key, the secret's name, and where to read on."""
    with pytest.raises(UsageError) as raised:
        docdb_uri(fields, "indexer/docdb")
    assert says in raised.value.detail
    assert "indexer/docdb" in raised.value.detail
    assert "hush" not in str(raised.value)
    assert "docs/configuration.md" in raised.value.hint
