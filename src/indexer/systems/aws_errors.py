"""What every service of AWS says of its caller, and its client before it asks, in our words: the cause, and what to do next.

S3, Parameter Store and Secrets Manager have words of their own beside these, for what they are asked for.
Source: https://docs.aws.amazon.com/general/latest/gr/api-error-codes.html, and botocore.exceptions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from botocore import exceptions as boto

from indexer.errors import OutageError, SystemFaultError
from indexer.systems.aws import credentials_hint


@dataclass(frozen=True, slots=True)
class Words:
    """What an error is called, and what to do about it; `{service}` stands for who said it, `{bucket}` for S3's bucket."""

    summary: str
    hint: str
    kind: type[SystemFaultError] = SystemFaultError

    def fault(self, service: str, detail: str, bucket: str = "") -> SystemFaultError:
        """The error."""
        hint = self.hint.replace("{service}", service).replace("{bucket}", bucket)
        return self.kind(self.summary.replace("{service}", service), detail, hint)


DENIED = frozenset(
    {"AccessDenied", "AccessDeniedException", "403", "Forbidden", "AllAccessDisabled", "AccountProblem"}
)
"""The caller is known, and may not: what would have to be allowed depends on what was asked."""
NO_CREDENTIALS = "{service} needs credentials"
CLOCK = Words(
    "This machine's clock is off",
    "Set it (`timedatectl set-ntp true`), and compare `date -u` with {service}'s time.",
    OutageError,
)
OF_CLOCK = re.compile("signature (expired|not yet current)", re.IGNORECASE)
"""All services but S3 have no code for it: their message tells it from a key that is wrong."""
OF_CALLER: Mapping[tuple[str, ...], Words] = {
    ("RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"): CLOCK,
    ("InvalidAccessKeyId", "UnrecognizedClientException", "MissingAuthenticationToken"): Words(
        "{service} does not know this access key",
        "This is not about a policy. See which key is used (`aws configure list`) and which endpoint; a temporary key "
        "needs its AWS_SESSION_TOKEN.",
        OutageError,
    ),
    ("SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature"): Words(
        "The secret access key is wrong",
        "This is not about a policy. Set AWS_SECRET_ACCESS_KEY, or the profile's, anew (`aws configure list`). A proxy "
        "that changes requests looks the same.",
        OutageError,
    ),
    ("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"): Words(
        "The credentials have expired",
        "Renew them where they came from: `aws sso login`, or a new AWS_SESSION_TOKEN with its keys.",
        OutageError,
    ),
    ("InvalidToken", "InvalidClientTokenId"): Words(
        "The session token does not belong to the access key",
        "Set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN from one and the same login.",
        OutageError,
    ),
}
BEFORE_ASKING: Mapping[tuple[type[Exception], ...], Words] = {
    (boto.ConfigNotFound, boto.ConfigParseError, boto.InvalidConfigError): Words(
        "The settings of AWS cannot be used",
        "Correct AWS_PROFILE or ~/.aws/config: `aws configure list-profiles`.",
    ),
    (boto.NoRegionError, boto.InvalidRegionError): Words(
        "{service} needs a region", "Set AWS_DEFAULT_REGION, or the region of the profile."
    ),
    (boto.SSLError,): Words(
        "No secure connection to {service}",
        "Name the file of its CA in AWS_CA_BUNDLE; `indexer doctor` looks at it.",
    ),
    (boto.ProxyConnectionError, boto.InvalidProxiesConfigError): Words(
        "The proxy cannot be reached", "Check HTTPS_PROXY, HTTP_PROXY and NO_PROXY.", OutageError
    ),
}
"""The first that fits counts."""


def of_caller(code: str, message: str) -> Words | None:
    """What a service's answer says of whoever asked; None where it is about what was asked for."""
    words = next((words for codes, words in OF_CALLER.items() if code in codes), None)
    return CLOCK if words is not None and OF_CLOCK.search(message) else words


def before_asking(exc: Exception) -> Words | None:
    """Why the client could not ask, where that is the same for every service; None where it is not."""
    if (hint := credentials_hint(exc)) is not None:
        return Words(NO_CREDENTIALS, hint, OutageError)
    return next((words for kinds, words in BEFORE_ASKING.items() if isinstance(exc, kinds)), None)
