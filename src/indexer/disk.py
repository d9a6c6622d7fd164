"""Files and folders that nobody else leads astray; a run's own, which survive a power cut.

In a run's folder no link is followed, and nobody else's folder is used: its name can be predicted, and prepared.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from indexer.durable import add_file, make_folder, open_own, replace_file, sync_folder, write_all
from indexer.flock import HAS_LOCKS, lock
from indexer.flush import SharedFlush

OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH
MAX_BYTES = 2_000_000_000
CHUNK_BYTES = 1 << 20
NO_LINK = getattr(os, "O_NOFOLLOW", 0)
AT_ONCE = getattr(os, "O_NONBLOCK", 0)
"""To open a pipe waits for its other end otherwise."""
WRITER_WAIT_S, LOOK_S = 5.0, 0.02
"""So long may a pipe's writer take to come; one that is there may take as long as it likes."""


class UnsafeFileError(OSError):
    """A file or folder that is not used: a link, a device, a pipe without a writer, too large, somebody else's."""


def read_file(
    path: Path, *, limit: int = MAX_BYTES, pipes: bool = False, follow: bool = True, own: bool = False
) -> bytes:
    """All of a regular file, or of a pipe where those are allowed. Raises OSError, UnsafeFileError.

    `follow`: the path may be a link, as in what a person typed. `own`: nobody else may have written to it.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | AT_ONCE | (0 if follow else NO_LINK))
    except OSError as exc:
        if exc.errno == errno.ELOOP and path.is_symlink() and not follow:
            raise UnsafeFileError(errno.ELOOP, "it is a link") from exc
        raise
    try:
        held = os.fstat(descriptor)
        kind = held.st_mode
        if own:
            _check_ours(held)
            if kind & OTHERS_MAY_WRITE:
                raise UnsafeFileError(errno.EPERM, "others may write to it")
        if stat.S_ISDIR(kind):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if pipes and stat.S_ISFIFO(kind):
            return _bounded(descriptor, limit, _first_of_pipe(descriptor))
        if not stat.S_ISREG(kind):
            raise UnsafeFileError(errno.EINVAL, "it is not a regular file")
        return _bounded(descriptor, limit)
    finally:
        os.close(descriptor)


def read_open(descriptor: int, limit: int = MAX_BYTES) -> bytes:
    """All that comes out of what is open already, such as stdin: a file, a pipe, a terminal. Raises OSError."""
    kind = os.fstat(descriptor).st_mode
    if not (stat.S_ISREG(kind) or stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind) or os.isatty(descriptor)):
        raise UnsafeFileError(errno.EINVAL, "it is a device")
    return _bounded(descriptor, limit)


def _first_of_pipe(descriptor: int) -> bytes:
    """What comes first, once somebody writes to it. Raises UnsafeFileError where nobody does."""
    deadline = time.monotonic() + WRITER_WAIT_S
    first = b""
    while not first and time.monotonic() < deadline:
        try:
            first = os.read(descriptor, CHUNK_BYTES)
        except BlockingIOError:  # somebody has it open, and has not written yet
            break
        time.sleep(0 if first else LOOK_S)
    else:
        if not first:
            raise UnsafeFileError(errno.ENODATA, "it is a pipe that nobody writes to")
    os.set_blocking(descriptor, True)
    return first


def _bounded(descriptor: int, limit: int, first: bytes = b"") -> bytes:
    """The rest, in pieces: what is no regular file does not tell its size, and a regular one may grow."""
    pieces, size_bytes = [first], len(first)
    while piece := os.read(descriptor, CHUNK_BYTES):
        pieces.append(piece)
        size_bytes += len(piece)
        if size_bytes > limit:
            raise UnsafeFileError(errno.EFBIG, f"it is larger than {limit:,} bytes")
    return b"".join(pieces)


def _check_ours(held: os.stat_result) -> None:
    """Raise UnsafeFileError for what another user has made: root may."""
    if hasattr(os, "geteuid") and held.st_uid not in (0, os.geteuid()):
        raise UnsafeFileError(errno.EPERM, "it belongs to another user")


def _own_file(path: Path, flags: int) -> int:
    """Open a file of a run's folder to write to it: no link, no other name of a file, nobody else's. Raises OSError."""
    if path.is_symlink():
        raise UnsafeFileError(errno.ELOOP, "it is a link")
    descriptor = open_own(path, flags | NO_LINK | AT_ONCE)
    try:
        held = os.fstat(descriptor)
        if not stat.S_ISREG(held.st_mode) or held.st_nlink > 1:
            raise UnsafeFileError(errno.EINVAL, "it is no file of its own")
        _check_ours(held)
        sync_folder(path.parent)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


class DiskLines:
    """Lines at the end of a file that others may write to as well. Its methods raise OSError."""

    def __init__(self, path: Path) -> None:
        self._descriptor = _own_file(path, os.O_APPEND)
        self._flush = SharedFlush(lambda: os.fsync(self._descriptor))

    def add(self, line: str) -> None:
        """Add a line. It begins with the line break, which ends a line that a crash tore before it."""
        write_all(self._descriptor, f"\n{line}".encode("utf-8", "backslashreplace"))
        self._flush.wrote()

    def sync(self) -> None:
        """Bring to disk what was added by now."""
        self._flush.wait()

    def close(self) -> None:
        """No more lines."""
        os.close(self._descriptor)


class DiskFolder:
    """A run's files in a folder of this machine, readable by its owner only. Its methods raise OSError.

    UnsafeFileError for a link, also where the folder itself is one; for a folder of another user, where it is written to.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._named = SharedFlush(lambda: sync_folder(path))

    def __reduce__(self) -> tuple[type[DiskFolder], tuple[Path]]:
        """The folder, as it goes to a cluster's worker: flushes are shared within a process."""
        return DiskFolder, (self.path,)

    def __str__(self) -> str:
        return str(self.path)

    def names(self) -> Sequence[str]:
        """The files that are there, sorted; none where there is no folder."""
        self._no_link()
        try:
            return sorted(one.name for one in self.path.iterdir())
        except FileNotFoundError:
            return ()

    def read(self, name: str) -> bytes | None:
        """A file, or None where there is none."""
        self._no_link()
        try:
            return read_file(self.path / name, follow=False)
        except FileNotFoundError:
            return None

    def write(self, name: str, body: bytes | Iterable[bytes]) -> None:
        """Replace a file, whole and durably."""
        self._made()
        replace_file(self.path / name, body, self._named)

    def add(self, name: str, body: bytes) -> bool:
        """Write a new file durably; a crash may leave a part of it. False where there is one already."""
        self._made()
        return add_file(self.path / name, body, self._named)

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        self._no_link()
        (self.path / name).unlink(missing_ok=True)

    def lines(self, name: str) -> DiskLines:
        """A file to add lines to; it is made where there is none."""
        self._made()
        return DiskLines(self.path / name)

    @contextmanager
    def locked(self, name: str, note: bytes | None = None) -> Iterator[bool]:
        """Hold a file's lock until the block is left or the process is gone. Yields whether there are locks here.

        Alone, with `note` in the file for whoever comes second; or without one, beside others who only look.
        Raises BlockingIOError where somebody holds it otherwise.
        """
        try:
            descriptor = self._lock_file(name, alone=note is not None)
        except FileNotFoundError:
            yield HAS_LOCKS  # nobody who looks needs to make it
            return
        try:
            locks = lock(descriptor, alone=note is not None)
            if note is not None:
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, note, 0)
            yield locks
            if note is not None:  # a dead process leaves it there; the lock is what counts
                os.ftruncate(descriptor, 0)
        finally:
            os.close(descriptor)

    def _lock_file(self, name: str, *, alone: bool) -> int:
        if alone:
            self._made()
            return _own_file(self.path / name, 0)
        self._no_link()
        return os.open(self.path / name, os.O_RDONLY | NO_LINK | AT_ONCE)

    def check_ours(self) -> None:
        """Raise UnsafeFileError where it is a link, or another user's."""
        held = self.path.lstat()
        if stat.S_ISLNK(held.st_mode):
            raise UnsafeFileError(errno.ELOOP, "the folder is a link")
        _check_ours(held)

    def _no_link(self) -> None:
        if self.path.is_symlink():
            raise UnsafeFileError(errno.ELOOP, "the folder is a link")

    def _made(self) -> None:
        try:
            self.check_ours()  # it is nearly always there, and one look tells
        except FileNotFoundError:
            make_folder(self.path, 0o700)
            self.check_ours()
