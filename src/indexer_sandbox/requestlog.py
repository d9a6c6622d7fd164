"""What a sandbox server was asked, and what it answered."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar


@dataclass(frozen=True, slots=True)
class S3Request:
    """One request to the S3 server, with the status of its answer."""

    method: str
    bucket: str
    """Empty for a request to the service itself (ListBuckets)."""
    key: str
    """Decoded; empty for a request to a bucket."""
    operation: str
    """Amazon's name, for example `ListObjectsV2`; `Other` for what the sandbox has no name for."""
    status: int
    signed: bool = True
    """Did it say who asks?"""

    @property
    def is_write(self) -> bool:
        """Whether the request asked for a change, whatever became of it."""
        return self.method not in ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class CodeOceanRequest:
    """One request to the Code Ocean server, with the status of its answer."""

    method: str
    data_asset_id: str
    """Empty for searches and creations."""
    operation: str
    """`SearchDataAssets`, `GetDataAsset`, `CreateDataAsset`, `ArchiveDataAsset`, `DeleteDataAsset` or `Other`."""
    status: int

    @property
    def is_write(self) -> bool:
        """Whether the request asked for a change; a search is a POST and no write."""
        return self.operation != "SearchDataAssets" and self.method != "GET"


@dataclass(frozen=True, slots=True)
class GatewayRequest:
    """One request to DocDB's HTTP gateway, with the status of its answer."""

    method: str
    place: str
    """Version, database and collection, as the path has them."""
    operation: str
    """`find`, `count_documents`, `aggregate`, `get` (the collection itself) or `Other`."""
    status: int
    url_bytes: int
    agent: str
    """The User-Agent."""
    records: int = 0
    """How many are in the answer."""

    @property
    def is_write(self) -> bool:
        """Whether the request asked for a change: the stand-in answers none."""
        return self.operation == "Other" and self.method != "GET"


class Loggable(Protocol):
    """What a request log can hold."""

    @property
    def operation(self) -> str:
        """The operation's name."""
        ...

    @property
    def is_write(self) -> bool:
        """Whether it asked for a change."""
        ...


R = TypeVar("R", bound=Loggable)


class RequestLog(Generic[R]):
    """Every request in the order of its answer; append-only, safe to read while the server serves.

    A request stands in the log before its client has the answer. To look at a part of a run, keep
    `len(log)` and ask for what came `since` then.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: list[R] = []

    def append(self, request: R) -> None:
        """Add one request; for the server only."""
        with self._lock:
            self._requests.append(request)

    def __len__(self) -> int:
        return len(self._requests)

    def since(self, start: int = 0) -> tuple[R, ...]:
        """The requests after the first `start` ones."""
        with self._lock:
            return tuple(self._requests[start:])

    def writes(self, start: int = 0) -> tuple[R, ...]:
        """Those of `since(start)` that asked for a change, answered or refused."""
        return tuple(request for request in self.since(start) if request.is_write)

    def counts(self, start: int = 0) -> Counter[str]:
        """How many requests of each operation came since `start`."""
        return Counter(request.operation for request in self.since(start))
