"""A listing as its reader got it: bytes, until somebody needs what is in them."""

from __future__ import annotations

from collections.abc import Callable

from indexer.model.snapshot import Listing


class WireListing:
    """One page that has something in it, as it came. Whether it is whole, and a listing at all, is seen when it is opened."""

    def __init__(
        self, raw: bytes, read: Callable[[bytes], Listing], shows: Callable[[bytes, str], bool]
    ) -> None:
        """`raw`: two listings with the same bytes are the same. `shows`: is this folder in it for sure, as far as a glance tells?"""
        self.raw, self._read, self._shows = raw, read, shows

    def shows(self, folder: str) -> bool:
        """Is the folder in it for sure? Where not, it has to be opened to know."""
        return self._shows(self.raw, folder)

    def opened(self) -> Listing:
        """What is in it. Raises SystemFaultError where nobody can say."""
        return self._read(self.raw)
