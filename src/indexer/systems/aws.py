"""AWS's credentials: however they cannot be had or renewed is one kind of error, with what to do about it.

botocore asks their source (a process, a file, a role, a person) just before a request, and lets through what goes wrong
there: a RuntimeError for what is still expired, an OSError for a token file that is gone, an EOFError where nobody is there
to type a code. Each would look like a fault of ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import botocore.session
from botocore.exceptions import (
    CredentialRetrievalError,
    LoginError,
    NoAuthTokenError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    RefreshWithMFAUnsupportedError,
    SSOError,
    TokenRetrievalError,
)

from indexer.masking import hide, said

ABOUT_CREDENTIALS = (
    CredentialRetrievalError,
    LoginError,
    NoAuthTokenError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    RefreshWithMFAUnsupportedError,
    SSOError,
    TokenRetrievalError,
)
MAX_SAID = 400
"""Characters of a vendor's words."""
HINT = "Give credentials as to any AWS tool: AWS_PROFILE, AWS_ACCESS_KEY_ID, or the machine's role."
HINT_SSO = "Log in again: `aws sso login`, with the profile that is in use (AWS_PROFILE)."
HINT_LOGIN = "Log in again: `aws login`, with the profile that is in use (AWS_PROFILE)."
HINT_MFA = "Use a role that asks for no code, or give the keys of a session in which it was typed (AWS_SESSION_TOKEN)."
HINT_EXPIRED = (
    "Renew them where they come from: a credential_process, or whoever sets AWS_CREDENTIAL_EXPIRATION."
)
HINT_FILE = "Check the path in the profile, or AWS_WEB_IDENTITY_TOKEN_FILE."


def aws_session() -> botocore.session.Session:
    """A session under boto3's own conventions, whose credentials fail with CredentialRetrievalError only."""
    session = botocore.session.get_session()
    session.register_component("credential_provider", _Provider(session))
    return session


def credentials_hint(exc: BaseException) -> str | None:
    """What to do where an error of botocore's is about credentials; None where it is about something else."""
    if not isinstance(exc, ABOUT_CREDENTIALS):
        return None
    match exc.__cause__ or exc:
        case SSOError() | TokenRetrievalError() | NoAuthTokenError():
            return HINT_SSO
        case LoginError():
            return HINT_LOGIN
        case EOFError() | RefreshWithMFAUnsupportedError():
            return HINT_MFA
        case RuntimeError():  # botocore's own, for what is still expired after it was renewed
            return HINT_EXPIRED
        case OSError():
            return HINT_FILE
    return HINT


@contextmanager
def _told(provider: str) -> Iterator[None]:
    """Whatever goes wrong inside, as the one error."""
    try:
        yield
    except CredentialRetrievalError:
        raise
    except EOFError as exc:
        words = "a code is asked for (MFA), and there is no terminal to type it"
        raise CredentialRetrievalError(provider=provider, error_msg=words) from exc
    except Exception as exc:
        words = said(" ".join(str(exc).split()), MAX_SAID) or type(exc).__name__
        raise CredentialRetrievalError(provider=provider, error_msg=words) from exc


class _Provider:
    """Finds credentials as botocore does."""

    def __init__(self, session: botocore.session.Session) -> None:
        self._session = session

    def load_credentials(self) -> _Credentials | None:
        """Those of the first provider that has any."""
        from botocore.credentials import create_credential_resolver

        with _told("the AWS configuration"):
            region = self._session.get_config_variable("region")  # where a role is asked for
            found = create_credential_resolver(self._session, region_name=region).load_credentials()
        return None if found is None else _Credentials(found)


class _Credentials:
    """Credentials as botocore's signers use them."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def get_frozen_credentials(self) -> Any:
        """Those of now, renewed where they must be."""
        with _told(str(self._inner.method)):
            frozen = self._inner.get_frozen_credentials()
        # Here, where they come out: renewed ones are new secrets, which no configuration ever held.
        for secret in (frozen.secret_key, frozen.token):
            if secret:  # a token is sent with every request
                hide(secret)
        return frozen

    def __getattr__(self, name: str) -> Any:
        with _told(str(self._inner.method)):
            return getattr(self._inner, name)
