"""Files and folders that survive a power cut: a file is on disk only when its name in its folder is, too."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

OWNER_ONLY = 0o600
"""What a run leaves behind is private metadata."""


def make_folder(folder: Path, mode: int = 0o777) -> None:
    """Make a folder, and those above it that are not there, durably; `mode`: of the folder itself. Raises OSError."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(mode=mode, exist_ok=True)
        sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to disk. Raises OSError."""
    if not hasattr(os, "O_DIRECTORY"):
        return  # this system opens no folders
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as exc:
        if exc.errno != errno.EINVAL:  # some network filesystems cannot, and need not
            raise
    finally:
        os.close(descriptor)


def replace_file(path: Path, body: bytes, mode: int) -> None:
    """Replace a file in one step, durably: an old one stays whole whatever happens. Raises OSError."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
        sync_folder(path.parent)
    finally:
        Path(temporary).unlink(missing_ok=True)


class DiskLines:
    """Lines at the end of a file that others may write to as well. Its methods raise OSError."""

    def __init__(self, path: Path) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        self._descriptor = os.open(path, flags, OWNER_ONLY)
        sync_folder(path.parent)

    def add(self, line: str, *, durable: bool) -> None:
        """Add a line. It begins with the line break, which ends whatever somebody's crash tore before it."""
        rest = memoryview(f"\n{line}".encode("utf-8", "backslashreplace"))
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        if durable:
            os.fsync(self._descriptor)

    def close(self) -> None:
        """No more lines."""
        os.close(self._descriptor)


class DiskFolder:
    """A run's files in a folder of this machine, readable by its owner only. Its methods raise OSError."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __str__(self) -> str:
        return str(self.path)

    def names(self) -> Sequence[str]:
        """The files that are there, sorted; none where there is no folder."""
        try:
            return sorted(one.name for one in self.path.iterdir())
        except FileNotFoundError:
            return ()

    def read(self, name: str) -> bytes | None:
        """A file, or None where there is none."""
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, name: str, body: bytes) -> None:
        """Replace a file, whole and durably."""
        make_folder(self.path, 0o700)
        replace_file(self.path / name, body, OWNER_ONLY)

    def remove(self, name: str) -> None:
        """A file is gone; none need be there."""
        (self.path / name).unlink(missing_ok=True)

    def lines(self, name: str) -> DiskLines:
        """A file to add lines to; it is made where there is none."""
        make_folder(self.path, 0o700)
        return DiskLines(self.path / name)
