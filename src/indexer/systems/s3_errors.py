"""S3's errors in our words: the cause, and the next thing to do.

Two tables: what the server answers, by the code that it gives, and what its client says before or instead of an answer.
Source: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, and botocore.exceptions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

from botocore import exceptions as boto
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from indexer.errors import AccessDeniedError, MissingBucketError, OutageError, SystemFaultError
from indexer.masking import said
from indexer.model.location import names_access_point
from indexer.systems.aws import credentials_hint
from indexer.systems.s3_bodies import SlowBodyError

SLOW_DOWN = frozenset({503, 429})
MAX_SAID = 400
"""Characters of a key, or of a vendor's words, in an error."""
REQUESTER_PAYS = re.compile("requester.?pays", re.IGNORECASE)
"""Other servers say it in their message; AWS says no more than that access is denied."""


@dataclass(frozen=True, slots=True)
class _Words:
    """What an error is called, and what to do about it; `{bucket}` stands for the bucket."""

    summary: str
    hint: str
    kind: type[SystemFaultError] = SystemFaultError


ANSWERED = _Words("S3 answered with an error", "Try again later.")
DOWN = replace(ANSWERED, kind=OutageError)
UNREADABLE = _Words("S3's answer cannot be read", "Is there a proxy or a portal in between? `indexer doctor`")
UNREACHED = _Words("S3 cannot be reached", "Check the network and AWS_ENDPOINT_URL_S3.", OutageError)
BROKE_OFF = replace(UNREACHED, kind=SystemFaultError)
EXPIRED = _Words(
    "The credentials have expired",
    "Renew them where they came from: `aws sso login`, or a new AWS_SESSION_TOKEN with its keys.",
    OutageError,
)
ELSEWHERE = _Words(
    "The bucket is not where it was asked for",
    "Set AWS_DEFAULT_REGION to its region (`aws s3api get-bucket-location --bucket {bucket}`). Where it is sent to "
    "the place that was asked, a proxy or a portal answers: check AWS_ENDPOINT_URL_S3.",
)
DENIED = _Words(
    "S3 denies access",
    "Allow it for this role on s3://{bucket} (see docs/permissions.md). A bucket whose requester pays says the same.",
    AccessDeniedError,
)
BILLED = _Words(
    "The bucket wants the requester to pay",
    "indexer never agrees to that: run it in the account that owns s3://{bucket}.",
    AccessDeniedError,
)
ACCESS_POINT = _Words(
    "An access point is no bucket",
    "Write the bucket's own name in `buckets`: records are located by it.",
)
BY_CODE: Mapping[tuple[str, ...], _Words] = {
    ("NoSuchBucket",): _Words(
        "There is no such bucket",
        "Correct `buckets` in indexer.toml, or the account and endpoint in use.",
        MissingBucketError,
    ),
    ("AccessDenied", "403", "Forbidden", "AllAccessDisabled", "AccountProblem"): DENIED,
    ("RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"): _Words(
        "This machine's clock is off",
        "Set it (`timedatectl set-ntp true`), and compare `date -u` with S3's time.",
        OutageError,
    ),
    ("InvalidAccessKeyId",): _Words(
        "S3 does not know this access key",
        "It is no matter of a policy. See which key is used (`aws configure list`) and which endpoint; a temporary key "
        "needs its AWS_SESSION_TOKEN.",
        OutageError,
    ),
    ("SignatureDoesNotMatch",): _Words(
        "The secret access key is wrong",
        "It is no matter of a policy. Set AWS_SECRET_ACCESS_KEY, or the profile's, anew (`aws configure list`). A proxy "
        "that changes requests looks the same.",
        OutageError,
    ),
    ("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"): EXPIRED,
    ("InvalidToken", "InvalidClientTokenId"): _Words(
        "The session token does not belong to the access key",
        "Set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN from one and the same login.",
        OutageError,
    ),
    ("NotImplemented", "501"): _Words(
        "This server does not know the request",
        "`indexer doctor --write-probe` shows what it can do.",
    ),
    ("MissingContentLength", "411"): _Words(
        "This server does not take checksums at the end of a body",
        "Unset AWS_REQUEST_CHECKSUM_CALCULATION, and request_checksum_calculation in ~/.aws/config.",
    ),
    ("PermanentRedirect", "301", "302", "TemporaryRedirect", "307", "308", "IncorrectEndpoint"): ELSEWHERE,
    ("InvalidObjectState",): _Words(
        "S3 keeps this in an archive",
        "Restore it (`aws s3api restore-object --bucket {bucket} --key …`), or leave the asset out.",
    ),
    ("UserProjectMissing",): BILLED,
}
"""Some servers, and every answer to a HEAD, give the status in the code's place."""
BY_ERROR: Mapping[tuple[type[Exception], ...], _Words] = {
    (boto.ConfigNotFound, boto.ConfigParseError, boto.InvalidConfigError): _Words(
        "The settings of AWS cannot be used",
        "Correct AWS_PROFILE or ~/.aws/config: `aws configure list-profiles`.",
    ),
    (boto.NoRegionError, boto.InvalidRegionError): _Words(
        "S3 needs a region", "Set AWS_DEFAULT_REGION, or the region of the profile."
    ),
    (boto.SSLError,): _Words(
        "No secure connection to S3",
        "Name the file of its CA in AWS_CA_BUNDLE; `indexer doctor` looks at it.",
    ),
    (boto.ProxyConnectionError, boto.InvalidProxiesConfigError): _Words(
        "The proxy cannot be reached", "Check HTTPS_PROXY, HTTP_PROXY and NO_PROXY.", OutageError
    ),
    (boto.UnsupportedS3ArnError, boto.UnsupportedS3AccesspointConfigurationError): ACCESS_POINT,
    (boto.ParamValidationError, boto.InvalidDNSNameError): _Words(
        "S3 cannot be asked for this", "Correct `buckets` in indexer.toml."
    ),
    (boto.ChecksumError, boto.FlexibleChecksumError): _Words(
        "A body from S3 does not fit its checksum", "Try again later; a proxy in between may change bodies."
    ),
    (ResponseParserError,): UNREADABLE,
    (SlowBodyError, boto.ResponseStreamingError): BROKE_OFF,
    (boto.ConnectionError, boto.HTTPClientError): UNREACHED,
}
"""The first that fits counts; what is about credentials has words of its own (systems/aws.py)."""


def code_of(exc: ClientError) -> str:
    """S3's own name for an error."""
    return str(exc.response.get("Error", {}).get("Code", ""))


def shortened(what: str) -> str:
    """A key may be as long as a record says it is."""
    return what if len(what) <= MAX_SAID else f"{said(what, MAX_SAID)}…"


def translated(exc: Exception, bucket: str, what: str) -> SystemFaultError:
    """A vendor's error in our words."""
    if isinstance(exc, ClientError):
        words, told = _by_code(exc), _said(exc)
    else:
        words, told = _by_error(exc), str(exc)
    if names_access_point(bucket):
        words = ACCESS_POINT
    detail = bucket if words.kind is MissingBucketError else f"{shortened(what)}: {shortened(told)}"
    fault = words.kind(words.summary, detail, words.hint.replace("{bucket}", bucket))
    fault.refused = isinstance(exc, ClientError) and _refused(exc)
    return fault


def _refused(exc: ClientError) -> bool:
    """Did S3 say no, the first time that it was asked? An earlier try whose answer was lost may have been carried out."""
    told: Mapping[str, Any] = exc.response.get("ResponseMetadata", {})
    status = told.get("HTTPStatusCode", 0)
    no = (
        HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
        or status == HTTPStatus.NOT_IMPLEMENTED
    )
    return no and not told.get("RetryAttempts", 0)


def _by_error(exc: Exception) -> _Words:
    if (hint := credentials_hint(exc)) is not None:
        return _Words("S3 needs credentials", hint, OutageError)
    return next((words for kinds, words in BY_ERROR.items() if isinstance(exc, kinds)), BROKE_OFF)


def _by_code(exc: ClientError) -> _Words:
    code, error = code_of(exc), exc.response.get("Error", {})
    if REQUESTER_PAYS.search(str(error.get("Message"))):
        return BILLED
    if error.get("Region"):  # under several codes, AuthorizationHeaderMalformed among them
        return ELSEWHERE
    status = exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    other = DOWN if status in SLOW_DOWN or status >= HTTPStatus.INTERNAL_SERVER_ERROR else ANSWERED
    return next((words for codes, words in BY_CODE.items() if code in codes), other)


def _said(exc: ClientError) -> str:
    """S3's message and code, and what it tells beside them: where the bucket is, and what time it is there."""
    answer: Mapping[str, Any] = exc.response
    error, headers = answer.get("Error", {}), answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    told = {
        "region": error.get("Region") or headers.get("x-amz-bucket-region"),
        "sent to": error.get("Endpoint") or headers.get("location"),
        "its time": error.get("ServerTime"),
    }
    beside = "".join(f", {name} {value}" for name, value in told.items() if value)
    message = error.get("Message")
    return f"{message} ({code_of(exc)}){beside}" if message else f"{code_of(exc)}{beside}"


@contextmanager
def faults(bucket: str, what: str) -> Iterator[None]:
    """The client's errors in our words."""
    try:
        yield
    except (ClientError, BotoCoreError, ResponseParserError) as exc:
        raise translated(exc, bucket, what) from exc
