"""The credentials of a connection: those of the configuration, or those that its secrets hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from indexer.config import Config
from indexer.config_tables import DOMAIN, CodeOceanSettings
from indexer.errors import UsageError
from indexer.systems.settings import secret_fields

DOCDB_PORT = 27017
URI = ("uri",)
HOST = ("host", "doc_db_host")
PORT = ("port", "doc_db_port")
USERNAME = ("username", "doc_db_user_name")
PASSWORD = ("password", "doc_db_password")
CODEOCEAN_DOMAIN = ("domain", "codeocean_domain")
TOKEN = ("token", "codeocean_token")
"""A secret's keys: ours, which Amazon DocumentDB and the predecessor's secrets share, then those of its settings."""
HOST_NAME = re.compile(r"[A-Za-z0-9._-]+|\[?[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\]?")
HINT = "docs/configuration.md says what a secret may hold."


@dataclass(frozen=True, slots=True)
class CodeOceanAccess:
    """Where Code Ocean is, and the token for it."""

    domain: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What opens a connection to DocDB, and to Code Ocean where that is configured."""

    docdb_uri: str | None = field(repr=False)
    """None where DocDB is read over its gateway, which wants no credentials."""
    codeocean: CodeOceanAccess | None


def credentials_of(config: Config) -> Credentials:
    """Read the secrets that the configuration names, for whoever is about to connect.

    Everything is hidden before it is used. Raises UsageError for a secret that does not hold what it must,
    SystemFaultError where it cannot be read.
    """
    # Before anything is asked of anybody: the very first fault may quote a request (decision 37).
    for secret in config.secrets().values():
        config.hide(secret)
    codeocean = None if config.codeocean is None else _codeocean(config, config.codeocean)
    if config.docdb.url is not None:
        return Credentials(None, codeocean)
    if config.docdb.uri is not None:
        return Credentials(config.docdb.uri.get_secret_value(), codeocean)
    name = str(config.docdb.secret)
    uri = docdb_uri(_hidden(config, name), name)
    config.hide(uri)
    return Credentials(uri, codeocean)


def _codeocean(config: Config, settings: CodeOceanSettings) -> CodeOceanAccess:
    if settings.token is not None:
        return CodeOceanAccess(str(settings.domain), settings.token.get_secret_value())
    name = str(settings.secret)
    fields = _hidden(config, name)
    domain = settings.domain or _text(fields, CODEOCEAN_DOMAIN, name)
    if not re.match(DOMAIN, domain):
        raise _wrong(name, "its domain is not a URL such as https://codeocean.example.org")
    return CodeOceanAccess(domain, _text(fields, TOKEN, name))


def _hidden(config: Config, name: str) -> Mapping[str, Any]:
    """What the secret holds, after its credentials are hidden."""
    fields = secret_fields(name)
    for key in (*URI, *PASSWORD, *TOKEN):
        if isinstance(fields.get(key), str):
            config.hide(fields[key])
    return fields


def docdb_uri(fields: Mapping[str, Any], name: str) -> str:
    """The secret's URI, or one put together from its parts, percent-encoded.

    Without user and password for a server that knows none. Raises UsageError, which names keys, never values.
    """
    if _held(fields, URI) is not None:
        return _text(fields, URI, name)
    host = _text(fields, HOST, name)
    if not HOST_NAME.fullmatch(host):
        raise _wrong(name, "its host is neither a name nor an address; the port has a key of its own")
    if ":" in host:
        host = f"[{host.strip('[]')}]"
    options = {"retryWrites": "false"} | ({"tls": "true"} if fields.get("ssl") in (True, "true") else {})
    account = ""
    if _held(fields, USERNAME) is not None or _held(fields, PASSWORD) is not None:
        account = ":".join(quote(_text(fields, keys, name), safe="") for keys in (USERNAME, PASSWORD)) + "@"
    return f"mongodb://{account}{host}:{_port(fields, name)}/?{urlencode(options)}"


def _port(fields: Mapping[str, Any], name: str) -> int:
    held = _held(fields, PORT)
    if held is None:
        return DOCDB_PORT
    text = str(held)
    if isinstance(held, bool) or not re.fullmatch("[0-9]{1,5}", text) or not 0 < int(text) < 65536:
        raise _wrong(name, "its port is not a port number")
    return int(text)


def _held(fields: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    """What stands under the first of the keys that is there; None where none is."""
    return next((fields[key] for key in keys if fields.get(key) is not None), None)


def _text(fields: Mapping[str, Any], keys: tuple[str, ...], name: str) -> str:
    held = _held(fields, keys)
    if held is None:
        raise _wrong(name, f"it has no {keys[0]}")
    text = held.rstrip() if isinstance(held, str) else ""  # as in the configuration
    if not text:
        raise _wrong(name, f"its {keys[0]} is not text")
    return text


def _wrong(name: str, why: str) -> UsageError:
    return UsageError("The secret does not hold what is needed", f"{name}: {why}", HINT)
