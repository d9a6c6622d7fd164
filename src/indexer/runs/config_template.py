"""A commented `indexer.toml`: what is known is set, and all else stands there with its default, switched off."""

from __future__ import annotations

import copy
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from indexer.config import Config, nested_table, secret_paths
from indexer.config_tables import USUAL
from indexer.runs.config_file import NAMED, OTHER_WAYS, config_of, given_variables, variable_of

WIDTH = 100
"""Columns of a comment."""
OFF = "# "
LATER = {"docdb": "mongodb://said-later.invalid", "codeocean": "said-later-by-the-environment"}
"""In the place of a secret that is still to come."""


def template(known: Mapping[str, Any]) -> str:
    """The file for these settings; a table that may be left out is switched off where none of them is in it.

    Descriptions and defaults are the configuration's own, so no setting can be forgotten here.
    """
    return "\n".join(_table(Config, known, ())).strip() + "\n"


def checked_template(known: Mapping[str, Any], named: str) -> str:
    """The same, after these settings were judged as a configuration. Raises UsageError.

    What only the environment will say, a secret above all, need not be there yet.
    """
    config_of(_completed(known), named)
    return template(known)


def _completed(known: Mapping[str, Any]) -> dict[str, Any]:
    """With something in the place of each secret that is neither there nor in the environment."""
    whole = copy.deepcopy(dict(known))
    for table, key in secret_paths():
        held = whole.get(table)
        ways = {key, NAMED, *OTHER_WAYS.get(table, ())}
        if held is not None and not ways & held.keys() and not _in_environment(table, ways):
            held[key] = LATER[table]
    return whole


def _in_environment(table: str, ways: Iterable[str]) -> bool:
    given = given_variables()
    return any(variable_of((table, one)) in given for one in ways)


def _table(model: type[BaseModel], known: Mapping[str, Any] | None, path: tuple[str, ...]) -> Iterator[str]:
    """A table's own settings, then the tables in it: TOML would take settings behind those for theirs."""
    off = "" if known is not None else OFF
    if path:
        yield f"\n{off}[{'.'.join(path)}]"
    held = known or {}
    tables = {name: nested_table(model, name) for name in model.model_fields}
    for name, setting in model.model_fields.items():
        if tables[name] is None:
            yield ""
            yield from _comment(setting)
            default = None if setting.is_required() else setting.default
            yield _line(name, held, USUAL.get(path[-1] if path else "", {}).get(name, default))
    for name, nested in tables.items():
        if nested is not None:
            optional = model.model_fields[name].default is None
            yield from _table(nested, held.get(name, None if optional else {}), (*path, name))


def _comment(setting: FieldInfo) -> list[str]:
    """What the setting means."""
    return textwrap.wrap(
        setting.description or "",
        WIDTH,
        initial_indent=OFF,
        subsequent_indent=OFF,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _line(name: str, held: Mapping[str, Any], default: Any) -> str:
    import tomlkit

    if name in held:
        return f"{name} = {tomlkit.item(held[name]).as_string()}"
    return f"{OFF}{name} = {'' if default is None else tomlkit.item(default).as_string()}".rstrip()
