"""Read the configuration: `indexer.toml` or a parameter, environment variables over it; options go over both."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import EnvSettingsSource, SettingsError

from indexer.config import Config, Hide, table_at
from indexer.errors import UsageError
from indexer.systems.settings import settings_document

DEFAULT_FILE = "indexer.toml"
CREDENTIALS = (("docdb", "uri"), ("codeocean", "token"))
"""Table and key; instead of each there may be `secret`, never beside it."""


def load_config(source: Path | str | None = None, hide: Hide | None = None) -> Config:
    """Read the configuration: a file, or `ssm:NAME`. Raises UsageError, which names the key and the way out.

    `hide` is told every secret in it, and those that are read for it later. Raises SystemFaultError where AWS fails.
    """
    named = source or DEFAULT_FILE
    document: dict[str, Any] = {}
    if source is not None or Path(DEFAULT_FILE).exists():
        document = settings_document(named)
    where = str(named) if document else "the environment"
    _check_names(document, where)
    try:
        config = Config(**_beneath(document, EnvSettingsSource(Config)()))
    except SettingsError as exc:
        # Its words name the field and the kind of source; what stands in the variable is behind them.
        hint = (
            "A whole section or list in the environment is JSON; of one setting write INDEXER_SECTION__KEY."
        )
        raise UsageError("A variable of the environment is not valid", str(exc), hint) from None
    except ValidationError as exc:
        problems = "; ".join(_problem(error) for error in exc.errors(include_input=False, include_url=False))
        if not document and source is None:
            raise UsageError(
                f"There is no {DEFAULT_FILE} here", f"{Path.cwd()}: {problems}", _hint({}, where)
            ) from None
        hint = _hint(document, where)
        raise UsageError(f"The configuration in {where} is not valid", problems, hint) from None
    config._hide = hide
    for secret in (config.docdb.uri, config.codeocean and config.codeocean.token):
        if secret:
            config.hide(secret.get_secret_value())
    return config


def _beneath(document: Mapping[str, Any], environment: Mapping[str, Any]) -> dict[str, Any]:
    """The document without the one way to a credential where the environment gives the other."""
    kept = dict(document)
    for table, key in CREDENTIALS:
        held, given = kept.get(table), environment.get(table)
        if isinstance(held, dict) and isinstance(given, dict):
            ways = {key: "secret", "secret": key}
            overruled = {ways[one] for one in given if one in ways}
            kept[table] = {name: value for name, value in held.items() if name not in overruled}
    return kept


def _check_names(document: dict[str, Any], source: str) -> None:
    """Raise UsageError for names that would be switches of pydantic's own (`_env_file`, `_cli_parse_args`)."""
    odd = [name for name in document if name.startswith("_")]
    if odd:
        detail = f"there is no setting {odd[0][:80]}"
        raise UsageError(f"The configuration in {source} is not valid", detail, _hint(document, source))


def _hint(document: Mapping[str, Any], source: str) -> str:
    if any(name.startswith(("s3_bucket", "doc_db_")) for name in document):
        return (
            f"These are the predecessor's settings: `indexer config migrate {source}` prints ours for them."
        )
    if document:
        return "docs/configuration.md lists every key."
    return f"Write {DEFAULT_FILE} here, or name one with --config; `indexer sandbox` prints one to try."


def _problem(error: Any) -> str:
    """One fault of the configuration, with what was probably meant; never with the value."""
    path = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        known = difflib.get_close_matches(
            str(error["loc"][-1]), table_at(error["loc"][:-1]).model_fields, n=1
        )
        return f"there is no setting {path}" + (f" (did you mean {known[0]}?)" if known else "")
    if error["type"] == "missing":
        return f"{path} is missing"
    said = str(error["msg"]).removeprefix("Value error, ")
    return f"{path}: {said}" if path else said
