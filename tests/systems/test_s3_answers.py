"""Answers to a LIST that are no listing, or not all of one: faults, and never a folder with little in it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import botocore.session
import pytest
from botocore.config import Config

from indexer.errors import SystemFaultError
from indexer.systems.pace import Pace
from indexer.systems.s3 import S3, S3Reader

PAGE = (
    "<ListBucketResult><IsTruncated>{}</IsTruncated><Contents><Key>a/subject.json</Key><ETag>e</ETag><Size>1</Size>"
    "<LastModified>2024-05-01T12:00:00.000Z</LastModified></Contents></ListBucketResult>"
)
WHOLE = PAGE.format("false")
NO_LISTING = {
    "an empty body": "",
    "a proxy's own page": "<html><body>Sign in</body></html>",
    "an empty document": "<ListBucketResult/>",
    "an error": "<Error><Code>InternalError</Code><Message>We know</Message></Error>",
    "half a page": WHOLE[: len(WHOLE) // 2],
}


class Stub(ThreadingHTTPServer):
    """An S3 that answers everything with the same bytes."""

    answer = ""


class Handler(BaseHTTPRequestHandler):
    """Answers 200."""

    server: Stub

    def do_GET(self) -> None:
        """Whatever is asked."""
        body = self.server.answer.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def stub() -> Iterator[Stub]:
    server = Stub(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(params=[False, True], ids=["boto3", "fast"])
def reader(stub: Stub, request: pytest.FixtureRequest) -> Iterator[S3Reader]:
    session = botocore.session.get_session()
    session.set_credentials("test", "test")
    client = session.create_client(
        "s3",
        region_name="us-west-2",
        endpoint_url=f"http://127.0.0.1:{stub.server_port}",
        config=Config(retries={"total_max_attempts": 1}),
    )
    yield S3Reader(S3(client, session, Pace(8, adapts=True)), fast=request.param)
    client.close()


def test_a_page_is_read(stub: Stub, reader: S3Reader) -> None:
    stub.answer = WHOLE
    assert [one.key for one in reader.listing("bucket", "a/").objects] == ["a/subject.json"]


@pytest.mark.parametrize("answer", NO_LISTING.values(), ids=NO_LISTING.keys())
def test_what_is_no_listing_is_a_fault(stub: Stub, reader: S3Reader, answer: str) -> None:
    """Records of assets that are there would be deleted as gone."""
    stub.answer = answer
    with pytest.raises(SystemFaultError):
        reader.listing("bucket", "a/")
    with pytest.raises(SystemFaultError):
        list(reader.prefixes("bucket"))


def test_a_page_that_promises_more_and_does_not_say_where_is_a_fault(stub: Stub, reader: S3Reader) -> None:
    """It was cut short."""
    stub.answer = PAGE.format("true")
    with pytest.raises(SystemFaultError):
        list(reader.prefixes("bucket"))
