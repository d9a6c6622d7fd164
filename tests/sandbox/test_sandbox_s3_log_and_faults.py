"""The S3 server remembers every request and fails the ones it is told to."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from indexer_sandbox import Fault
from shared.patience import PATIENCE_S


@pytest.fixture(autouse=True)
def _no_faults(sandbox: Any) -> Any:
    yield
    sandbox.s3.faults.clear()


def test_reads_are_told_from_writes(s3: Any, bucket: str, sandbox: Any) -> None:
    """Operation, target and status stand there in order; refused writes count as writes."""
    sandbox.s3.put(bucket, "there", b"x")
    start = len(sandbox.s3.log)
    s3.list_objects_v2(Bucket=bucket)
    s3.head_object(Bucket=bucket, Key="there")
    s3.get_bucket_versioning(Bucket=bucket)
    assert sandbox.s3.log.writes(start) == ()
    with pytest.raises(ClientError):
        s3.put_object(Bucket=bucket, Key="there", Body=b"", IfNoneMatch="*")
    s3.copy_object(Bucket=bucket, Key="k", CopySource={"Bucket": bucket, "Key": "there"})
    s3.delete_object(Bucket=bucket, Key="k")
    assert [(row.operation, row.key, row.status) for row in sandbox.s3.log.since(start)] == [
        ("ListObjectsV2", "", 200),
        ("HeadObject", "there", 200),
        ("GetBucketVersioning", "", 200),
        ("PutObject", "there", 412),
        ("CopyObject", "k", 200),
        ("DeleteObject", "k", 204),
    ]
    assert [row.operation for row in sandbox.s3.log.writes(start)] == [
        "PutObject",
        "CopyObject",
        "DeleteObject",
    ]


@pytest.mark.parametrize(
    ("status", "code"), [(503, "SlowDown"), (403, "AccessDenied"), (500, "InternalError")]
)
def test_a_chosen_page_fails(s3: Any, bucket: str, sandbox: Any, status: int, code: str) -> None:
    """`after` spares the first pages; then the listing works again."""
    for number in range(3):
        sandbox.s3.put(bucket, f"k{number}", b"")
    sandbox.s3.faults.add(Fault("ListObjectsV2", status, after=1, contains=bucket))
    listing = {"Bucket": bucket, "PaginationConfig": {"PageSize": 1}}
    with pytest.raises(ClientError) as caught:
        list(s3.get_paginator("list_objects_v2").paginate(**listing))
    assert caught.value.response["Error"]["Code"] == code
    assert len(list(s3.get_paginator("list_objects_v2").paginate(**listing))) == 3


def test_a_failed_write_leaves_no_trace(s3: Any, bucket: str, sandbox: Any) -> None:
    """A write that is made to fail was not done."""
    sandbox.s3.faults.add(Fault("PutObject", 500, contains=f"{bucket}/k"))
    with pytest.raises(ClientError):
        s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert sandbox.s3.objects(bucket) == {}


def test_an_answer_can_be_held_back(s3: Any, bucket: str, sandbox: Any) -> None:
    """A delay without a status ends in the ordinary answer."""
    sandbox.s3.faults.add(Fault("ListObjectsV2", delay_s=0.2, contains=bucket))
    started = time.monotonic()
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    assert time.monotonic() - started >= 0.2


def test_a_body_that_breaks_off_is_not_stored(bucket: str, sandbox: Any) -> None:
    """A client that dies in the middle of a put changes nothing."""
    start = len(sandbox.s3.log)
    with socket.create_connection(("127.0.0.1", sandbox.s3.port)) as connection:
        connection.sendall(f"PUT /{bucket}/k HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf".encode())
    deadline = time.monotonic() + PATIENCE_S
    while len(sandbox.s3.log) == start and time.monotonic() < deadline:
        time.sleep(0.01)
    assert [row.status for row in sandbox.s3.log.since(start)] == [400]
    assert sandbox.s3.objects(bucket) == {}
