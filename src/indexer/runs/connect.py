"""From the configuration to open systems: the only place where adapters are chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from indexer import __version__
from indexer.config import Config
from indexer.config_tables import USUAL_ROUTES
from indexer.model.generation import GenerationName
from indexer.model.observer import NOBODY, Observer
from indexer.model.ports import Archive, Readers, RecordReader, Writers
from indexer.model.settings import CollectionSettings
from indexer.model.snapshot import SystemName, Via
from indexer.planner.rules import Rules
from indexer.runs.cleartext import cleartext
from indexer.runs.credentials import credentials_of
from indexer.runs.read_only import check_may_write

if TYPE_CHECKING:
    from codeocean import CodeOcean

    from indexer.systems.docdb_connection import DocDB
    from indexer.systems.gateway_client import Gateway
    from indexer.systems.leases import Leases
    from indexer.systems.s3_connection import S3


@dataclass(frozen=True, slots=True)
class Systems:
    """What a run of the applier holds; the planner is handed the readers only."""

    readers: Readers
    writers: Writers
    leases: Leases | None = None
    """None where no collection is configured for them."""
    prove_conditions: bool = False
    """S3 must show that it refuses a condition which does not hold, before anything rests on it."""
    whole_values: bool = False
    """DocDB is known to compare objects and lists, so that they stand in the conditions of writes, too."""
    open_archive: Callable[[str], Archive] | None = None
    """Opens the archive at a place; None: a folder of this machine, or objects in S3."""
    against_going_on: Callable[[], str] = lambda: ""
    """Why a run must end, asked now and then; empty where it may go on."""


def rules_of(config: Config) -> Rules:
    """The configuration's share in what is desired."""
    generations: tuple[tuple[GenerationName, CollectionSettings | None], ...] = (
        ("v1", config.docdb.v1),
        ("v2", config.docdb.v2),
    )
    collections = {name: place for name, place in generations if place is not None}
    return Rules(
        collections=collections,
        originals_folder=config.s3.originals_folder,
        metadata_file=config.s3.metadata_file,
        largest_file_mb=config.s3.largest_file_mb,
        links=config.codeocean is not None,
        register_data_assets=config.codeocean is not None and config.codeocean.register_assets,
        on_missing=config.codeocean.on_missing if config.codeocean else "keep",
    )


def places_of(config: Config) -> dict[GenerationName, tuple[str, str]]:
    """Database and collection of each configured generation."""
    return {name: (place.database, place.collection) for name, place in rules_of(config).collections.items()}


def first_database(config: Config) -> str:
    """The database of the first configured generation: what is ours beside records is kept there."""
    return next(database for database, _ in places_of(config).values())


@dataclass(frozen=True, slots=True)
class _Clients:
    """Open connections."""

    s3: S3
    docdb: DocDB | Gateway
    codeocean: CodeOcean | None


def routes_of(config: Config) -> dict[GenerationName, str]:
    """Under which path the gateway has each generation."""
    collections = rules_of(config).collections
    usual = {
        name: USUAL_ROUTES.get(one.database, f"{name}/{one.database}") for name, one in collections.items()
    }
    return {name: f"{one.route or usual[name]}/{one.collection}" for name, one in collections.items()}


def opened_gateway(config: Config, parallel: int | None) -> Gateway:
    """The gateway that `docdb.url` names; nothing is asked yet. Raises UsageError."""
    from indexer.systems.gateway_client import open_gateway

    ca_file = str(config.docdb.tls_ca_file) if config.docdb.tls_ca_file else None
    return open_gateway(str(config.docdb.url), ca_file, routes_of(config), parallel, version=__version__)


@contextmanager
def _docdb(config: Config, uri: str | None, parallel: int | None) -> Iterator[DocDB | Gateway]:
    """Over the wire or over HTTP."""
    if uri is None:
        gateway = opened_gateway(config, parallel)
        try:
            yield gateway
        finally:
            gateway.pool.clear()
        return
    from indexer.systems.docdb_connection import check_primary, connect
    from indexer.systems.pace import at_most

    ca_file = str(config.docdb.tls_ca_file) if config.docdb.tls_ca_file else None
    docdb = connect(uri, ca_file, places_of(config), at_most(parallel))
    try:
        check_primary(docdb)
        yield docdb
    finally:
        docdb.client.close()


@contextmanager
def _connected(config: Config, parallel: int | None, observer: Observer) -> Iterator[_Clients]:
    """Open connections, closed at the end: a process may make many runs."""
    from indexer.systems.s3_connection import open_s3

    ca_file = str(config.docdb.tls_ca_file) if config.docdb.tls_ca_file else None
    credentials = credentials_of(config)
    with ExitStack() as opened:
        s3 = open_s3(parallel, anonymous=config.s3.anonymous)
        opened.callback(s3.close)
        for words in cleartext(credentials, ca_file, s3.url, config.docdb.url):
            observer.warn(words)
        docdb = opened.enter_context(_docdb(config, credentials.docdb_uri, parallel))
        codeocean = None
        if credentials.codeocean is not None:
            from indexer.systems.codeocean_client import codeocean_client

            codeocean = codeocean_client(credentials.codeocean.domain, credentials.codeocean.token)
            opened.callback(codeocean.session.close)
        yield _Clients(s3, docdb, codeocean)


def _readers(clients: _Clients) -> Readers:
    from indexer.systems.s3 import S3Reader

    data_assets = None
    if clients.codeocean is not None:
        from indexer.systems.codeocean import CodeOceanReader

        data_assets = CodeOceanReader(clients.codeocean)
    via: dict[SystemName, Via] = {"s3": "unsigned"} if clients.s3.anonymous else {}
    records, over = _record_reader(clients.docdb)
    return Readers(S3Reader(clients.s3), records, data_assets, via | over)


def _record_reader(docdb: DocDB | Gateway) -> tuple[RecordReader, dict[SystemName, Via]]:
    """The reader, and how it reads."""
    from indexer.systems.gateway_client import Gateway

    if isinstance(docdb, Gateway):
        from indexer.systems.docdb_gateway import GatewayReader

        return GatewayReader(docdb), {"docdb": "gateway"}
    from indexer.systems.docdb import DocDBReader

    return DocDBReader(docdb), {}


@contextmanager
def open_readers(config: Config, parallel: int | None, observer: Observer = NOBODY) -> Iterator[Readers]:
    """Connect for reading: no writer is made. `observer` is told what crosses a network in the clear. Raises as `open_systems` does."""
    with _connected(config, parallel, observer) as clients:
        yield _readers(clients)


@contextmanager
def open_systems(config: Config, parallel: int | None, observer: Observer = NOBODY) -> Iterator[Systems]:
    """Connect. Raises SystemFaultError where DocDB does not answer, UsageError for unusable settings, or ones that only read."""
    from indexer.systems.docdb import DocDBWriter
    from indexer.systems.docdb_connection import DocDB
    from indexer.systems.s3_connection import is_amazons
    from indexer.systems.s3_writer import S3Writer

    check_may_write(config, "apply")
    with _connected(config, parallel, observer) as clients:
        docdb = clients.docdb
        assert isinstance(docdb, DocDB)  # noqa: S101 - over the gateway there is no writer, and it was refused above
        data_assets = leases = None
        if clients.codeocean is not None:
            from indexer.systems.codeocean import CodeOceanWriter

            data_assets = CodeOceanWriter(clients.codeocean)
        if config.docdb.lease_collection is not None:
            from indexer.systems.leases import Leases

            leases = Leases(docdb, first_database(config), config.docdb.lease_collection)
        writers = Writers(S3Writer(clients.s3), DocDBWriter(docdb), data_assets)
        proof = not config.s3.trust_conditions and not is_amazons(clients.s3)
        whole = config.docdb.whole_values
        if whole is None:
            whole = docdb.is_amazons
        yield Systems(_readers(clients), writers, leases, prove_conditions=proof, whole_values=whole)
