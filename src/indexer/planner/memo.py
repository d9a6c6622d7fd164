"""What earlier plans found in step, so that the same need not be decided again.

The decision is pure. So a digest of everything that it rests on stands for its result, where that was: nothing to do, and
nothing to find. Both listings and the record are read as ever; nothing is believed that was not read in this run. What is
spared is to decode the record, to write it as files would hold it, and to compare.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, fields
from hashlib import sha256
from typing import TYPE_CHECKING, Generic, TypeVar

from indexer.errors import IndexerError
from indexer.model.location import Location
from indexer.model.wire_record import WireRecord

if TYPE_CHECKING:
    from indexer.planner.asset_planner import AssetPlanner
    from indexer.planner.folders import Listings
    from indexer.planner.whole_records import AssetToRead, Bodies

MARK_BYTES = 16
"""Of a SHA-256: whoever wants two assets with one mark has 2^64 of them to try."""
CHECKED_ONE_IN = 100
"""So many remembered assets, one of which is decided again. Another one in each run."""
P = TypeVar("P")


class MemoWrongError(IndexerError):
    """The memo says that an asset is in step, and it is not."""

    def __init__(self, location: Location) -> None:
        super().__init__(
            "The memo is wrong",
            f"it has {location} in step, and it is not",
            "The memo was dropped, so plan again. Who else may write to it?",
        )


@dataclass(frozen=True, slots=True)
class Recall(Generic[P]):
    """What is remembered of one bucket's assets, and what is to be remembered of them."""

    in_step: P
    """The decision that a mark stands for."""
    basis: bytes
    """Digest of what all of the bucket's decisions rest on."""
    known: AbstractSet[bytes]
    salt: int
    seen: set[bytes] = field(default_factory=set)
    """The marks that this run came to, or came by."""

    def mark(self, work: AssetToRead, listings: Listings | None, bodies: Bodies) -> bytes | None:
        """Digest of everything that the decision on this asset rests on; None where not all of that has bytes."""
        if listings is None or not bodies:
            return None  # decided by a look at its rows
        asset = work.asset
        rows = [
            (row.generation, row.id, row.location, row.name, row.modified, row.links) for row in asset.rows
        ]
        mounts = [tuple(getattr(one, name) for name in one.__slots__) for one in asset.data_assets]
        pieces = [repr((str(asset.location), work.listed, rows, mounts, list(bodies))).encode()]
        for record in bodies.values():
            if record is None or not isinstance(record.body, WireRecord):
                return None
            pieces.append(record.body.raw)
        pieces.extend(listings.pieces())
        # Their lengths too: what stands at the end of one must not pass for the beginning of the next.
        digest = sha256(self.basis + repr([len(piece) for piece in pieces]).encode())
        for piece in pieces:
            digest.update(piece)
        return digest.digest()[:MARK_BYTES]

    def settles(self, mark: bytes) -> bool:
        """Is the asset known to be in step? Then that is seen again. Not where it is this one's turn to be decided again."""
        number = int.from_bytes(mark, "big")
        if mark not in self.known or (number + self.salt) % CHECKED_ONE_IN == 0:
            return False
        self.seen.add(mark)
        return True

    def keep(self, mark: bytes, location: Location, decision: object) -> None:
        """Remember a decision that needed nothing but what the mark is of. Raises MemoWrongError where another one was remembered."""
        if decision == self.in_step:
            self.seen.add(mark)
        elif mark in self.known:
            raise MemoWrongError(location)


class Memo:
    """The marks that a run begins with, and those of each bucket that it ends with."""

    def __init__(self, known: AbstractSet[bytes], tool: str, run_id: str) -> None:
        """`tool`: whose decisions these are. `run_id` chooses which of them are checked."""
        self._known, self._tool = known, tool
        self._salt = int.from_bytes(sha256(run_id.encode()).digest(), "big")
        self.seen: dict[str, set[bytes]] = {}

    def of(self, planner: AssetPlanner, in_step: P) -> Recall[P]:
        """As the assets of a bucket are decided on."""
        # A set of texts has another order in each process.
        whole = [getattr(planner.whole, one.name) for one in fields(planner.whole)]
        evidence = [sorted(one) if isinstance(one, frozenset) else one for one in whole]
        basis = sha256(repr((self._tool, planner.rules, planner.results, evidence)).encode()).digest()
        seen = self.seen.setdefault(planner.bucket, set())
        return Recall(in_step, basis, self._known, self._salt, seen)
