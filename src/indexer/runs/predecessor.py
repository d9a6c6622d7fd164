"""Our configuration for the predecessor's settings, with a note for each of them that has no place in it.

The predecessor (aind-data-asset-indexer) has a JSON object for each of its jobs: one for the managed buckets, and
one for Code Ocean, whose `s3_bucket` is the results bucket.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError

from indexer.config import table_at
from indexer.errors import UsageError
from indexer.runs.config_file import fault_words
from indexer.runs.credentials import docdb_uri
from indexer.systems.settings import settings_text

PLACES = {
    "lookback_days": "lookback_days",
    "copy_original_md_subdir": "s3.originals_folder",
    "doc_db_secret_name": "docdb.secret",
    "doc_db_db_name": "docdb.v1.database",
    "doc_db_collection_name": "docdb.v1.collection",
    "codeocean_domain": "codeocean.domain",
    "codeocean_secret_name": "codeocean.secret",
}
"""What is the same here, under another name."""
MAX_SAID = 120
"""Characters of a key in a note."""
ORDER = (
    "buckets",
    "lookback_days",
    "docdb.secret",
    "docdb.uri",
    "docdb.v1.database",
    "docdb.v1.collection",
    "docdb.v1.sync_to_s3",
    "s3.originals_folder",
    "codeocean.domain",
    "codeocean.secret",
    "codeocean.results_bucket",
)
BUCKETS_JOB = ("s3_buckets", "run_docdb_sync", "run_s3_sync", "lookback_days")
CODEOCEAN_JOB = ("codeocean_", "run_co_sync", "temp_codeocean_endpoint")
"""What the settings of the one job, and of the other, are known by."""
NO_ACCOUNT = (
    "a secret, left out: keep host, port, username and password in an entry of AWS Secrets Manager and name that in "
    "docdb.secret instead of docdb.uri, or set INDEXER_DOCDB__URI=mongodb://USER:PASSWORD@HOST:PORT"
)
NO_CREDENTIALS = (
    "a secret, left out: keep it in an entry of AWS Secrets Manager and name that in codeocean.secret, or set "
    "INDEXER_CODEOCEAN__TOKEN"
)
GATEWAY = "goes into docdb.uri; where it is the host of an HTTP gateway, write the cluster's own"
ALWAYS = "means nothing any more: a plan compares everything, and what is written was reviewed before"
NO_PLACE = "left out: it has no place here"
NOTES = {
    "codeocean_token": NO_CREDENTIALS,
    "n_partitions": "means nothing any more: --parallel says how many requests are in flight",
    "temp_codeocean_endpoint": "means nothing any more: Code Ocean itself is asked",
}
SWITCHED_OFF = {
    "run_docdb_sync": "becomes docdb.v1.sync_to_s3 = false; what is not about files is planned all the same",
    "run_s3_sync": "has no counterpart: new derived assets are planned (asset-unregistered), for review",
    "run_co_sync": "off, so [codeocean] is left out: links and results are left alone",
}


@dataclass(frozen=True, slots=True)
class Note:
    """What became of one key, where that is not simply another name."""

    key: str
    says: str

    def __str__(self) -> str:
        return f"{self.key[:MAX_SAID]}: {self.says}."


@dataclass(frozen=True, slots=True)
class Migrated:
    """A configuration for the same jobs; without secrets, and perhaps without what must still be given."""

    document: dict[str, Any]
    notes: tuple[Note, ...]


def text_of(source: str) -> str:
    """What a file, or the parameter of `ssm:NAME`, holds. Raises UsageError, SystemFaultError."""
    return settings_text(source)


def read_settings(text: str, source: str) -> dict[str, Any]:
    """One job's settings. Raises UsageError, which never quotes them."""
    try:
        settings = json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as exc:
        why = f" at {exc.lineno}:{exc.colno}" if isinstance(exc, json.JSONDecodeError) else ""
        hint = "The predecessor's settings are one JSON object; a configuration in TOML needs no migration."
        raise UsageError("The settings are not JSON", f"{source}{why}", hint) from None
    if not isinstance(settings, dict):
        hint = "The predecessor's settings are one JSON object."
        raise UsageError("The settings are not a JSON object", f"{source}: {type(settings).__name__}", hint)
    return settings


def migrated(jobs: Mapping[str, Mapping[str, Any]]) -> Migrated:
    """One configuration for all jobs' settings, by the name of their source; the first that says something has it."""
    found: dict[str, Any] = {}
    notes: list[Note] = []
    for source, settings in jobs.items():
        prefix = f"{source}: " if len(jobs) > 1 else ""
        for key, result in _translated({key: one for key, one in settings.items() if one is not None}):
            if isinstance(result, str):
                notes.append(Note(f"{prefix}{key}", result))
                continue
            path, value = result
            if path == "buckets":
                value = list(dict.fromkeys([*found.get(path, ()), *value]))
            elif found.get(path, value) != value:
                notes.append(Note(f"{prefix}{key}", f"left out: {path} is already something else"))
                continue
            found[path] = value
    notes += _settled(found)
    return Migrated(_nested(found), tuple(notes))


Reading = tuple[str, Any] | str
"""A place in our configuration and the value there, or a note."""
Settings = Mapping[str, Any]


def _translated(settings: Settings) -> Iterator[tuple[str, Reading]]:
    """What becomes of each key of one job."""
    codeocean = settings.get("run_co_sync") is not False
    for key in settings:
        for result in HANDLERS.get(key, _plain)(settings, key):
            kept = codeocean or isinstance(result, str) or not result[0].startswith("codeocean.")
            yield key, result if kept else "left out, since run_co_sync is off"


def _plain(settings: Settings, key: str) -> Iterator[Reading]:
    """Another name for the same, or a note."""
    if key in PLACES:
        yield _checked(PLACES[key], settings[key])
    else:
        yield NOTES.get(key, NO_PLACE)


def _bucket(settings: Settings, key: str) -> Iterator[Reading]:
    """Code Ocean's job has the results bucket there: it must never be taken for one that is written to."""
    if any(name in settings for name in BUCKETS_JOB) or not any(
        name.startswith(CODEOCEAN_JOB) for name in settings
    ):
        yield from _buckets(settings, key)
        return
    yield _checked("codeocean.results_bucket", settings[key])
    yield "beside settings of Code Ocean it is the results bucket; where it is not, move it to buckets"


def _buckets(settings: Settings, key: str) -> Iterator[Reading]:
    named = settings[key]
    yield _checked("buckets", [named] if isinstance(named, str) else named)


def _originals(settings: Settings, key: str) -> Iterator[Reading]:
    folder = settings[key]
    yield _checked(PLACES[key], folder.strip("/") if isinstance(folder, str) else folder)


def _domain(settings: Settings, key: str) -> Iterator[Reading]:
    domain = settings[key]
    bare = isinstance(domain, str) and "://" not in domain
    yield _checked(PLACES[key], f"https://{domain}" if bare else domain)


def _docdb(settings: Settings, key: str) -> Iterator[Reading]:
    """Host, port, user and password: all of them stand in the secret where one is named."""
    if "doc_db_secret_name" in settings:
        yield "left out: the secret that doc_db_secret_name names holds it"
    elif key in ("doc_db_user_name", "doc_db_password"):
        yield NO_ACCOUNT
    elif key == "doc_db_host":
        try:
            yield (
                "docdb.uri",
                docdb_uri({name: settings.get(name) for name in ("doc_db_host", "doc_db_port")}, key),
            )
            if not settings.keys() & {"doc_db_port", "doc_db_user_name", "doc_db_password"}:
                yield GATEWAY
        except UsageError as exc:
            yield f"left out: {exc.detail.removeprefix(f'{key}: ')}"
    elif "doc_db_host" not in settings:
        yield "left out: there is no doc_db_host beside it"


def _switch(settings: Settings, key: str) -> Iterator[Reading]:
    if settings[key] is not False:
        yield ALWAYS
        return
    yield SWITCHED_OFF[key]
    if key == "run_docdb_sync":
        yield "docdb.v1.sync_to_s3", False


HANDLERS: Mapping[str, Callable[[Settings, str], Iterator[Reading]]] = {
    "s3_bucket": _bucket,
    "s3_buckets": _buckets,
    "copy_original_md_subdir": _originals,
    "codeocean_domain": _domain,
    **dict.fromkeys(("doc_db_host", "doc_db_port", "doc_db_user_name", "doc_db_password"), _docdb),
    **dict.fromkeys(SWITCHED_OFF, _switch),
}


def _checked(path: str, value: Any) -> Reading:
    """The value as our configuration takes it at this place, or a note that it does not."""
    *tables, key = path.split(".")
    field = table_at(tables).model_fields[key]
    wanted: Any = Annotated[field.annotation, field]
    try:
        taken: Any = TypeAdapter(wanted).validate_python(value)
    except ValidationError as exc:
        return (
            f"left out, since {path} does not take it: it {fault_words(exc.errors(include_input=False)[0])}"
        )
    return path, list(taken) if isinstance(taken, tuple) else taken


def _settled(found: dict[str, Any]) -> Iterator[Note]:
    """Take out what cannot stand together; then say what is still to be given."""
    if "docdb.secret" in found and found.pop("docdb.uri", None):
        yield Note("docdb.uri", "left out beside docdb.secret")
    results = found.get("codeocean.results_bucket")
    if results in found.get("buckets", ()):
        found["buckets"].remove(results)
        yield Note("buckets", f"without {results}, which is the results bucket")
    found.setdefault("docdb.v1.database", "metadata_index")  # it knows one generation, and has it everywhere
    codeocean = any(path.startswith("codeocean.") for path in found)
    if not found.get("buckets"):
        found.pop("buckets", None)
        yield Note("buckets", "still to be given: the managed buckets")
    if not found.keys() & {"docdb.uri", "docdb.secret"}:
        yield Note("docdb.uri", "still to be given, here or as INDEXER_DOCDB__URI; or docdb.secret")
    if codeocean and "codeocean.secret" not in found:
        yield Note("codeocean.token", "still to be given, as INDEXER_CODEOCEAN__TOKEN; or codeocean.secret")
        if "codeocean.domain" not in found:
            yield Note("codeocean.domain", "still to be given")


def _nested(found: Mapping[str, Any]) -> dict[str, Any]:
    """Tables inside tables, in the order of the documentation."""
    document: dict[str, Any] = {}
    for path in sorted(found, key=ORDER.index):
        *tables, key = path.split(".")
        table = document
        for name in tables:
            table = table.setdefault(name, {})
        table[key] = found[path]
    return document
