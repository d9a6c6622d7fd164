"""Can DocDB be relied on: hosts, connection, settings, role, collections, indexes? Nothing is written."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from pymongo import ReadPreference

from indexer.errors import IndexerError, SystemFaultError, UsageError
from indexer.model.check import Check, CheckName, failed, not_tried, unknown
from indexer.model.generation import GenerationName
from indexer.systems.checks_clock import clock_check
from indexer.systems.checks_network import Host, check_host
from indexer.systems.docdb import DocDBReader
from indexer.systems.docdb_connection import (
    HINT_NETWORK,
    HINT_PRIMARY,
    OLDEST,
    DocDB,
    Places,
    connect,
    docdb_faults,
    no_primary,
)
from indexer.systems.docdb_uri import parsed_uri

WRITES = frozenset({"insert", "update", "remove"})
"""Actions of a privilege, as MongoDB names them."""
READING_ROLES = frozenset({"read", "readAnyDatabase"})
WRITING_ROLES = frozenset({"readWrite", "dbOwner"})
WRITING_EVERYWHERE = frozenset({"readWriteAnyDatabase", "root"})
SECURE = "Use TLS: `docdb.tls_ca_file`, and a user whose password was never sent without it."
ROLE_HINT = "Give `plan` a user that has the role `read` only (docs/permissions.md)."
LEFT_OUT: tuple[CheckName, ...] = ("docdb-settings", "docdb-role", "docdb-collection", "docdb-index")
Document = Mapping[str, Any]


def docdb_checks(uri: str, ca_file: str | None, places: Places) -> Iterator[Check]:
    """Every check of DocDB, those left out too."""
    hosts = host_checks(uri, ca_file)
    yield from hosts
    if hosts and all(check.status == "error" for check in hosts):
        yield not_tried("docdb-connection", "", "no host can be used")
        yield from _left_out()
        return
    try:
        docdb = connect(uri, ca_file, places, parallel=1)
    except IndexerError as exc:
        yield failed("docdb-connection", "", exc)
        yield from _left_out()
        return
    try:
        yield from connection_checks(docdb)
    finally:
        docdb.client.close()


def _left_out() -> Iterator[Check]:
    for name in LEFT_OUT:
        yield not_tried(name, "", "there is no connection")


def host_checks(uri: str, ca_file: str | None) -> tuple[Check, ...]:
    """One for each host of the URI. A host that fails is a warning where another one answers."""
    try:
        parsed = parsed_uri(uri)
    except UsageError as exc:
        return (failed("docdb-host", "", exc),)
    options = {name.lower(): value for name, value in parsed["options"].items()}
    ca_file = ca_file or options.get("tlscafile")
    secure = bool(ca_file) or str(options.get("tls", "")).lower() == "true"
    tls = partial(tls_context, ca_file, options) if secure else None
    checks = tuple(
        check_host(Host("docdb-host", name, port, tls, HINT_NETWORK, SECURE))
        for name, port in parsed["nodelist"]
        if port is not None  # else a socket of this machine
    )
    if all(check.status == "error" for check in checks):
        return checks
    # With one member up the driver finds the primary, so a run works.
    return tuple(
        check.model_copy(update={"status": "warning"}) if check.status == "error" else check
        for check in checks
    )


def tls_context(ca_file: str | None, options: Mapping[str, Any]) -> ssl.SSLContext:
    """What judges certificates as the driver does. Raises OSError for a bundle that cannot be used."""
    # Not ssl's default context, which trusts the machine's CAs too: with a bundle the driver trusts that alone.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if _yes(options, "tlsallowinvalidhostnames", "tlsinsecure"):
        context.check_hostname = False
    if _yes(options, "tlsallowinvalidcertificates", "tlsinsecure"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif ca_file:
        _trust(context, ca_file)
    else:
        context.load_default_certs()
    if options.get("tlscertificatekeyfile"):
        context.load_cert_chain(
            options["tlscertificatekeyfile"], password=options.get("tlscertificatekeyfilepassword", "")
        )
    return context


def _trust(context: ssl.SSLContext, ca_file: str) -> None:
    """Load a CA bundle; what is wrong with it is told with its path."""
    try:
        context.load_verify_locations(ca_file)
    except OSError as exc:  # an ssl.SSLError is one too
        raise OSError(exc.errno, f"{ca_file}: {exc.strerror or exc}") from exc


def _yes(options: Mapping[str, Any], *names: str) -> bool:
    return any(str(options.get(name, "")).lower() == "true" for name in names)


def connection_checks(docdb: DocDB) -> Iterator[Check]:
    """What an open connection can tell."""
    yield _connection(docdb)
    yield _settings(docdb)
    yield clock_check("DocDB", DocDBReader(docdb).server_time)
    yield _role(docdb)
    for generation in docdb.places:
        collection = _collection(docdb, generation)
        yield collection
        if collection.status == "error":
            yield not_tried("docdb-index", collection.about, "the collection cannot be read")
        else:
            yield _index(docdb, generation)


def _connection(docdb: DocDB) -> Check:
    try:
        with docdb_faults(docdb, "ask for the server's version"):
            version = docdb.client.admin.command("buildInfo").get("version", "unknown")
    except SystemFaultError as exc:
        return unknown("docdb-connection", docdb.address, exc)
    detail = f"answers, server version {version} (needed: {OLDEST})"
    return Check(name="docdb-connection", about=docdb.address, status="ok", detail=detail)


def _settings(docdb: DocDB) -> Check:
    """The settings that `connect` forces, no matter what the URI says; and whether the server is a primary."""
    options = docdb.client.options
    named = f"retryWrites={str(options.retry_writes).lower()}"
    try:
        against = no_primary(docdb)
    except SystemFaultError as exc:
        return failed("docdb-settings", "", exc)
    if against:
        detail = f"{named}; {against}"
        return Check(name="docdb-settings", status="error", detail=detail, hint=HINT_PRIMARY)
    if options.read_preference != ReadPreference.PRIMARY:
        detail = f"{named}; the URI's read preference does nothing: records are read from the primary"
        return Check(
            name="docdb-settings",
            status="warning",
            detail=detail,
            hint="Take readPreference out of `docdb.uri`.",
        )
    return Check(name="docdb-settings", status="ok", detail=f"{named}, reads from the primary")


def _role(docdb: DocDB) -> Check:
    try:
        with docdb_faults(docdb, "ask for the user's privileges"):
            answer = docdb.client.admin.command("connectionStatus", showPrivileges=True)
    except SystemFaultError as exc:
        return unknown("docdb-role", "", exc)
    info = answer.get("authInfo")
    if not isinstance(info, Mapping):
        detail = "unknown: the server does not say what its users may do"
        return Check(name="docdb-role", status="warning", detail=detail, hint=ROLE_HINT)
    if not info.get("authenticatedUsers"):
        detail = (
            "nobody is logged in: whoever reaches this server may write, unless it forbids that otherwise"
        )
        return Check(name="docdb-role", status="warning", detail=detail, hint=ROLE_HINT)
    match may_write(info, tuple(docdb.places.values())):
        case False:
            return Check(
                name="docdb-role", status="ok", detail="reads only, as `plan` should; `apply` needs more"
            )
        case True:
            detail = "may write: right for `apply`, too much for `plan`"
        case None:
            roles = ", ".join(str(one.get("role")) for one in info.get("authenticatedUserRoles", ()))
            detail = f"unknown: the server lists no privileges (roles: {roles or 'none'})"
    return Check(name="docdb-role", status="warning", detail=detail, hint=ROLE_HINT)


def may_write(info: Document, places: Sequence[tuple[str, str]]) -> bool | None:
    """May this user write to one of the collections (database, name)? None: it cannot be told.

    Privileges decide; where the server lists none, the built-in roles do.
    """
    privileges = info.get("authenticatedUserPrivileges")
    if privileges:
        return any(
            WRITES & set(one.get("actions", ())) and _covers(one.get("resource", {}), place)
            for one in privileges
            for place in places
        )
    roles: Sequence[Document] = info.get("authenticatedUserRoles") or ()
    databases = {database for database, _ in places}
    if any(
        one.get("role") in WRITING_EVERYWHERE
        or (one.get("role") in WRITING_ROLES and one.get("db") in databases)
        for one in roles
    ):
        return True
    return False if roles and all(one.get("role") in READING_ROLES for one in roles) else None


def _covers(resource: Document, place: tuple[str, str]) -> bool:
    """Is the collection part of a privilege's resource? An empty name stands for all."""
    if resource.get("anyResource"):
        return True
    database, collection = resource.get("db"), resource.get("collection")
    return database in ("", place[0]) and collection in ("", place[1])


def _collection(docdb: DocDB, generation: GenerationName) -> Check:
    database, name = docdb.places[generation]
    about = f"{database}.{name}"
    correct = f"Correct `docdb.{generation}.database` and `.collection`"
    try:
        with docdb_faults(docdb, f"look for {about}"):
            there = name in docdb.client[database].list_collection_names()
        holds_any = there and DocDBReader(docdb).holds_any(generation)
    except SystemFaultError as exc:
        return failed("docdb-collection", about, exc)
    if not there:
        detail = "there is no such collection"
        hint = f"{correct}, or create it: {_shell(database)}.createCollection({json.dumps(name)})"
        return Check(name="docdb-collection", about=about, status="error", detail=detail, hint=hint)
    if not holds_any:
        return nothing_in(about, correct, generation)
    detail = f"{generation}'s records can be read"
    return Check(name="docdb-collection", about=about, status="ok", detail=detail)


def nothing_in(about: str, correct: str, generation: GenerationName) -> Check:
    """A plan doubts it, and inserts nothing: it may be the wrong collection."""
    detail = "it holds no record at all, of any bucket; a mistyped or retired database looks like that"
    hint = (
        f"{correct}, or leave `[docdb.{generation}]` out. Where it is right, plan with `--allow-empty docdb`: "
        "nothing is registered without."
    )
    return Check(name="docdb-collection", about=about, status="warning", detail=detail, hint=hint)


def _index(docdb: DocDB, generation: GenerationName) -> Check:
    database, name = docdb.places[generation]
    about = f"{database}.{name}"
    try:
        with docdb_faults(docdb, f"list the indexes of {about}"):
            leading = [next(iter(one["key"])) for one in docdb.collection(generation).list_indexes()]
    except SystemFaultError as exc:
        return unknown("docdb-index", about, exc)
    if "location" in leading:
        return Check(name="docdb-index", about=about, status="ok", detail="there is an index on location")
    hint = f'{_shell(database)}.getCollection({json.dumps(name)}).createIndex({{"location": 1}})'
    detail = "there is no index on location: every read scans the collection"
    return Check(name="docdb-index", about=about, status="warning", detail=detail, hint=hint)


def _shell(database: str) -> str:
    """The database, in mongosh."""
    return f"db.getSiblingDB({json.dumps(database)})"
