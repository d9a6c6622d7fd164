"""The S3 server honours every condition that a write can carry."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

OTHER = '"00000000000000000000000000000000"'


def outcome(call: Any, **arguments: Any) -> tuple[int, str]:
    """HTTP status and S3's error code (empty when it went well)."""
    try:
        answer = call(**arguments)
    except ClientError as exc:
        return int(exc.response["ResponseMetadata"]["HTTPStatusCode"]), str(exc.response["Error"]["Code"])
    return int(answer["ResponseMetadata"]["HTTPStatusCode"]), ""


def etag(body: bytes) -> str:
    return f'"{hashlib.md5(body).hexdigest()}"'


FAILED = (412, "PreconditionFailed")
MISSING = (404, "NoSuchKey")
FINE = (200, "")


@pytest.mark.parametrize(
    ("key", "condition", "expected"),
    [
        ("there", {"IfNoneMatch": "*"}, FAILED),
        ("new", {"IfNoneMatch": "*"}, FINE),
        ("there", {"IfMatch": etag(b"one")}, FINE),
        ("there", {"IfMatch": etag(b"one").strip('"')}, FINE),
        ("there", {"IfMatch": OTHER}, FAILED),
        ("new", {"IfMatch": OTHER}, MISSING),
    ],
)
def test_put_holds_its_condition(s3: Any, bucket: str, key: str, condition: Any, expected: Any) -> None:
    """A put under a broken condition leaves the object as it was."""
    s3.put_object(Bucket=bucket, Key="there", Body=b"one")
    assert outcome(s3.put_object, Bucket=bucket, Key=key, Body=b"two", **condition) == expected
    if expected == FAILED:
        assert s3.get_object(Bucket=bucket, Key="there")["Body"].read() == b"one"


@pytest.mark.parametrize(
    ("key", "condition", "expected"),
    [
        ("there", {"IfMatch": etag(b"one")}, (204, "")),
        ("there", {"IfMatch": "*"}, (204, "")),
        ("there", {"IfMatch": OTHER}, FAILED),
        ("new", {"IfMatch": OTHER}, MISSING),
        ("new", {}, (204, "")),
    ],
)
def test_delete_holds_its_condition(s3: Any, bucket: str, key: str, condition: Any, expected: Any) -> None:
    """A delete under a broken condition deletes nothing."""
    s3.put_object(Bucket=bucket, Key="there", Body=b"one")
    assert outcome(s3.delete_object, Bucket=bucket, Key=key, **condition) == expected
    gone = expected == (204, "") and key == "there"
    assert ("Contents" not in s3.list_objects_v2(Bucket=bucket)) == gone


@pytest.mark.parametrize("quotes", ['"', ""])
def test_get_and_head_hold_their_conditions(s3: Any, bucket: str, quotes: str) -> None:
    """Reads answer 412 and 304 whether or not the ETag stands in quotes."""
    s3.put_object(Bucket=bucket, Key="there", Body=b"one")
    mine = etag(b"one").replace('"', quotes)
    other = OTHER.replace('"', quotes)
    for read in (s3.get_object, s3.head_object):
        assert outcome(read, Bucket=bucket, Key="there", IfMatch=mine)[0] == 200
        assert outcome(read, Bucket=bucket, Key="there", IfMatch=other)[0] == 412
        assert outcome(read, Bucket=bucket, Key="there", IfNoneMatch=mine)[0] == 304


@pytest.mark.parametrize(
    ("target", "condition", "expected"),
    [
        ("new", {"CopySourceIfMatch": etag(b"one")}, FINE),
        ("new", {"CopySourceIfMatch": OTHER}, FAILED),
        ("new", {"CopySourceIfNoneMatch": OTHER}, FINE),
        ("new", {"CopySourceIfNoneMatch": etag(b"one")}, FAILED),
        ("new", {"IfNoneMatch": "*"}, FINE),
        ("there", {"IfNoneMatch": "*"}, FAILED),
        ("there", {"IfMatch": etag(b"two")}, FINE),
        ("there", {"IfMatch": OTHER}, FAILED),
        ("new", {"IfMatch": OTHER}, MISSING),
        ("new", {"IfNoneMatch": "*", "CopySourceIfMatch": OTHER}, FAILED),
    ],
)
def test_copy_holds_its_conditions(s3: Any, bucket: str, target: str, condition: Any, expected: Any) -> None:
    """A copy's conditions on its source and on its target both hold."""
    s3.put_object(Bucket=bucket, Key="source", Body=b"one")
    s3.put_object(Bucket=bucket, Key="there", Body=b"two")
    before = s3.list_objects_v2(Bucket=bucket)["Contents"]
    source = {"Bucket": bucket, "Key": "source"}
    assert outcome(s3.copy_object, Bucket=bucket, Key=target, CopySource=source, **condition) == expected
    if expected == FINE:
        assert s3.get_object(Bucket=bucket, Key=target)["Body"].read() == b"one"
    else:
        assert s3.list_objects_v2(Bucket=bucket)["Contents"] == before


def test_copy_of_nothing_is_not_found(s3: Any, bucket: str) -> None:
    """A source that is gone is 404, whatever the conditions are."""
    source = {"Bucket": bucket, "Key": "gone"}
    copy = {"Bucket": bucket, "Key": "x", "CopySource": source}
    assert outcome(s3.copy_object, **copy) == MISSING
    assert outcome(s3.copy_object, **copy, CopySourceIfMatch=OTHER) == MISSING


@pytest.mark.parametrize("operation", ["put", "copy"])
def test_of_many_creations_one_wins(s3: Any, bucket: str, operation: str) -> None:
    """`If-None-Match: *` is atomic: of 24 racing writers exactly one succeeds."""
    s3.put_object(Bucket=bucket, Key="source", Body=b"one")

    def create(_: int) -> tuple[int, str]:
        target = {"Bucket": bucket, "Key": "new", "IfNoneMatch": "*"}
        if operation == "put":
            return outcome(s3.put_object, Body=b"x", **target)
        return outcome(s3.copy_object, CopySource={"Bucket": bucket, "Key": "source"}, **target)

    with ThreadPoolExecutor(12) as pool:
        outcomes = list(pool.map(create, range(24)))
    assert sorted(outcomes) == [FINE, *[FAILED] * 23]


def test_versioned_bucket_keeps_what_a_delete_hides(s3: Any, sandbox: Any) -> None:
    """A conditional delete leaves a marker; the versions stay readable and the key counts as free."""
    sandbox.s3.create_bucket("versioned-bucket", versioned=True)
    there = {"Bucket": "versioned-bucket", "Key": "k"}
    first = s3.put_object(**there, Body=b"one")["VersionId"]
    second = s3.put_object(**there, Body=b"two")["VersionId"]
    assert outcome(s3.delete_object, **there, IfMatch=etag(b"one")) == FAILED
    assert outcome(s3.delete_object, **there, IfMatch=etag(b"two")) == (204, "")
    assert outcome(s3.get_object, **there) == MISSING
    assert s3.get_object(**there, VersionId=first)["Body"].read() == b"one"
    source = {**there, "VersionId": second}
    assert outcome(s3.copy_object, **there, CopySource=source, IfNoneMatch="*") == FINE
    assert s3.get_object(**there)["Body"].read() == b"two"
