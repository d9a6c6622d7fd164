"""S3's errors in our words: the cause, and the next thing to do.

Two tables: what the server answers, by the code that it gives, and what its client says before or instead of an answer. What
any service of AWS says stands in `aws_errors`, and counts first.
Source: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html, and botocore.exceptions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from botocore import exceptions as boto
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from indexer.errors import AccessDeniedError, MissingBucketError, OutageError, SystemFaultError
from indexer.masking import said
from indexer.model.location import names_access_point
from indexer.systems import aws_errors
from indexer.systems.aws_errors import Words
from indexer.systems.s3_bodies import SlowBodyError

SLOW_DOWN = frozenset({503, 429})
MAX_SAID = 400
"""Characters of a key, or of a vendor's words, in an error."""
REQUESTER_PAYS = re.compile("requester.?pays", re.IGNORECASE)
"""Other servers say it in their message; AWS says no more than that access is denied."""


ANSWERED = Words("S3 answered with an error", "Try again later.")
DOWN = replace(ANSWERED, kind=OutageError)
UNREADABLE = Words("S3's answer cannot be read", "Is there a proxy or a portal in between? `indexer doctor`")
UNREACHED = Words("S3 cannot be reached", "Check the network and AWS_ENDPOINT_URL_S3.", OutageError)
BROKE_OFF = replace(UNREACHED, kind=SystemFaultError)
ELSEWHERE = Words(
    "The bucket is not where it was asked for",
    "Set AWS_DEFAULT_REGION to its region (`aws s3api get-bucket-location --bucket {bucket}`). Where it is sent to "
    "the place that was asked, a proxy or a portal answers: check AWS_ENDPOINT_URL_S3.",
)
DENIED = Words(
    "S3 denies access",
    "Allow it for this role on s3://{bucket} (see docs/permissions.md); unsigned requests (`s3.anonymous`) need a bucket that is "
    "open to everyone. A bucket whose requester pays says the same.",
    AccessDeniedError,
)
BILLED = Words(
    "The bucket wants the requester to pay",
    "indexer never agrees to that: run it in the account that owns s3://{bucket}.",
    AccessDeniedError,
)
ACCESS_POINT = Words(
    "An access point is not a bucket",
    "Write the bucket's own name in `buckets`: records are located by it.",
)
BY_CODE: Mapping[tuple[str, ...], Words] = {
    ("NoSuchBucket",): Words(
        "There is no such bucket",
        "Correct `buckets` in indexer.toml, or the account and endpoint in use.",
        MissingBucketError,
    ),
    tuple(aws_errors.DENIED): DENIED,
    ("NotImplemented", "501"): Words(
        "This server does not know the request",
        "`indexer doctor --write-probe` shows what it can do.",
    ),
    ("MissingContentLength", "411"): Words(
        "This server does not take checksums at the end of a body",
        "Unset AWS_REQUEST_CHECKSUM_CALCULATION, and request_checksum_calculation in ~/.aws/config.",
    ),
    ("PermanentRedirect", "301", "302", "TemporaryRedirect", "307", "308", "IncorrectEndpoint"): ELSEWHERE,
    ("InvalidObjectState",): Words(
        "S3 keeps this in an archive",
        "Restore it (`aws s3api restore-object --bucket {bucket} --key …`), or leave the asset out.",
    ),
    ("UserProjectMissing",): BILLED,
}
"""Some servers, and every answer to a HEAD, give the status in the code's place."""
BY_ERROR: Mapping[tuple[type[Exception], ...], Words] = {
    (boto.UnsupportedS3ArnError, boto.UnsupportedS3AccesspointConfigurationError): ACCESS_POINT,
    (boto.ParamValidationError, boto.InvalidDNSNameError): Words(
        "S3 cannot be asked for this", "Correct `buckets` in indexer.toml."
    ),
    (boto.ChecksumError, boto.FlexibleChecksumError): Words(
        "A body from S3 does not fit its checksum", "Try again later; a proxy in between may change bodies."
    ),
    (ResponseParserError,): UNREADABLE,
    (SlowBodyError, boto.ResponseStreamingError): BROKE_OFF,
    (boto.ConnectionError, boto.HTTPClientError): UNREACHED,
}
"""The first that fits counts."""


def code_of(exc: ClientError) -> str:
    """S3's own name for an error."""
    return str(exc.response.get("Error", {}).get("Code", ""))


def in_brief(what: str) -> str:
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
    detail = bucket if words.kind is MissingBucketError else f"{in_brief(what)}: {in_brief(told)}"
    fault = words.fault("S3", detail, bucket)
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


def _by_error(exc: Exception) -> Words:
    return aws_errors.before_asking(exc) or next(
        (words for kinds, words in BY_ERROR.items() if isinstance(exc, kinds)), BROKE_OFF
    )


def _by_code(exc: ClientError) -> Words:
    code, error = code_of(exc), exc.response.get("Error", {})
    if REQUESTER_PAYS.search(str(error.get("Message"))):
        return BILLED
    if error.get("Region"):  # under several codes, AuthorizationHeaderMalformed among them
        return ELSEWHERE
    status = exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    other = DOWN if status in SLOW_DOWN or status >= HTTPStatus.INTERNAL_SERVER_ERROR else ANSWERED
    return aws_errors.of_caller(code, str(error.get("Message"))) or next(
        (words for codes, words in BY_CODE.items() if code in codes), other
    )


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
def s3_faults(bucket: str, what: str) -> Iterator[None]:
    """The client's errors in our words."""
    try:
        yield
    except (ClientError, BotoCoreError, ResponseParserError) as exc:
        raise translated(exc, bucket, what) from exc
    except ValueError as exc:  # a header that is no date: botocore parses it, and lets its fault pass
        raise translated(ResponseParserError(str(exc)), bucket, what) from exc
