"""The configuration in force, for people: where each value comes from, and of a URI no more than its hosts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic_settings import EnvSettingsSource

from indexer.config import Config, secret_paths
from indexer.errors import UsageError
from indexer.runs.config_file import DEFAULT_FILE, given_variables, variable_of
from indexer.systems.settings import settings_document

MASKED = "***"
DEFAULT = "default"


def shown_settings(config: Config, source: str | None) -> Iterator[tuple[tuple[str, ...], Any, str]]:
    """Path, value and origin of every setting in force: a file, a parameter, a variable, or the default.

    `source`: what the configuration was read from.
    """
    named = source or DEFAULT_FILE
    document = settings_document(named) if source or Path(DEFAULT_FILE).exists() else {}
    environment, hidden = EnvSettingsSource(Config)(), set(secret_paths())
    secrets = config.secrets()
    for path, value in _leaves(config.model_dump(mode="json", exclude_none=True)):
        shown = _masked(secrets.get(path, "")) if path in hidden else value
        yield path, shown, _origin(path, document, environment, named)


def _leaves(table: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _leaves(value, (*above, name))
        else:
            yield (*above, name), value


def _masked(secret: str) -> str:
    """Nothing of it; of a URI the hosts, but neither who logs in nor the options, which may hold secrets too."""
    from indexer.systems.docdb_uri import parsed_uri

    if not secret.startswith("mongodb://"):  # the hosts of any other URI are known to DNS only
        return MASKED
    try:
        parsed = parsed_uri(secret)
    except UsageError:
        return MASKED
    hosts = ",".join(host if port is None else f"{host}:{port}" for host, port in parsed["nodelist"])
    return f"mongodb://{f'{MASKED}@' if parsed['username'] else ''}{hosts}"


def _origin(path: tuple[str, ...], document: Any, environment: Any, named: str) -> str:
    if _holds(environment, path):
        given = given_variables()
        names = (variable_of(path[:end]) for end in range(len(path), 0, -1))
        return next((given[name] for name in names if name in given), DEFAULT)
    return named if _holds(document, path) else DEFAULT


def _holds(table: Any, path: tuple[str, ...]) -> bool:
    for name in path:
        if not isinstance(table, dict) or name not in table:
            return False
        table = table[name]
    return True
