"""Where settings are kept: files, AWS Systems Manager Parameter Store, AWS Secrets Manager.

Both services are asked under boto3's own conventions: profiles, roles, `AWS_ENDPOINT_URL_SSM`,
`AWS_ENDPOINT_URL_SECRETS_MANAGER`. botocore is imported only where one of them is asked.
"""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from indexer.disk import read_file
from indexer.errors import AccessDeniedError, IndexerError, SystemFaultError, UsageError
from indexer.masking import said

PARAMETER = "ssm:"
"""What stands before the name of a parameter; it may begin with a slash, or be an ARN."""
CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 5, 15
ATTEMPTS = 4
"""With waits of up to 1, 2 and 4 seconds in between."""
BYTE_ORDER_MARK = "\ufeff"
"""Windows' editors put it before a text."""
MAX_BYTES = 10_000_000
MAX_SAID = 400
"""Characters of a vendor's words in an error."""


@dataclass(frozen=True, slots=True)
class _Service:
    """One of the two services, in the words of an error about it."""

    name: Literal["ssm", "secretsmanager"]
    noun: str
    missing: frozenset[str]
    action: str
    variable: str


_PARAMETERS = _Service(
    name="ssm",
    noun="parameter",
    missing=frozenset({"ParameterNotFound", "ParameterVersionNotFound"}),
    action="ssm:GetParameter",
    variable="AWS_ENDPOINT_URL_SSM",
)
_SECRETS = _Service(
    name="secretsmanager",
    noun="secret",
    missing=frozenset({"ResourceNotFoundException"}),
    action="secretsmanager:GetSecretValue",
    variable="AWS_ENDPOINT_URL_SECRETS_MANAGER",
)


def settings_text(source: Path | str) -> str:
    """What a file holds, or the parameter that `ssm:NAME` names. Raises UsageError, SystemFaultError."""
    if isinstance(source, str) and source.startswith(PARAMETER):
        return _parameter(source.removeprefix(PARAMETER))
    try:
        return read_file(Path(source), limit=MAX_BYTES, pipes=True).decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise UsageError("The settings are not text", f"{source}: {exc}", "Write them in UTF-8.") from exc
    except (OSError, ValueError) as exc:  # a path may hold a NUL
        why = getattr(exc, "strerror", None) or os.strerror(22)
        hint = f"Check --config and the path; a parameter is named {PARAMETER}NAME."
        raise UsageError("The settings cannot be read", f"{source}: {why}", hint) from exc


def settings_document(source: Path | str) -> dict[str, Any]:
    """A document in TOML, or the same in JSON, which no TOML is. Raises as `settings_text` does."""
    text = settings_text(source)
    form = "JSON" if text.lstrip().startswith("{") else "TOML"
    try:
        document: dict[str, Any] = json.loads(text) if form == "JSON" else tomllib.loads(text)
    except (ValueError, RecursionError) as exc:  # an integer may have over 4,300 digits
        raise UsageError(
            f"The configuration is not valid {form}", f"{source}: {exc}", "Correct it there."
        ) from exc
    return document


def _parameter(name: str) -> str:
    if not name:
        raise UsageError("The parameter has no name", PARAMETER, f"Write {PARAMETER}NAME.")
    return _asked(
        _PARAMETERS,
        name,
        lambda client: client.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"],
    ).removeprefix(BYTE_ORDER_MARK)


def secret_fields(name: str) -> Mapping[str, Any]:
    """The JSON object that a secret holds. Raises UsageError, SystemFaultError; neither quotes it."""
    text = _asked(
        _SECRETS, name, lambda client: client.get_secret_value(SecretId=name).get("SecretString", "")
    )
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        hint = "Store it as key/value pairs; docs/configuration.md lists the keys."
        raise UsageError("The secret holds no JSON object", name, hint) from None
    return fields


def _asked(service: _Service, name: str, ask: Callable[[Any], str]) -> str:
    """One answer of a service. Raises UsageError for a wrong name, else SystemFaultError."""
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    from indexer.systems.aws import aws_session

    config = Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=READ_TIMEOUT_S,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
    )
    what = f"read the {service.noun} {name}"
    try:
        client = aws_session().create_client(service.name, config=config)
        what += f" in {client.meta.region_name}"
        with closing(client):
            return ask(client)
    except ClientError as exc:
        raise _refused(service, exc.response.get("Error", {}), what) from exc
    except (AttributeError, KeyError, TypeError, ResponseParserError) as exc:
        hint = f"Check the network and {service.variable}."
        raise SystemFaultError("AWS's answer cannot be read", what, hint) from exc
    except (BotoCoreError, ValueError) as exc:
        raise _unasked(service, exc, what) from exc


def _refused(service: _Service, error: Mapping[str, Any], what: str) -> IndexerError:
    """The service's own refusal in our words."""
    from indexer.systems import aws_errors

    code = str(error.get("Code", ""))
    words = " ".join(str(error.get("Message") or code).split())
    detail = f"{what}: {said(words, MAX_SAID)}"
    if code in service.missing:
        hint = "Check the name, and the account and region in use (AWS_PROFILE, AWS_DEFAULT_REGION)."
        return UsageError(f"There is no such {service.noun}", detail, hint)
    if code in aws_errors.DENIED:
        hint = f"Allow {service.action}, and kms:Decrypt where it has a key of its own (see docs/permissions.md)."
        return AccessDeniedError("AWS denies access", detail, hint)
    if (said_of_us := aws_errors.of_caller(code, words)) is not None:
        return said_of_us.fault("AWS", detail)
    hint = f"See that the {service.noun} is there and may be decrypted, or try again later."
    return SystemFaultError("AWS answered with an error", f"{detail} ({code})", hint)


def _unasked(service: _Service, exc: Exception, what: str) -> IndexerError:
    """Why the service could not be asked at all."""
    from botocore.exceptions import ParamValidationError

    from indexer.systems import aws_errors

    detail = f"{what}: {said(exc, MAX_SAID)}"
    if (words := aws_errors.before_asking(exc)) is not None:
        return words.fault("AWS", detail)
    if isinstance(exc, ParamValidationError):
        return UsageError(f"This is not the name of a {service.noun}", what, "Check the name.")
    hint = f"Check the network, and {service.variable} where it is set."
    return SystemFaultError("AWS cannot be reached", detail, hint)
