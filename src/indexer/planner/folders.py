"""What S3 holds of one asset: its listings, opened only where somebody needs to know what is in them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from indexer.model.location import Location
from indexer.model.ports import ObjectReader
from indexer.model.snapshot import Folder, Listing, ObjectInfo
from indexer.model.wire_listing import WireListing
from indexer.planner.rules import Rules, folder_of

AnyListing = Listing | WireListing


@dataclass(frozen=True, slots=True)
class Listings:
    """An asset's root, and its folder of originals where there is one."""

    root: AnyListing
    originals: AnyListing | None

    def opened(self, location: Location) -> Folder:
        """What is in them that concerns us. Raises SystemFaultError."""
        originals = _opened(self.originals).objects if self.originals is not None else ()
        return folder_of(location, _opened(self.root), originals)

    def pieces(self) -> Iterator[bytes]:
        """Bytes that stand for what is in them."""
        yield _bytes_of(self.root)
        if self.originals is not None:
            yield _bytes_of(self.originals)


def read_listings(objects: ObjectReader, location: Location, rules: Rules) -> Listings:
    """One LIST of the asset's root, and one of its originals where the root shows any."""
    root = objects.listed(location.bucket, location.key(""))
    if isinstance(root, WireListing) and not root.shows(rules.originals_folder):
        root = root.opened()
    if isinstance(root, Listing) and not rules.may_have_originals(root):
        return Listings(root, None)
    return Listings(root, objects.listed(location.bucket, location.key(f"{rules.originals_folder}/")))


def _opened(listing: AnyListing) -> Listing:
    return listing.opened() if isinstance(listing, WireListing) else listing


def _bytes_of(listing: AnyListing) -> bytes:
    if isinstance(listing, WireListing):
        return b"w" + listing.raw
    return b"l" + repr((_rows(listing.objects), listing.folders)).encode("utf-8", "surrogatepass")


def _rows(objects: tuple[ObjectInfo, ...]) -> list[tuple[str, str, int, float]]:
    return [(one.key, one.etag, one.size, one.modified_at.timestamp()) for one in objects]
