"""What S3 and its client say, in our words: the cause, and the next thing to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ParamValidationError, RefreshWithMFAUnsupportedError

from indexer.errors import AccessDeniedError, MissingBucketError, SystemFaultError
from indexer.systems.s3 import S3Reader
from indexer.systems.s3_connection import S3, open_s3
from indexer.systems.s3_errors import translated
from indexer.systems.s3_writer import S3Writer
from shared.s3_stub import Answer, S3Stub, environment, error, running_stub, s3_of

BUCKET = "bucket"
ANSWERS = [
    (error("NoSuchBucket", status=404), "There is no such bucket", "`buckets`"),
    (error("AccessDenied", status=403), "S3 denies access", "docs/permissions.md"),
    (
        error("RequestTimeTooSkewed", status=403, ServerTime="2026-11-26T11:00:00Z"),
        "clock is off",
        "timedatectl",
    ),
    (error("InvalidAccessKeyId", status=403), "does not know this access key", "aws configure list"),
    (error("SignatureDoesNotMatch", status=403), "secret access key is wrong", "AWS_SECRET_ACCESS_KEY"),
    (error("ExpiredToken", status=400), "credentials have expired", "aws sso login"),
    (error("InvalidToken", status=400), "does not belong to the access key", "AWS_SESSION_TOKEN"),
    (error("NotImplemented", status=501), "does not know the request", "indexer doctor --write-probe"),
    (error("MissingContentLength", status=411), "checksums", "AWS_REQUEST_CHECKSUM_CALCULATION"),
    (
        error("PermanentRedirect", status=301, Endpoint="b.s3.eu-west-1.amazonaws.com"),
        "not where",
        "AWS_DEFAULT_REGION",
    ),
    (error("AuthorizationHeaderMalformed", Region="eu-west-1"), "not where", "AWS_DEFAULT_REGION"),
    (error("InvalidObjectState", status=403), "in an archive", "restore-object"),
    (
        error("UserProjectMissing", "Bucket is a requester pays bucket"),
        "requester to pay",
        "account that owns",
    ),
    (error("AccessDenied", "requester-pays", status=403), "requester to pay", "account that owns"),
    (error("InternalError", status=500), "answered with an error", "Try again later"),
]


@pytest.fixture(scope="module")
def stub() -> Iterator[S3Stub]:
    with running_stub() as server:
        yield server


@pytest.fixture(scope="module")
def s3(stub: S3Stub) -> Iterator[S3]:
    with s3_of(stub.endpoint) as opened:
        yield opened


@pytest.fixture(autouse=True)
def _forget(stub: S3Stub) -> None:
    stub.asked.clear()


def fault_of(s3: S3, ask: Callable[[S3Reader, S3Writer], object]) -> SystemFaultError:
    """The fault that this ends with."""
    with pytest.raises(SystemFaultError) as fault:
        ask(S3Reader(s3), S3Writer(s3))
    return fault.value


ASKS: dict[str, Callable[[S3Reader, S3Writer], object]] = {
    "list": lambda reader, _: list(reader.prefixes(BUCKET)),
    "list a folder": lambda reader, _: reader.listing(BUCKET, "a/"),
    "get": lambda reader, _: reader.get(BUCKET, "a/x"),
    "put": lambda _, writer: writer.put(BUCKET, "a/x", b"", None),
}


@pytest.mark.parametrize("ask", ASKS)
@pytest.mark.parametrize(("answer", "summary", "hint"), ANSWERS)
def test_each_answer_names_its_cause_and_what_to_do(
    stub: S3Stub, s3: S3, answer: Answer, summary: str, hint: str, ask: str
) -> None:
    """The same for whatever was asked; its code is said, for those who look it up."""
    stub.answer = answer
    fault = fault_of(s3, ASKS[ask])
    assert summary in fault.summary
    assert hint in fault.hint
    code = str(answer.body).partition("<Code>")[2].partition("</Code>")[0]
    assert code in fault.detail or isinstance(fault, MissingBucketError)


def test_only_what_is_a_refusal_is_called_denied(stub: S3Stub, s3: S3) -> None:
    """A wrong key is no matter of a policy, and is none of one object."""
    denied = {"AccessDenied", "UserProjectMissing"}
    for answer, *_ in ANSWERS:
        stub.answer = answer
        refused = isinstance(fault_of(s3, ASKS["get"]), AccessDeniedError)
        assert refused == any(f"<Code>{code}<" in str(answer.body) for code in denied), answer


def test_the_server_s_own_time_and_region_are_said(stub: S3Stub, s3: S3) -> None:
    """What else it tells is what a person needs next."""
    stub.answer = error("RequestTimeTooSkewed", status=403, ServerTime="2026-11-26T11:00:00Z")
    assert "its time 2026-11-26T11:00:00Z" in fault_of(s3, ASKS["list"]).detail
    stub.answer = error("AuthorizationHeaderMalformed", Region="eu-west-1")
    assert "region eu-west-1" in fault_of(s3, ASKS["list"]).detail


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_to_itself_ends(stub: S3Stub, s3: S3, status: int) -> None:
    """No client follows it for ever, and it is said where it leads."""
    stub.answer = lambda one: Answer(status=status, headers={"Location": f"{stub.endpoint}{one.path}"})
    fault = fault_of(s3, ASKS["list"])
    assert fault.summary == "The bucket is not where it was asked for"
    assert f"sent to {stub.endpoint}/{BUCKET}" in fault.detail
    assert "AWS_ENDPOINT_URL_S3" in fault.hint
    assert len(stub.asked) <= 4


def opened(ask: str) -> None:
    """Ask with whatever credentials the environment gives."""
    s3 = open_s3(1, attempts=1)
    try:
        ASKS[ask](S3Reader(s3), S3Writer(s3))
    finally:
        s3.close()


SSO = """[profile one]
region = us-west-2
sso_session = ours
sso_account_id = 123456789012
sso_role_name = reader
[sso-session ours]
sso_region = us-west-2
sso_start_url = https://ours.awsapps.com/start
"""
PROCESS = "[profile one]\nregion = us-west-2\ncredential_process = {}\n"
PAST = """[profile one]
region = us-west-2
credential_process = echo '{"Version": 1, "AccessKeyId": "a", "SecretAccessKey": "b", "SessionToken": "c", "Expiration": "2020-01-01T00:00:00Z"}'
"""
PROFILES = [
    (SSO, "one", "S3 needs credentials", "aws sso login"),
    (PROCESS.format("false"), "one", "S3 needs credentials", "AWS_PROFILE"),
    (PAST, "one", "S3 needs credentials", "Renew them"),
    ("", "two", "S3 needs credentials", "AWS_PROFILE"),
    ("[profile one]\nregion = us-west-2\n", "one", "S3 needs credentials", "AWS_PROFILE"),
]


@pytest.mark.parametrize("ask", ["list a folder", "get"])
@pytest.mark.parametrize(("profiles", "profile", "summary", "hint"), PROFILES)
def test_a_profile_that_gives_no_credentials(
    stub: S3Stub,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    profiles: str,
    profile: str,
    summary: str,
    hint: str,
    ask: str,
) -> None:
    """A login that is missing or over, a program that fails, and settings that are not there: no request is sent."""
    (tmp_path / "config").write_text(profiles)
    environment(monkeypatch, stub.endpoint, AWS_CONFIG_FILE=str(tmp_path / "config"), HOME=str(tmp_path))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_PROFILE", profile)
    with pytest.raises(SystemFaultError) as fault:
        opened(ask)
    assert summary in fault.value.summary
    assert hint in fault.value.hint
    assert stub.asked == []


def test_words_for_what_no_server_is_needed_for() -> None:
    """A name that S3 does not take, an access point, and anything else: its own words are kept."""
    wrong = ParamValidationError(report="Invalid bucket name")
    assert translated(wrong, "B", "list").summary == "S3 cannot be asked for this"
    for point in ("arn:aws:s3:us-west-2:123456789012:accesspoint/name", "name-vfzi8bwopfb5b-s3alias"):
        assert translated(wrong, point, "list").summary == "An access point is not a bucket"
    other = translated(RefreshWithMFAUnsupportedError(), "bucket", "list")
    assert (other.summary, "MFA" in other.detail) == ("S3 needs credentials", True)
