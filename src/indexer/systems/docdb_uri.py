"""DocDB's URI: what stands in it, and which of its options cannot be used and why, without ever quoting a secret."""

from __future__ import annotations

import difflib
import os
import re
import warnings
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any
from urllib.parse import unquote_plus

from pymongo import MongoClient
from pymongo.common import URI_OPTIONS_VALIDATOR_MAP
from pymongo.errors import ConfigurationError, InvalidName, InvalidURI, PyMongoError
from pymongo.uri_parser import parse_uri

from indexer.errors import UsageError
from indexer.masking import said

WRONG = "The DocDB connection is set up wrongly"
HINT_URI = (
    "Correct `docdb.uri` (or INDEXER_DOCDB__URI, or what `docdb.secret` holds) and `docdb.tls_ca_file`."
)
UNREADABLE = (
    "the URI or an option in it cannot be read; it begins with mongodb://, and user and password must be "
    "percent-encoded"
)
OLD_NAMES = {
    "ssl_ca_certs": "tlsCAFile",
    "ssl_cert_reqs": "tlsAllowInvalidCertificates",
    "ssl_certfile": "tlsCertificateKeyFile",
    "ssl_crlfile": "tlsCRLFile",
    "ssl_keyfile": "tlsCertificateKeyFile",
    "ssl_match_hostname": "tlsAllowInvalidHostnames",
    "ssl_pem_passphrase": "tlsCertificateKeyFilePassword",
}
"""Names of pymongo 3 that pymongo 4 no longer takes; older connection strings are full of them."""
COMPRESSORS = ("snappy", "zlib", "zstd")
AWS_MECHANISM = "MONGODB-AWS"
AWS_PACKAGE = "pymongo_auth_aws"
ALIKE = 0.75
"""So alike must an unknown option be to a known one to be named: it may be a part of a password."""
LONGEST_SHOWN = 4
"""Characters of a word of the URI by which an error is taken to quote it."""


def parsed_uri(uri: str) -> dict[str, Any]:
    """What stands in a URI. Raises UsageError, which does not quote it.

    An `@` behind the hosts is part of a password that was not encoded: its other part would be taken for a host.
    """
    try:
        parsed: dict[str, Any] = parse_uri(uri, validate=False)
    except (PyMongoError, ValueError):  # whose words may quote the URI
        parsed = {}
    if not parsed or "@" in f"{parsed['database']}{parsed['collection']}":
        raise UsageError(WRONG, UNREADABLE, HINT_URI) from None
    return parsed


def check_packages(uri: str) -> None:
    """Raise UsageError for a login that needs a package which is not there: the driver would say so in mid-connection."""
    mechanism = parsed_uri(uri)["options"].get("authMechanism")
    if mechanism == AWS_MECHANISM and find_spec(AWS_PACKAGE) is None:
        why = f"option authMechanism: {AWS_MECHANISM} needs a package that is not installed"
        raise UsageError(WRONG, why, "Install it: pip install 'pymongo[aws]'.")


def why_unusable(exc: Exception, uri: str) -> str:
    """Why the driver does not take a URI: the option that is wrong, or its own words where they quote nothing of it."""
    found = next(_wrong_options(uri), None)
    if found is not None:
        return found
    unreadable = isinstance(exc, InvalidURI | InvalidName) or not isinstance(
        exc, ConfigurationError | OSError
    )
    quoted = any(len(word) >= LONGEST_SHOWN and word in str(exc) for word in re.split(r"\W+", uri))
    return UNREADABLE if unreadable or quoted else said(exc, 300)


def _wrong_options(uri: str) -> Iterator[str]:
    """A line for each option that cannot be used on its own."""
    # One by one: the driver names at most one wrong option, and may quote its value.
    for option in re.split("[&;]", uri.partition("?")[2]):
        name, _, value = option.partition("=")
        if (why := _wrong_name(name)) or (why := _wrong_value(name, value)):
            yield why


def _wrong_name(name: str) -> str:
    known = name.lower()
    if known in URI_OPTIONS_VALIDATOR_MAP:
        return ""
    if known in OLD_NAMES:
        return f"there is no option {known} any more: it is called {OLD_NAMES[known]}"
    close = difflib.get_close_matches(known, URI_OPTIONS_VALIDATOR_MAP, n=1, cutoff=ALIKE)
    return f"there is no option {name} (did you mean {close[0]}?)" if close else ""


def _wrong_value(name: str, value: str) -> str:
    """Never with the value; it may be any part of a password that was not encoded."""
    if name.lower() not in URI_OPTIONS_VALIDATOR_MAP or "@" in unquote_plus(value):
        return ""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            MongoClient(f"mongodb://localhost/?{name}={value}", connect=False).close()
    except OSError as exc:  # by its number: pymongo may put other words in the system's place
        why = os.strerror(exc.errno) if exc.errno else type(exc).__name__
        return f"option {name}: the file that it names cannot be read: {why}"
    except (PyMongoError, ValueError, UserWarning) as exc:
        if name.lower() == "compressors" and value in COMPRESSORS:
            return f"option {name}: {exc}"
        return f"option {name}: it cannot have this value"
    return ""
