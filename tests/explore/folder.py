"""A run's folder and archive in memory: what was not fsynced may be gone after a crash, and a line may be torn."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from explore.stage import Point
from indexer.errors import IndexerError
from indexer.model.values import sha256
from shared.memory.stored import Crash


def no_room() -> OSError:
    """As a full disk says it."""
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@dataclass(slots=True)
class _File:
    body: bytes = b""
    durable: int = 0
    """So many bytes survive a power cut."""


@dataclass(slots=True)
class MemoryRunFolder:
    """The files of a run; several runs may write to one folder, each through a view of its own."""

    name: str
    files: dict[str, _File] = field(default_factory=dict)
    holders: list[bool] = field(default_factory=list)
    """Of its lock, each alone or not. A dead process holds none."""

    def another(self) -> MemoryRunFolder:
        """The same once more."""
        return MemoryRunFolder(
            self.name, {name: _File(one.body, one.durable) for name, one in self.files.items()}
        )

    def power_cut(self) -> None:
        """What was not fsynced is gone."""
        for one in self.files.values():
            one.body = one.body[: one.durable]

    def of(self, actor: str, point: Point) -> RunFolderView:
        """The folder as one actor reaches it."""
        return RunFolderView(self, actor, point)


@dataclass(slots=True)
class RunFolderView:
    """The port that the applier is handed."""

    folder: MemoryRunFolder
    actor: str
    point: Point

    def __str__(self) -> str:
        """As a message names it."""
        return self.folder.name

    def read(self, name: str) -> bytes | None:
        """A file's bytes, None where there is none."""
        held = self.folder.files.get(name)
        return None if held is None else held.body

    def names(self) -> Sequence[str]:
        """The files that are there, sorted."""
        return sorted(self.folder.files)

    def write(self, name: str, body: bytes | Iterable[bytes]) -> None:
        """Replace a file, whole and durably."""
        if self.point(self.actor, f"file.{name}") == "full":
            raise no_room()
        whole = body if isinstance(body, bytes) else b"".join(body)
        self.folder.files[name] = _File(whole, len(whole))

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        self.folder.files.pop(name, None)

    def lines(self, name: str) -> MemoryLines:
        """A file that lines are added to."""
        return MemoryLines(self.folder.files.setdefault(name, _File()), self.actor, self.point)

    @contextmanager
    def locked(self, _name: str, note: bytes | None = None) -> Iterator[bool]:
        """The folder's one lock: with a note alone, without beside others who only look. Raises BlockingIOError."""
        held, alone = self.folder.holders, note is not None
        if (alone and held) or any(held):
            raise BlockingIOError
        held.append(alone)
        try:
            yield True
        finally:  # a death comes by here, too: the system gives back what a process held
            held.remove(alone)


@dataclass(slots=True)
class MemoryLines:
    """Lines that are added to a file."""

    file: _File
    actor: str
    point: Point

    def add(self, line: str) -> None:
        """Put one at the end, apart from what a crash tore before it."""
        text = f"\n{line}".encode("utf-8", errors="backslashreplace")
        try:
            fate = self.point(self.actor, "line")
        except TornError:
            self.file.body += text[: len(text) // 2]
            self.file.durable = len(self.file.body)
            raise
        if fate == "full":
            raise no_room()
        self.file.body += text

    def sync(self) -> None:
        """All of it survives."""
        self.file.durable = len(self.file.body)

    def close(self) -> None:
        """No more."""


class TornError(Crash):
    """The process dies in the middle of a line; everywhere else this is a death like any other."""


@dataclass(slots=True)
class Archives:
    """Every before-image that was kept durably, by its place."""

    places: dict[str, dict[str, bytes]] = field(default_factory=dict)
    purged: dict[str, bytes] = field(default_factory=dict)
    """What was kept, and is gone."""

    def another(self) -> Archives:
        """The same once more."""
        return Archives({place: dict(held) for place, held in self.places.items()}, dict(self.purged))

    def bodies(self) -> Mapping[str, bytes]:
        """All images of all places, by their sha256; also those that are gone since."""
        held = {name: body for held in self.places.values() for name, body in held.items()}
        return {**self.purged, **held}

    def purge(self) -> None:
        """The one that was kept last is gone."""
        for held in self.places.values():
            if held:
                name, body = held.popitem()
                self.purged[name] = body

    def of(self, place: str, actor: str, point: Point) -> MemoryArchive:
        """One place, as one actor reaches it."""
        return MemoryArchive(self.places.setdefault(place, {}), actor, point)


@dataclass(slots=True)
class MemoryArchive:
    """The port that the applier is handed."""

    held: dict[str, bytes]
    actor: str
    point: Point

    def keep(self, body: bytes) -> str:
        """Put one in, durably; returns its name."""
        if self.point(self.actor, "archive.keep") == "full":
            raise IndexerError("The run's archive cannot be written", "no space left", "Name another place.")
        name = sha256(body)
        self.held[name] = bytes(body)
        return name

    def read(self, name: str) -> bytes | None:
        """The bytes that hash to this name, or None."""
        return self.held.get(name)
