"""The file of expected drift: TOML that people write, read with clear words for what is wrong in it."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from indexer.disk import read_file
from indexer.errors import UsageError
from indexer.model.drift import ExpectedDrift, Rule
from indexer.model.findings import FINDINGS
from indexer.model.kinds import KINDS
from indexer.model.reasons import REASONS

DATES = "Repair it there. A date is written as 2026-12-31 is, without quotes; any other value in quotes."
MAX_BYTES = 10_000_000
HEADER = re.compile(r"^\s*\[\[\s*\"?rule\"?\s*\]\]", re.MULTILINE)
KEYS = (*Rule.model_fields, "rule")
WORDS: Mapping[str, Sequence[str]] = {
    "action": tuple(KINDS),
    "reason": tuple(REASONS),
    "finding": tuple(FINDINGS),
}
"""What may stand under each key."""


@dataclass(frozen=True, slots=True)
class ExpectedFile:
    """Rules, and the line at which each begins; no lines where that cannot be told."""

    expected: ExpectedDrift
    lines: tuple[int, ...] = ()


def load_expected(path: Path) -> ExpectedFile:
    """Read a file of rules. Raises UsageError, which names the file, the rule, the key and the way out."""
    try:
        text = read_file(path, limit=MAX_BYTES, pipes=True).decode("utf-8-sig")
        expected = ExpectedDrift.model_validate(tomllib.loads(text))
    except OSError as exc:
        raise _unusable(f"{path}: {exc.strerror}", "Check the path.") from exc
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as exc:
        raise _unusable(f"{path} is not TOML: {str(exc)[:300]}", DATES) from exc
    except ValidationError as exc:
        raise _unusable(f"{path}: {_first(exc)}", "`indexer schema expected` has all there is.") from None
    lines = tuple(text.count("\n", 0, found.end()) + 1 for found in HEADER.finditer(text))
    return ExpectedFile(expected, lines if len(lines) == len(expected.rule) else ())


def _unusable(detail: str, hint: str) -> UsageError:
    return UsageError("The rules of expected drift cannot be used", detail, hint)


def _first(exc: ValidationError) -> str:
    """The first fault, with the rule by its number, and the word that was probably meant."""
    fault = exc.errors(include_url=False)[0]
    place = [f"rule {part + 1}" if isinstance(part, int) else str(part)[:80] for part in fault["loc"]]
    where = ": ".join(part for part in place if part != "rule") or "the file"
    message = str(fault["msg"]).removeprefix("Value error, ")
    if fault["type"] == "tuple_type" and fault["loc"] == ("rule",):
        message = "a rule begins with [[rule]], in two brackets"
    elif fault["type"] == "literal_error":
        message = _unknown(str(fault["input"]), str(fault["loc"][-1]))
    elif fault["type"] == "extra_forbidden":
        message = _unknown(str(fault["loc"][-1]), "")
    return f"{where}: {message[:300]}"


def _unknown(typed: str, key: str) -> str:
    """What was probably meant: a word that may stand under this key, or the key that such a word stands under."""
    words = WORDS[key] if key else KEYS
    found = f"{typed[:80]!r} is not known"
    if key and (other := next((one for one in WORDS if typed in WORDS[one]), None)):
        return f"{typed!r} is not a {key}; write {other} = {typed!r}"
    close = difflib.get_close_matches(typed, words, n=1)
    return f"{found}; did you mean {close[0]}?" if close else found
