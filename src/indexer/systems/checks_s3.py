"""Can each bucket be listed and read, and how is it set up? Nothing is written here."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, cast

from botocore.exceptions import ClientError

from indexer.errors import AccessDeniedError, SystemFaultError
from indexer.model.check import Check, CheckName, failed, not_tried, unknown
from indexer.systems.checks_network import Host, check_host, host_of, proxied, through_proxy
from indexer.systems.s3 import S3, S3Reader, open_s3
from indexer.systems.s3_errors import code_of, faults
from indexer.systems.write_probe import write_probe

ATTEMPTS = 2
"""Of each request; `doctor` tells of a system that needs more."""
FOLDERS_LOOKED_INTO = 5
NO_ENCRYPTION = "ServerSideEncryptionConfigurationNotFoundError"
SETTING = "Check the network, AWS_DEFAULT_REGION, AWS_ENDPOINT_URL_S3 and AWS_CA_BUNDLE."
SECURE = "Write https:// in AWS_ENDPOINT_URL_S3."
LEFT_OUT: tuple[CheckName, ...] = ("s3-list", "s3-get", "s3-versioning", "s3-encryption")
PROBE: CheckName = "s3-conditional-writes"


def s3_checks(buckets: Sequence[str], results: str | None, *, probe: bool) -> Iterator[Check]:
    """Every check of S3, those left out too; `probe`: also whether managed buckets obey conditions."""
    everything = [*buckets, *([results] if results else [])]
    try:
        s3 = open_s3(1, ATTEMPTS)
    except SystemFaultError as exc:
        yield failed("s3-endpoint", "", exc)
        for bucket in everything:
            yield from _left_out(bucket, "there is no client", managed=bucket != results)
        return
    try:
        endpoint = _endpoint(s3)
        yield endpoint
        for bucket in everything:
            managed = bucket != results
            if endpoint.status == "error":
                yield from _left_out(bucket, "the endpoint cannot be used", managed=managed)
            else:
                yield from bucket_checks(s3, bucket, managed=managed, probe=probe)
    finally:
        s3.client.close()


def _left_out(bucket: str, why: str, *, managed: bool, but: int = 0) -> Iterator[Check]:
    for name in (*LEFT_OUT, *([PROBE] if managed else []))[but:]:
        yield not_tried(name, bucket, why)


def _endpoint(s3: S3) -> Check:
    url = s3.client.meta.endpoint_url
    if proxied(url):
        return through_proxy("s3-endpoint", url)
    name, port, secure = host_of(url)

    def tls() -> ssl.SSLContext:
        from botocore.httpsession import get_cert_path

        bundle = s3.session.get_config_variable("ca_bundle")
        return ssl.create_default_context(cafile=get_cert_path(True if bundle is None else bundle))

    return check_host(Host("s3-endpoint", name, port, tls if secure else None, SETTING, SECURE))


def bucket_checks(s3: S3, bucket: str, *, managed: bool, probe: bool) -> Iterator[Check]:
    """What one bucket allows and how it is set up; what was denied stops only what rests on it."""
    try:
        folders = next(S3Reader(s3, fast=False).prefixes(bucket))
    except AccessDeniedError as exc:
        yield failed("s3-list", bucket, exc)
        yield not_tried("s3-get", bucket, "the bucket cannot be listed")
    except SystemFaultError as exc:
        yield failed("s3-list", bucket, exc)
        yield from _left_out(bucket, "the bucket cannot be reached", managed=managed, but=1)
        return
    else:
        detail = "can be listed" if folders else "can be listed; no folder is in it"
        yield Check(name="s3-list", about=bucket, status="ok", detail=detail)
        yield _get(s3, bucket, folders)
    yield _versioning(s3, bucket, managed=managed)
    yield _encryption(s3, bucket, managed=managed)
    if managed:
        left_out = not_tried(PROBE, bucket, "it would write: --write-probe asks for it")
        yield write_probe(s3, bucket) if probe else left_out


def _get(s3: S3, bucket: str, folders: Sequence[str]) -> Check:
    """Read the smallest metadata object of the first folder that has any."""
    reader = S3Reader(s3, fast=False)
    try:
        for folder in islice(folders, FOLDERS_LOOKED_INTO):
            objects = reader.listing(bucket, f"{folder}/").objects
            found = sorted((one.size, one.key) for one in objects if one.key.endswith(".json"))
            if found and reader.get(bucket, found[0][1]) is not None:
                return Check(name="s3-get", about=bucket, status="ok", detail="a metadata file can be read")
    except SystemFaultError as exc:
        return failed("s3-get", bucket, exc)
    return not_tried("s3-get", bucket, f"no metadata file in the first {FOLDERS_LOOKED_INTO} folders")


def _versioning(s3: S3, bucket: str, *, managed: bool) -> Check:
    try:
        with faults(bucket, f"get the versioning of s3://{bucket}"):
            status = s3.client.get_bucket_versioning(Bucket=bucket).get("Status")
    except SystemFaultError as exc:
        return unknown("s3-versioning", bucket, exc)
    if status == "Enabled":
        return Check(name="s3-versioning", about=bucket, status="ok", detail="enabled")
    state = "suspended" if status else "never enabled"
    if not managed:
        return Check(
            name="s3-versioning", about=bucket, status="ok", detail=f"{state}; nothing is written here"
        )
    hint = (
        f"aws s3api put-bucket-versioning --bucket {bucket} --versioning-configuration Status=Enabled"
        "  # else keep every run's archive"
    )
    detail = f"{state}: only a run's archive keeps what a write replaces"
    return Check(name="s3-versioning", about=bucket, status="warning", detail=detail, hint=hint)


def _encryption(s3: S3, bucket: str, *, managed: bool) -> Check:
    try:
        with faults(bucket, f"get the encryption of s3://{bucket}"):
            algorithm = _algorithm(s3, bucket)
    except SystemFaultError as exc:
        return unknown("s3-encryption", bucket, exc)
    if algorithm is None and managed:
        hint = "Set a default encryption for the bucket, where its server has one."
        return Check(
            name="s3-encryption", about=bucket, status="warning", detail="no default encryption", hint=hint
        )
    detail = algorithm or "no default encryption; nothing is written here"
    if detail.startswith("aws:kms"):
        detail += ": its key must be allowed too (docs/permissions.md), and files are fetched to be compared"
    return Check(name="s3-encryption", about=bucket, status="ok", detail=detail)


def _algorithm(s3: S3, bucket: str) -> str | None:
    """The bucket's default encryption, None where it has none."""
    try:
        answer = s3.client.get_bucket_encryption(Bucket=bucket)
    except ClientError as exc:
        if code_of(exc) == NO_ENCRYPTION:
            return None
        raise
    rules = cast("list[dict[str, Any]]", answer["ServerSideEncryptionConfiguration"]["Rules"])
    default = rules[0].get("ApplyServerSideEncryptionByDefault", {}) if rules else {}
    return str(default["SSEAlgorithm"]) if "SSEAlgorithm" in default else None
