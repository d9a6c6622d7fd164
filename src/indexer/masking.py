"""Secrets, and text without them: in every form in which a secret is sent, and in which a server may quote it.

One register for the process: an error is made far from whoever knows the secrets, and goes to plans, results, journals, logs and
telemetry. Who reads a secret hides it here, before it is used.
"""

from __future__ import annotations

import html
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator
from threading import Lock
from urllib.parse import unquote, unquote_plus

MASK = "***"
MIN_SECRET = 4
"""Shorter ones are not hidden: they would black out ordinary words."""
MIN_CORE = 8
"""Characters of Base64 by which a secret is known in the middle of something longer."""
WORD = re.compile("[A-Za-z]+")
SECRET_OPTION = re.compile("password|passphrase|secret|token|authmechanismproperties", re.IGNORECASE)
"""In names of a URI's options."""


class _Register:
    """The secrets that are known, and what finds them. Safe for threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: dict[str, None] = {}
        self._all: re.Pattern[str] | None = None
        self._no_words: re.Pattern[str] | None = None
        self._compiled = True

    def add(self, secrets: Iterable[str]) -> None:
        new = {one: None for one in secrets if len(one) >= MIN_SECRET}
        with self._lock:
            if new.keys() <= self._known.keys():
                return
            self._known = {**self._known, **new}
            self._compiled = False

    def forget(self) -> None:
        with self._lock:
            self._known, self._compiled = {}, False

    def masked(self, text: str, *, words: bool) -> str:
        with self._lock:
            if not self._compiled:  # first where something is said: most of what is hidden never comes near
                self._all = _pattern(self._known)
                self._no_words = _pattern(one for one in self._known if WORD.fullmatch(one) is None)
                self._compiled = True
            pattern = self._all if words else self._no_words
        return text if pattern is None else pattern.sub(MASK, text)


_REGISTER = _Register()


def hide(secret: str) -> None:
    """Never say this from now on; of a URI with credentials neither the URI nor what is secret in it.

    Reads a URI as generously as can be: it is hidden before anybody looks whether it is one.
    """
    _REGISTER.add(_parts_of_uri(secret) if "://" in secret else (secret,))


def masked(text: str) -> str:
    """The text without any secret that is known."""
    return _REGISTER.masked(text, words=True)


def masked_hint(hint: str) -> str:
    """A hint of ours: a password that is an ordinary word may be one of our words there, and would be told by its mask."""
    return _REGISTER.masked(hint, words=False)


def said(text: object, limit: int) -> str:
    """The beginning of a vendor's words; masked before they are cut, since half of a secret would not be recognised."""
    return masked(str(text))[:limit]


def forget() -> None:
    """No secret is known any more."""
    _REGISTER.forget()


def _parts_of_uri(uri: str) -> Iterator[str]:
    """The URI where it holds credentials, they alone, and options that are secrets.

    A password that was not encoded may hold any character: it ends at the last `@`, or at the last before a slash or a
    question mark.
    """
    rest = uri.partition("://")[2]
    for end in {rest.rfind("@"), rest.rfind("@", 0, _first(rest, "/?"))} - {-1}:
        account = rest[:end]
        name, colon, password = account.partition(":")
        yield uri
        if colon:
            for user, one in (
                (name, password),
                (unquote(name), unquote(password)),
                (name, unquote_plus(password)),
            ):
                yield from (one, f"{user}:{one}")
    for option in re.split("[&;]", rest.partition("?")[2]):
        key, _, value = option.partition("=")
        if SECRET_OPTION.search(key):
            found = (
                [value] if ":" not in value else re.findall(r"(?:TOKEN|SECRET|PASSWORD)\w*:([^,]*)", value)
            )
            yield from (form for one in found for form in (one, unquote(one), unquote_plus(one)))


def _first(text: str, marks: str) -> int:
    return min((at for mark in marks if (at := text.find(mark)) >= 0), default=len(text))


def _pattern(secrets: Iterable[str]) -> re.Pattern[str] | None:
    """Finds each of them in every form, the longest first."""
    forms = {form for one in secrets for form in _forms(one)}
    spelt = ["".join(map(_spelt, form)) for form in sorted(forms, key=len, reverse=True)]
    return re.compile("|".join(spelt)) if spelt else None


def _forms(secret: str) -> Iterator[str]:
    """As it is, and in Base64: alone, as a user without a password, and wherever it begins in something longer."""
    raw = secret.encode("utf-8", "surrogatepass")
    yield secret
    for encode in (b64encode, urlsafe_b64encode):
        for whole in (raw, raw + b":"):
            yield encode(whole).decode().rstrip("=")
        for shift in range(3):
            start, end = -(-shift * 8 // 6), (shift + len(raw)) * 8 // 6
            core = encode(bytes(shift) + raw).decode()[start:end]
            if len(core) >= MIN_CORE:
                yield core


def _spelt(character: str) -> str:
    """A character as it may stand in a text: itself, percent-encoded, as JSON, repr or HTML write it."""
    if character.isascii() and character.isalnum():
        return character
    octets = character.encode("utf-8", "surrogatepass")
    units = character.encode("utf-16-be", "surrogatepass")
    escapes = "".join(rf"\\+u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
    ways = [
        rf"\\*{re.escape(character)}" if character in "\"'/\\" else re.escape(character),
        "(?i:" + "".join(f"%(?:25)*{one:02x}" for one in octets) + ")",
        f"(?i:{escapes})",
        rf"(?i:\\+x{ord(character):02x})",
        f"(?i:&#(?:0*{ord(character)}|x0*{ord(character):x});)",
    ]
    if (entity := html.escape(character)) != character:
        ways.append(re.escape(entity))
    if character in "\b\t\n\f\r":
        ways.append(rf"\\+{'btn_fr'[ord(character) - 8]}")
    if character == " ":
        ways.append(r"\+")
    return f"(?:{'|'.join(ways)})"
