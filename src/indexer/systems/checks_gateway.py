"""Can DocDB's HTTP gateway be relied on: host, answers, collections, counts? Nothing is written; nothing could be."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping

from indexer.errors import SystemFaultError
from indexer.model.check import Check, CheckName, failed, not_tried
from indexer.model.counting import counted
from indexer.model.generation import GenerationName
from indexer.systems.checks_clock import clock_check
from indexer.systems.checks_docdb import nothing_in
from indexer.systems.checks_network import Host, check_host, host_of, proxied, through_proxy
from indexer.systems.docdb_gateway import GatewayReader
from indexer.systems.gateway_client import HINT, Gateway

SECURE = "Write https:// in `docdb.url`."
NO_ROLE = "not applicable: it is read without credentials, and no write is ever sent over it"
NO_INDEX = "not applicable: the gateway tells no indexes"
NO_SETTINGS = "not applicable: the gateway reads where it likes; what it shows may be a moment old"


def gateway_checks(
    gateway: Gateway, ca_file: str | None, places: Mapping[GenerationName, str]
) -> Iterator[Check]:
    """Every check of DocDB that goes for a gateway; `places`: what each generation's collection is called."""
    host = _host(gateway.url, ca_file)
    yield host
    if host.status == "error":
        for name in ("docdb-connection", "docdb-collection"):
            yield not_tried(name, "", "the gateway cannot be reached")
        return
    reader = GatewayReader(gateway)
    yield _connection(gateway, reader)
    yield not_tried("docdb-settings", "", NO_SETTINGS)
    yield clock_check("DocDB", reader.server_time)
    yield not_tried("docdb-role", "", NO_ROLE)
    for generation, about in places.items():
        yield _collection(reader, generation, about)
        yield not_tried("docdb-index", about, NO_INDEX)


def _host(url: str, ca_file: str | None) -> Check:
    name: CheckName = "docdb-host"
    if proxied(url):
        return through_proxy(name, url)
    host, port, secure = host_of(url)

    def tls() -> ssl.SSLContext:
        return ssl.create_default_context(cafile=ca_file)

    return check_host(Host(name, host, port, tls if secure else None, HINT, SECURE))


def _connection(gateway: Gateway, reader: GatewayReader) -> Check:
    name: CheckName = "docdb-connection"
    try:
        reader.server_time()
    except SystemFaultError as exc:
        return failed(name, gateway.url, exc)
    return Check(
        name=name, about=gateway.url, status="ok", detail="an HTTP gateway, and it answers: read only"
    )


def _collection(reader: GatewayReader, generation: GenerationName, about: str) -> Check:
    name: CheckName = "docdb-collection"
    try:
        count = reader.count(generation)
        shown = reader.holds_any(generation)
    except SystemFaultError as exc:
        return failed(name, about, exc)
    if not shown:
        correct = f"Correct `docdb.{generation}.database`, `.collection` and `.route`"
        return nothing_in(about, correct, generation)
    detail = f"{generation}'s records can be read, and counted: {counted(count, 'record')}"
    return Check(name=name, about=about, status="ok", detail=detail)
