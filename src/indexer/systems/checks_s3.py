"""Can each bucket be listed and read, and how is it set up? Nothing is written here."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError

from indexer.errors import MissingBucketError, OutageError, SystemFaultError
from indexer.model.check import Check, CheckName, failed, not_tried, unknown
from indexer.systems.checks_clock import clock_check
from indexer.systems.checks_network import Host, check_host, host_of, proxied, through_proxy
from indexer.systems.s3 import S3Reader
from indexer.systems.s3_connection import S3, open_s3
from indexer.systems.s3_errors import code_of, in_brief, s3_faults
from indexer.systems.s3_pages import NO_ANSWER
from indexer.systems.write_probe import write_probe

ATTEMPTS = 2
"""Of each request; `doctor` tells of a system that needs more."""
FOLDERS_LOOKED_INTO = 5
NO_ENCRYPTION = "ServerSideEncryptionConfigurationNotFoundError"
SETTING = "Check the network, AWS_DEFAULT_REGION, AWS_ENDPOINT_URL_S3 and AWS_CA_BUNDLE."
SECURE = "Write https:// in AWS_ENDPOINT_URL_S3."
LEFT_OUT: tuple[CheckName, ...] = ("s3-list", "s3-get", "s3-versioning", "s3-encryption")
PROBE: CheckName = "s3-conditional-writes"
READS_ONLY = "not applicable: unsigned requests (`s3.anonymous`) only read"


def s3_checks(
    buckets: Sequence[str], results: str | None, *, probe: bool, anonymous: bool = False
) -> Iterator[Check]:
    """Every check of S3, those left out too; `probe`: also whether managed buckets obey conditions."""
    everything = [*buckets, *([results] if results else [])]
    try:
        s3 = open_s3(1, ATTEMPTS, anonymous=anonymous)
    except SystemFaultError as exc:
        yield failed("s3-endpoint", "", exc)
        for bucket in everything:
            yield from _left_out(bucket, "there is no client", managed=bucket != results)
        return
    try:
        endpoint = _endpoint(s3)
        yield endpoint
        if endpoint.status != "error":
            yield clock_check("S3", lambda: S3Reader(s3, fast=False).server_time(everything[0]))
        for bucket in everything:
            managed = bucket != results
            if endpoint.status == "error":
                yield from _left_out(bucket, "the endpoint cannot be used", managed=managed)
            else:
                yield from bucket_checks(s3, bucket, managed=managed, probe=probe)
    finally:
        s3.close()


def _left_out(bucket: str, why: str, *, managed: bool, but: int = 0) -> Iterator[Check]:
    for name in (*LEFT_OUT, *([PROBE] if managed else []))[but:]:
        yield not_tried(name, bucket, why)


def _endpoint(s3: S3) -> Check:
    url = s3.url
    if proxied(url):
        return through_proxy("s3-endpoint", url)
    name, port, secure = host_of(url)

    def tls() -> ssl.SSLContext:
        from botocore.httpsession import get_cert_path

        bundle = s3.session.get_config_variable("ca_bundle")
        return ssl.create_default_context(cafile=get_cert_path(True if bundle is None else bundle))

    return check_host(Host("s3-endpoint", name, port, tls if secure else None, SETTING, SECURE))


def bucket_checks(s3: S3, bucket: str, *, managed: bool, probe: bool) -> Iterator[Check]:
    """What one bucket allows and how it is set up. Each check is on its own: only where the bucket is not there, or its
    server does not answer, the others are left out.
    """
    found: list[str] = []
    listed = _looked("s3-list", bucket, lambda: _list(s3, bucket, found), failed)
    yield listed.check
    if _hopeless(listed.fault):
        yield from _left_out(bucket, "the bucket cannot be reached", managed=managed, but=1)
        return
    if listed.fault:
        yield not_tried("s3-get", bucket, "the bucket cannot be listed")
    else:
        yield _looked("s3-get", bucket, lambda: _get(s3, bucket, found), failed).check
    if s3.anonymous:
        yield from _left_out(bucket, READS_ONLY, managed=managed, but=2)
        return
    yield _looked("s3-versioning", bucket, lambda: _versioning(s3, bucket, managed=managed), unknown).check
    yield _looked("s3-encryption", bucket, lambda: _encryption(s3, bucket, managed=managed), unknown).check
    if not probe and managed:
        yield not_tried(PROBE, bucket, "it would write: --write-probe asks for it")
    elif managed:
        yield _looked(PROBE, bucket, lambda: write_probe(s3, bucket), failed).check


def _hopeless(fault: SystemFaultError | None) -> bool:
    """Whatever else is asked of the bucket would fail too. A broken answer (500) says nothing of other requests."""
    cause = fault and fault.__cause__
    status = cause.response["ResponseMetadata"]["HTTPStatusCode"] if isinstance(cause, ClientError) else 0
    down = isinstance(fault, OutageError) and status < HTTPStatus.INTERNAL_SERVER_ERROR
    return down or isinstance(fault, MissingBucketError)


@dataclass(frozen=True, slots=True)
class _Looked:
    """A check that was made, and the fault that ended it."""

    check: Check
    fault: SystemFaultError | None = None


def _looked(
    name: CheckName,
    bucket: str,
    look: Callable[[], Check],
    ended: Callable[[CheckName, str, SystemFaultError], Check],
) -> _Looked:
    """Make one check. An answer that lacks what the protocol promises is a fault of this check alone."""
    try:
        return _Looked(look())
    except SystemFaultError as exc:
        return _Looked(ended(name, bucket, exc), exc)
    except (LookupError, TypeError, ValueError, AttributeError) as exc:
        what = f"s3://{bucket}: {in_brief(f'{type(exc).__name__}: {exc}')}"
        fault = SystemFaultError("S3's answer cannot be read", what, NO_ANSWER)
        return _Looked(ended(name, bucket, fault), fault)


def _list(s3: S3, bucket: str, found: list[str]) -> Check:
    """List the first page, and note its folders."""
    found.extend(next(S3Reader(s3, fast=False).prefixes(bucket)))
    detail = "can be listed" if found else "can be listed; no folder is in it"
    return Check(name="s3-list", about=bucket, status="ok", detail=detail)


def _get(s3: S3, bucket: str, folders: Sequence[str]) -> Check:
    """Read the smallest metadata object of the first folder that has any."""
    reader = S3Reader(s3, fast=False)
    for folder in islice(folders, FOLDERS_LOOKED_INTO):
        objects = reader.listing(bucket, f"{folder}/").objects
        found = sorted((one.size, one.key) for one in objects if one.key.endswith(".json"))
        if found and reader.get(bucket, found[0][1]) is not None:
            return Check(name="s3-get", about=bucket, status="ok", detail="a metadata file can be read")
    return not_tried("s3-get", bucket, f"no metadata file in the first {FOLDERS_LOOKED_INTO} folders")


def _versioning(s3: S3, bucket: str, *, managed: bool) -> Check:
    with s3_faults(bucket, f"get the versioning of s3://{bucket}"):
        status = s3.client.get_bucket_versioning(Bucket=bucket).get("Status")
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
    algorithm = _algorithm(s3, bucket)
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
    what = f"get the encryption of s3://{bucket}"
    with s3_faults(bucket, what):
        try:
            answer = s3.client.get_bucket_encryption(Bucket=bucket)
        except ClientError as exc:
            if code_of(exc) == NO_ENCRYPTION:
                return None
            raise
    settings: Mapping[str, Any] = answer.get("ServerSideEncryptionConfiguration", {})
    if "Rules" not in settings:  # servers that know no such setting take it for a listing, or for nothing
        hint = "This server may know no default encryption: ask whoever runs it."
        raise SystemFaultError("S3 does not tell the bucket's encryption", what, hint)
    rules = settings["Rules"]
    default = rules[0].get("ApplyServerSideEncryptionByDefault", {}) if rules else {}
    return str(default["SSEAlgorithm"]) if "SSEAlgorithm" in default else None
