"""A URI of DocDB that cannot be used: which option, and why; never a word that may be a secret."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
from pymongo.common import MAX_SUPPORTED_WIRE_VERSION, MIN_SUPPORTED_WIRE_VERSION

from indexer.errors import UsageError
from indexer.systems.docdb_connection import connect

DOCUMENTDB_5_WIRE_VERSION = 13


def refused(query: str, ca_file: str | None = None) -> UsageError:
    with pytest.raises(UsageError) as caught:
        connect(f"mongodb://me:hush@127.0.0.1:1/?{query}", ca_file, {}, 1)
    assert "hush" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("ssl_ca_certs=/etc/ca.pem", "there is no option ssl_ca_certs any more: it is called tlsCAFile"),
        ("tlsCAFiles=/etc/ca.pem", "there is no option tlsCAFiles (did you mean tlscafile?)"),
        (
            "tlsCAFile=/nowhere/hush.pem",
            "option tlsCAFile: the file that it names cannot be read: No such file",
        ),
        ("tls=true&compressors=snappy", "option compressors: Wire protocol compression with snappy is not"),
        ("maxPoolSize=hush", "option maxPoolSize: it cannot have this value"),
        ("readPreference=hush", "option readPreference: it cannot have this value"),
    ],
)
def test_the_option_that_is_wrong_is_named(query: str, words: str) -> None:
    assert refused(query).detail.startswith(words)


def test_what_may_be_a_part_of_a_password_is_not_named() -> None:
    """`?` and `&` in one that was not encoded make options of its rest."""
    assert "hush" not in refused("hushhush=1&x").detail


def test_a_ca_bundle_of_the_configuration_that_is_not_there_is_named() -> None:
    assert "/nowhere/bundle.pem" in refused("tls=true", "/nowhere/bundle.pem").detail


@pytest.mark.skipif(find_spec("pymongo_auth_aws") is not None, reason="the package is there")
def test_a_login_that_needs_a_package_says_so() -> None:
    """Before anything is sent; in mid-connection it would look like a network that is down."""
    fault = refused("authMechanism=MONGODB-AWS")
    assert "option authMechanism: MONGODB-AWS needs a package" in fault.detail
    assert "pymongo[aws]" in fault.hint


def test_the_oldest_documentdb_that_is_named_is_one_that_the_driver_takes() -> None:
    """A newer driver may need a newer one: then the words must change."""
    assert MIN_SUPPORTED_WIRE_VERSION <= DOCUMENTDB_5_WIRE_VERSION <= MAX_SUPPORTED_WIRE_VERSION
    assert MIN_SUPPORTED_WIRE_VERSION > 7, "DocumentDB 4.0 could be used again"
