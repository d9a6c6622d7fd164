"""Read the configuration: `indexer.toml` or a parameter, environment variables over it; options go over both."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import EnvSettingsSource, SettingsConfigDict, SettingsError

from indexer.config import Config, EnvironmentFirst, secret_paths, setting_paths, table_at
from indexer.config_approvals import ApprovalSettings
from indexer.config_tables import WANTED
from indexer.errors import UsageError
from indexer.masking import hide
from indexer.systems.settings import PARAMETER, settings_document

DEFAULT_FILE = "indexer.toml"
AWS_SECRETS = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
INVALID = "The configuration is not valid"
PREFIX = str(Config.model_config["env_prefix"])
OTHERS = ("INDEXER_TEST_",)
"""Variables that are not the command's: those of its tests."""
NAMED = "secret"
"""Instead of each secret, and never beside it, there may be the name of an entry that holds it."""


OTHER_WAYS = {"docdb": ("url",)}
"""Instead of either, a way that needs no secret."""


def is_configured() -> bool:
    """Is there a configuration here: a file, or buckets in the environment?"""
    return Path(DEFAULT_FILE).exists() or any(name.upper() == f"{PREFIX}BUCKETS" for name in os.environ)


def load_config(source: Path | str | None = None) -> Config:
    """Read the configuration: a file, or `ssm:NAME`. Raises UsageError, which names the key and the way out.

    Every secret in it is hidden from then on, and so are those that are read for it later. Raises SystemFaultError where AWS fails.
    """
    read = source is not None or Path(DEFAULT_FILE).exists()
    named = source or DEFAULT_FILE
    config = config_of(settings_document(named) if read else {}, named, read)
    if read:
        config._source = str(named) if str(named).startswith(PARAMETER) else str(Path(named).absolute())
    return config


def config_of(document: dict[str, Any], named: Path | str, read: bool = True) -> Config:
    """The configuration that a document with this name is, under the environment. Raises UsageError; `read`: there is one."""
    _check_names(document, named)
    _check_variables()
    # Before the document is judged: what is wrong with it is told with words from it.
    for secret in _secrets(document):
        hide(secret)
    try:
        return Config(**_beneath(document, EnvSettingsSource(Config)()))
    except SettingsError as exc:
        raise _no_json(exc) from None  # the cause quotes the variable, which may be a secret
    except ValidationError as exc:
        problems = _problems(exc)
        if not read:
            hint = "`indexer init` writes one; name another place with --config; `indexer sandbox` prints one to try."
            raise UsageError(f"There is no {DEFAULT_FILE} here", f"{Path.cwd()}: {problems}", hint) from None
        raise UsageError(INVALID, f"{named}: {problems}", _hint(document, named)) from None


class _ApprovalsAlone(EnvironmentFirst):
    """The one table of a configuration that says who may approve."""

    model_config = SettingsConfigDict(extra="ignore")

    approvals: ApprovalSettings | None = None


def load_approvals(source: str | None = None) -> ApprovalSettings | None:
    """Who may approve, out of a configuration of which nothing else is looked at; None: it does not say.

    Whoever signs or verifies needs no system, and no secret of any. Raises as `load_config` does.
    """
    document = settings_document(source or DEFAULT_FILE) if source or Path(DEFAULT_FILE).exists() else {}
    try:
        return _ApprovalsAlone(approvals=document.get("approvals")).approvals
    except SettingsError as exc:
        raise _no_json(exc) from None
    except ValidationError as exc:
        hint = _hint(document, source or DEFAULT_FILE)
        raise UsageError(INVALID, f"{source or DEFAULT_FILE}: {_problems(exc)}", hint) from None


def _secrets(document: Mapping[str, Any]) -> Iterator[str]:
    """Those of the document and of the environment, whether the rest of it is valid or not."""
    for path in secret_paths():
        variable = variable_of(path)
        variables = [one for name, one in os.environ.items() if name.upper() == variable]
        yield from (one.strip() for one in (_held(document, path), *variables) if isinstance(one, str))
    for name, value in os.environ.items():
        if name in AWS_SECRETS or (name.lower().endswith("_proxy") and "@" in value):
            yield value


def secrets_in(document: Mapping[str, Any]) -> Iterator[str]:
    """The keys under which a configuration holds a secret itself; a URI without a password is not a secret."""
    for path in secret_paths():
        value = _held(document, path)
        if isinstance(value, str) and value and (path[-1] != "uri" or "@" in value):
            yield ".".join(path)


def variable_of(path: Sequence[int | str]) -> str:
    """The variable of the environment for a setting, in capitals."""
    return PREFIX + "__".join(map(str, path)).upper()


def _held(table: Any, path: Sequence[str]) -> Any:
    """What stands there; None where nothing does, or what is above it is no table."""
    for name in path:
        table = table.get(name) if isinstance(table, dict) else None
    return table


def _beneath(document: Mapping[str, Any], environment: Mapping[str, Any]) -> dict[str, Any]:
    """The document without the one way to a credential where the environment gives the other."""
    kept = dict(document)
    for table, key in secret_paths():
        held, given = kept.get(table), environment.get(table)
        if isinstance(held, dict) and isinstance(given, dict):
            ways = {key, NAMED, *OTHER_WAYS.get(table, ())}
            overruled = ways - given.keys() if ways & given.keys() else set()
            kept[table] = {name: value for name, value in held.items() if name not in overruled}
    return kept


def _check_names(document: dict[str, Any], source: Path | str) -> None:
    """Raise UsageError for names that would be switches of pydantic's own (`_env_file`, `_cli_parse_args`)."""
    odd = [name for name in document if name.startswith("_")]
    if odd:
        raise UsageError(INVALID, f"{source}: there is no setting {odd[0][:80]}", _hint(document, source))


def _check_variables() -> None:
    """Raise UsageError for a variable that looks like a setting and is not one: it would silently do nothing."""
    known = [variable_of(path) for path in setting_paths()]
    for name, value in os.environ.items():
        ours = name.upper().startswith(PREFIX) and not name.upper().startswith(OTHERS)
        if ours and value and name.upper() not in known:
            close = difflib.get_close_matches(name.upper(), known, n=1)
            meant = f" (did you mean {close[0]}?)" if close else ""
            hint = "docs/configuration.md lists every variable; unset what is not listed."
            raise UsageError(
                "A variable of the environment is not valid", f"there is no setting {name}{meant}", hint
            )


def _hint(document: Mapping[str, Any], source: Path | str) -> str:
    if any(name.startswith(("s3_bucket", "doc_db_")) for name in document):
        return (
            f"These are the predecessor's settings: `indexer config migrate {source}` prints ours for them."
        )
    return "docs/configuration.md lists every key."


def _no_json(exc: SettingsError) -> UsageError:
    """A variable of the environment that is read as JSON and is not JSON: which one, never what it holds."""
    value = getattr(exc.__cause__, "doc", None)
    named = [name for name in os.environ if name.upper().startswith(PREFIX) and os.environ[name] == value]
    detail = f"{named[0] if named else f'one of {PREFIX}…'} is not JSON"
    hint = f"""A list or a whole table is JSON there: {PREFIX}BUCKETS='["one", "two"]'; of one setting write {PREFIX}TABLE__KEY."""
    return UsageError("A variable of the environment is not valid", detail, hint)


def _problems(exc: ValidationError) -> str:
    """All faults of a configuration; a list's own is left out where one of its items is at fault."""
    errors = exc.errors(include_input=False, include_url=False)
    paths = [error["loc"] for error in errors]
    return "; ".join(
        _problem(error)
        for error in errors
        if not any(
            len(path) > len(error["loc"]) and path[: len(error["loc"])] == error["loc"] for path in paths
        )
    )


def _problem(error: Any) -> str:
    """One fault of the configuration, with what was probably meant; never with the value."""
    path = _named(error["loc"])
    if error["type"] == "extra_forbidden":
        known = difflib.get_close_matches(
            str(error["loc"][-1]), table_at(error["loc"][:-1]).model_fields, n=1
        )
        return f"there is no setting {path}" + (f" (did you mean {known[0]}?)" if known else "")
    if error["type"] == "missing":
        return f"{path} is missing"
    said = fault_words(error)
    return f"{path}: {said}" if path else said


def given_variables() -> dict[str, str]:
    """The variables of the environment that hold something, as they are written, by their names in capitals."""
    return {name.upper(): name for name, value in os.environ.items() if value}


def _named(path: Sequence[int | str]) -> str:
    """A setting by its key, or by the variable of the environment that it comes from."""
    given = given_variables()
    key = ".".join(map(str, path))
    for end in range(len(path), 0, -1):
        variable = given.get(variable_of(path[:end]))
        if variable:
            return variable if end == len(path) else f"{key} in {variable}"
    return key


def fault_words(error: Any) -> str:
    """What a value should be: pydantic's words, where they speak of the file and not of Python."""
    match error["type"]:
        case "string_pattern_mismatch":
            return f"should be {WANTED[error['ctx']['pattern']]}"
        case "tuple_type":
            return 'should be a list: ["one", "two"]'
        case "too_short":
            return "should have at least one entry"
        case "model_type" | "model_attributes_type" | "dict_type":
            return "should be a table"
    return str(error["msg"]).removeprefix("Value error, ").replace("Input should", "should")
