"""A connection to DocDB through pymongo: how it is opened, its faults in our words, and reads that are asked again."""

from __future__ import annotations

import atexit
import random
import re
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from bson.errors import BSONError, InvalidDocument, InvalidStringData
from pymongo import MongoClient, ReadPreference
from pymongo.collection import Collection as MongoCollection
from pymongo.common import MIN_SUPPORTED_SERVER_VERSION
from pymongo.errors import (
    AutoReconnect,
    ConfigurationError,
    OperationFailure,
    PyMongoError,
)

from indexer.errors import AccessDeniedError, OutageError, SystemFaultError, UsageError
from indexer.masking import said
from indexer.model.generation import GenerationName
from indexer.systems.bson_values import CODEC_OPTIONS
from indexer.systems.docdb_uri import HINT_URI, WRONG, check_packages, parsed_uri, why_unusable

AMAZON = (".docdb.amazonaws.com", ".docdb.amazonaws.com.cn")
"""How addresses of Amazon DocumentDB end."""
SERVER_SELECTION_MS = 10_000
"""The driver's own 30 seconds would pass before somebody who mistyped a host hears of it."""
SOCKET_TIMEOUT_MS = 60_000
READ_DEADLINE_S = 60.0
"""A read is asked again until then: long enough for a fail-over of the cluster."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0
"""Between two tries."""
AUTHENTICATION_CODES = frozenset({13, 18, 8000})
PASSING_CODES = frozenset({6, 7, 43, 89, 91, 136, 175, 189, 237, 262, 9001, 11600, 11601, 11602})
"""Of the server, or of one cursor: what broke off may be asked again. 43: the cursor is gone; DocumentDB caps their number
and their age. 237: it was killed. The others: time-outs inside the cluster, a fail-over, a shutdown.
Source: https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml."""
TOO_OLD = re.compile("reports wire version [0-9]+, but")
UNENCODABLE = (InvalidDocument, InvalidStringData, OverflowError, UnicodeError, RecursionError)
"""What pymongo raises, before anything is sent, for a value that BSON has no form for."""
Places = Mapping[GenerationName, tuple[str, str]]
"""Generation → database and collection."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class DocDB:
    """An open connection and where each generation's records are."""

    client: MongoClient[dict[str, Any]]
    address: str
    """Host and port, without credentials."""
    places: Places

    @property
    def is_amazons(self) -> bool:
        """Is it an Amazon DocumentDB, by its address?"""
        hosts = [one.rpartition(":")[0] for one in self.address.split(",")]
        return all(host.endswith(AMAZON) for host in hosts)

    def collection(self, generation: GenerationName) -> MongoCollection[dict[str, Any]]:
        """One generation's collection, read from the primary."""
        database, name = self.places[generation]
        return self.client[database].get_collection(
            name, codec_options=CODEC_OPTIONS, read_preference=ReadPreference.PRIMARY
        )


def connect(uri: str, tls_ca_file: str | None, places: Places, parallel: int) -> DocDB:
    """Open a connection; `retryWrites` is off, since most DocumentDB engines do not have it. Raises where nobody answers."""
    parsed = parsed_uri(uri)
    address = ",".join(f"{host}:{port}" for host, port in parsed["nodelist"])
    check_packages(uri)
    defaults: dict[str, Any] = {
        "appname": "indexer",
        "serverSelectionTimeoutMS": SERVER_SELECTION_MS,
        "connectTimeoutMS": SERVER_SELECTION_MS,
        "socketTimeoutMS": SOCKET_TIMEOUT_MS,
        "maxPoolSize": max(10, parallel),
    }
    # The driver lets an argument overrule the URI, silently.
    written = {name.lower() for name in parsed["options"]}
    options = {name: value for name, value in defaults.items() if name.lower() not in written}
    options["retryWrites"] = False
    if tls_ca_file is not None:
        options |= {"tls": True, "tlsCAFile": tls_ca_file}
    try:
        with warnings.catch_warnings():
            # The driver only warns of an unknown option, and quotes it: here that is an error. It also warns of DocumentDB.
            warnings.simplefilter("error", UserWarning)
            warnings.filterwarnings("ignore", "You appear to be connected to", UserWarning)
            client: MongoClient[dict[str, Any]] = MongoClient(uri, **options)
    except (PyMongoError, ValueError, OSError, UserWarning) as exc:
        raise UsageError(WRONG, why_unusable(exc, uri), HINT_URI) from exc
    docdb = DocDB(client, address, places)
    # The driver connects when it is first asked: here, so that a wrong host is not blamed on the first read.
    try:
        asked(docdb, "connect", lambda: client.admin.command("ping"))
    except SystemFaultError:
        client.close()
        raise
    return docdb


def no_primary(docdb: DocDB) -> str:
    """Why this server cannot be read from, where it is no primary; empty where it is. Raises SystemFaultError.

    With `directConnection=true` the driver reads from any member that it reaches, even a lagging one.
    """
    with docdb_faults(docdb, "ask whether the server is a primary"):
        primary = docdb.client.is_primary
    return (
        "" if primary else "the server is not a primary: what it shows may be old, and it accepts no writes"
    )


def check_primary(docdb: DocDB) -> None:
    """Raise SystemFaultError where the server is no primary."""
    if why := no_primary(docdb):
        raise SystemFaultError("DocDB cannot be relied on", f"{docdb.address}: {why}", HINT_PRIMARY)


def server_time(docdb: DocDB) -> datetime | None:
    """The database's clock; None where the server does not tell it. Raises the driver's errors."""
    try:
        told = docdb.client.admin.command("hello").get("localTime")
    except OperationFailure:  # one that does not know the command
        return None
    if not isinstance(told, datetime):
        return None
    return told if told.tzinfo else told.replace(tzinfo=UTC)


def leave_monitors() -> None:
    """At the end of a process, do not wait for the driver's monitors: closed, they still sleep for up to half a second.

    They are daemon threads, and nothing is open any more. A driver that calls this by another name waits.
    """
    monitor = sys.modules.get("pymongo.synchronous.monitor")
    atexit.unregister(getattr(monitor, "_shutdown_resources", leave_monitors))


HINT_NETWORK = "Check the host in `docdb.uri` or `docdb.secret`, the network (VPN, security group) and TLS (`docdb.tls_ca_file`)."
HINT_PRIMARY = "Name the cluster's own endpoint in `docdb.uri`, not a reader's, without directConnection."
OLDEST = f"Amazon DocumentDB 5.0 or MongoDB {MIN_SUPPORTED_SERVER_VERSION}, or newer"
"""What the driver can talk to. DocumentDB 4.0 has wire version 7, 5.0 has 13. Source: their answers to a hello."""


@contextmanager
def docdb_faults(docdb: DocDB, what: str) -> Iterator[None]:
    """A driver's error in our words."""
    try:
        yield
    except OperationFailure as exc:
        if exc.code in AUTHENTICATION_CODES:
            hint = "Check the user, the password and the role (see docs/permissions.md)."
            raise AccessDeniedError("DocDB denies access", f"{what} at {docdb.address}", hint) from exc
        detail = f"{what} at {docdb.address}: {_reason(exc)}"
        kind = OutageError if exc.code in PASSING_CODES else SystemFaultError
        raise kind("DocDB answered with an error", detail, HINT_NETWORK) from exc
    except ConfigurationError as exc:
        raise _unusable(exc, f"{what} at {docdb.address}: {_reason(exc)}") from exc
    except UNENCODABLE as exc:
        detail = f"{what} at {docdb.address}: {_reason(exc)}"
        raise SystemFaultError(
            "DocDB cannot hold this", detail, "Look at the plan: such values are not ours."
        ) from exc
    except BSONError as exc:
        detail = f"{what} at {docdb.address}: {_reason(exc)}"
        raise SystemFaultError("DocDB's answer cannot be read", detail, HINT_NETWORK) from exc
    except (PyMongoError, OSError) as exc:
        detail = f"{what} at {docdb.address}: {_reason(exc)}"
        raise OutageError("DocDB cannot be reached", detail, HINT_NETWORK) from exc


def _unusable(exc: ConfigurationError, detail: str) -> SystemFaultError:
    """The server is there, and the driver cannot talk to it, or not as the URI wants it."""
    if TOO_OLD.search(str(exc)):
        return OutageError("DocDB's server is too old", detail, f"Use a cluster of {OLDEST}.")
    return OutageError(WRONG, detail, HINT_URI)


def asked(docdb: DocDB, what: str, ask: Callable[[], T]) -> T:
    """Ask until it is answered or the deadline is over; what broke off is asked again from its start.

    The driver itself repeats a command once, and never the later batches of a cursor. A server that cannot
    be found at all, or that is too slow, is not asked again: each of these has a timeout of its own.
    """
    deadline = time.monotonic() + READ_DEADLINE_S
    pause_s = FIRST_PAUSE_S
    with docdb_faults(docdb, what):
        while True:
            try:
                return ask()
            except (AutoReconnect, OperationFailure) as exc:
                # A timeout has taken its minute already; twice that would only make people wait.
                passing = exc.code in PASSING_CODES if isinstance(exc, OperationFailure) else not exc.timeout
                if not passing or time.monotonic() + pause_s > deadline:
                    raise
                time.sleep(random.uniform(0, pause_s))  # noqa: S311 - spreads retries, hides nothing
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


def _reason(exc: Exception) -> str:
    """The driver's reason, without its dump of the topology."""
    text = str(exc).split(", full error:")[0].split(", Timeout:")[0]
    return said(text.split(" (configured timeouts:")[0], 300)
