"""S3 servers start empty, live side by side, listen on loopback only and stop for good."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from typing import Any

import pytest
import requests

from indexer.errors import IndexerError
from indexer_sandbox.s3 import S3Server
from shared.patience import PATIENCE_S


def test_two_servers_share_nothing(s3_client_for: Callable[[str], Any]) -> None:
    """The same bucket and key in two servers of one process are two objects."""
    first, second = S3Server(), S3Server()
    there = {"Bucket": "aind-open-data", "Key": "k"}
    try:
        for server, body in ((first, b"one"), (second, b"two")):
            server.create_bucket("aind-open-data")
            s3_client_for(server.endpoint).put_object(**there, Body=body)
        assert (first.objects("aind-open-data"), second.objects("aind-open-data")) == (
            {"k": b"one"},
            {"k": b"two"},
        )
        first.close()
        assert s3_client_for(second.endpoint).get_object(**there)["Body"].read() == b"two"
    finally:
        first.close()
        second.close()


def test_a_new_server_on_an_old_port_is_empty() -> None:
    """Nothing is left of a server that was closed, not even its port."""
    server = S3Server()
    server.create_bucket("aind-open-data")
    port = server.port
    server.close()
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://127.0.0.1:{port}/", timeout=PATIENCE_S)
    again = S3Server(port)
    try:
        assert requests.head(f"{again.endpoint}/aind-open-data", timeout=PATIENCE_S).status_code == 404
    finally:
        again.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has all of 127.0.0.0/8")
def test_it_listens_on_loopback_only() -> None:
    """The address is 127.0.0.1, not all of the machine's."""
    server = S3Server()
    try:
        assert server.endpoint == f"http://127.0.0.1:{server.port}"
        with socket.socket() as other:
            other.bind(("127.0.0.2", server.port))  # would be taken if the server held every address
    finally:
        server.close()


def test_a_taken_port_is_said_so() -> None:
    """The error names the port and the way out."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(IndexerError) as caught:
            S3Server(port)
    assert str(port) in caught.value.detail
    assert caught.value.hint


def test_closing_cuts_connections_that_are_kept() -> None:
    """A client that kept its connection cannot talk to a server that is gone."""
    server = S3Server()
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n")  # half a request
        server.close()
        try:
            answer = connection.recv(1)
        except ConnectionResetError:
            answer = b""
        assert answer == b""
