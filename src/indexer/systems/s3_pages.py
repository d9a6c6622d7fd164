"""The pages of one LIST: all of them, or a fault. Deletions rest on what a listing does not show."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from indexer.errors import SystemFaultError

NO_ANSWER = "Is there a proxy or a portal in between? `indexer doctor`"
AGAIN = "Try again later."
MOST_EMPTY = 100
"""Pages without any name, one after the other. S3 may send some where much was deleted; not for ever."""


def all_pages(
    ask: Callable[[str | None], Mapping[str, Any]], prefix: str, what: str
) -> Iterator[Mapping[str, Any]]:
    """Each page, as soon as it is there. `ask` takes the token of the page before, None for the first.

    Raises SystemFaultError for what is no listing (a proxy's own page, an empty body, another folder's) and for one that
    was cut short: it has more and gives no new token, or its names do not advance.
    """
    token: str | None = None
    tokens, last, empty = set[str](), "", 0
    while True:
        page = ask(token)
        names = _names(page)
        whole = all(isinstance(name, str) and directly_under(name, prefix) for name in names)
        if "IsTruncated" not in page or not whole:
            raise SystemFaultError("S3 answered with no listing", what, NO_ANSWER)
        # A server that repeats a page under new tokens would otherwise never come to an end.
        if names and last and max(names) <= last:
            raise SystemFaultError("S3 sends one page of a listing again and again", what, AGAIN)
        yield page
        if not page["IsTruncated"]:
            return
        token, last, empty = (
            page.get("NextContinuationToken", ""),
            max(names, default=last),
            0 if names else empty + 1,
        )
        if not token or token in tokens or empty > MOST_EMPTY:
            raise SystemFaultError("S3 cut a listing short", what, AGAIN)
        tokens.add(token)


def directly_under(name: str, prefix: str) -> bool:
    """May this key or folder stand in a LIST of what is directly under `prefix`?

    One that may not is of another folder, as a cache confuses them, or of a server that knows no delimiter and shows no
    folders: this one's would look gone.
    """
    return name.startswith(prefix) and "/" not in name[len(prefix) : -1]


def _names(page: Mapping[str, Any]) -> list[Any]:
    """Keys and folders. Code points and UTF-8 bytes have the same order, which is S3's. What is no text is none of S3's."""
    return [row.get("Key") for row in page.get("Contents", ())] + [
        row.get("Prefix") for row in page.get("CommonPrefixes", ())
    ]
