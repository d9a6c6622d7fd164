"""The S3 server takes every key as it comes and lists it as S3 does."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

KEYS = [
    "a b/subject.json",
    "a+b/subject.json",
    "100%25/subject.json",
    "a%2Fb/x",
    "a//b",
    "a/./b",
    "größe/日本語 🐭.json",
    ".hidden/x",
    "a/.zattrs",
    "folder/",
    "q?a=b&c#d",
    "semi;colon/x",
    "<&>'\"",
    "tail//",
]


@pytest.mark.parametrize("key", KEYS)
def test_a_key_comes_back_as_it_was_put(s3: Any, bucket: str, key: str) -> None:
    """Put, head, get, copy, list and delete all mean the same key."""
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert s3.head_object(Bucket=bucket, Key=key)["ContentLength"] == len(key.encode())
    s3.copy_object(Bucket=bucket, Key=f"copy of {key}", CopySource={"Bucket": bucket, "Key": key})
    assert s3.get_object(Bucket=bucket, Key=f"copy of {key}")["Body"].read() == key.encode()
    listed = [row["Key"] for row in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert listed == sorted([key, f"copy of {key}"], key=lambda name: name.encode())
    s3.delete_object(Bucket=bucket, Key=key)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 1


def test_the_log_names_the_decoded_key(s3: Any, bucket: str, sandbox: Any) -> None:
    """A request is found in the log by the key that the caller meant."""
    start = len(sandbox.s3.log)
    for key in KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    assert [request.key for request in sandbox.s3.log.since(start)] == KEYS


def test_listing_comes_in_pages_of_a_thousand(s3: Any, bucket: str, sandbox: Any) -> None:
    """Prefixes under a delimiter and single objects are paged together, in order, each once."""
    prefixes = [f"asset-{number:04}/" for number in range(1500)]
    for prefix in prefixes:
        sandbox.s3.put(bucket, f"{prefix}subject.json", b"{}")
        sandbox.s3.put(bucket, f"{prefix}x/y", b"")
    for name in ("README", "asset-0000 part 2/x", "zz"):
        sandbox.s3.put(bucket, name, b"")
    start = len(sandbox.s3.log)
    pages = list(s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Delimiter="/"))
    assert [page["KeyCount"] for page in pages] == [1000, 503]
    found = [row["Prefix"] for page in pages for row in page.get("CommonPrefixes", [])]
    assert found == sorted([*prefixes, "asset-0000 part 2/"])
    assert found[0] == "asset-0000 part 2/"  # a space sorts before the slash
    assert [row["Key"] for page in pages for row in page.get("Contents", [])] == ["README", "zz"]
    assert sandbox.s3.log.counts(start) == {"ListObjectsV2": 2}


def test_an_object_can_be_as_old_as_needed(s3: Any, bucket: str, sandbox: Any) -> None:
    """What is put without a request shows the time it was given."""
    from datetime import UTC, datetime

    at = datetime(2024, 5, 22, 23, 59, 59, tzinfo=UTC)
    sandbox.s3.put(bucket, "old", b"x", at)
    assert s3.head_object(Bucket=bucket, Key="old")["LastModified"] == at
    assert s3.list_objects_v2(Bucket=bucket)["Contents"][0]["LastModified"] == at


def test_a_multipart_upload_has_no_md5_etag(s3: Any, bucket: str) -> None:
    """Its ETag ends in the number of parts, as on S3."""
    upload = {"Bucket": bucket, "Key": "k"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    part = s3.upload_part(**upload, PartNumber=1, Body=b"x" * 1000)
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(**upload, MultipartUpload=parts)
    head = s3.head_object(Bucket=bucket, Key="k")
    assert head["ETag"].endswith('-1"')
    assert s3.get_object(Bucket=bucket, Key="k", IfMatch=head["ETag"])["Body"].read() == b"x" * 1000


@pytest.mark.parametrize("letter", ["k", "ü"])
def test_a_key_that_is_too_long_is_refused(s3: Any, bucket: str, letter: str) -> None:
    """1,024 bytes of UTF-8 are the most; S3 says so to whoever reads, too."""
    longest = letter * (1024 // len(letter.encode()))
    s3.put_object(Bucket=bucket, Key=longest, Body=b"1")
    for ask in (s3.get_object, s3.delete_object, lambda **named: s3.put_object(**named, Body=b"1")):
        with pytest.raises(ClientError) as caught:
            ask(Bucket=bucket, Key=f"{longest}!")
        assert caught.value.response["Error"]["Code"] == "KeyTooLongError"
