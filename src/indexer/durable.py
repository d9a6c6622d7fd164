"""Files and folders that survive a power cut: a file is on disk only when its name in its folder is, too."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path

from indexer.flush import SharedFlush

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


def replace_file(path: Path, body: bytes | Iterable[bytes], named: SharedFlush | None = None) -> None:
    """Replace a file in one step, durably: an old one stays whole, even if this fails. Raises OSError.

    A new one is its owner's only; one that was there keeps its mode. `named`: brings the folder's names to disk, for several
    threads at once.
    """
    mode = _mode_of(path)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.writelines((body,) if isinstance(body, bytes) else body)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
        named = named or SharedFlush(lambda: sync_folder(path.parent))
        named.wrote()
        named.wait()
    finally:
        Path(temporary).unlink(missing_ok=True)


def add_file(path: Path, body: bytes, named: SharedFlush) -> bool:
    """Write a new file durably, under its own name at once: a crash may leave a part of it. False where there is one.

    It asks a third of the system that `replace_file` does, for readers who look whether what they find is whole. Raises
    OSError.
    """
    try:
        descriptor = open_own(path, os.O_EXCL)
    except FileExistsError:
        return False
    try:
        write_all(descriptor, body)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    named.wrote()
    named.wait()
    return True


def write_all(descriptor: int, body: bytes) -> None:
    """Write all of it, in however many steps. Raises OSError."""
    rest = memoryview(body)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _mode_of(path: Path) -> int:
    try:
        held = path.lstat().st_mode
    except OSError:
        return OWNER_ONLY
    return stat.S_IMODE(held) if stat.S_ISREG(held) else OWNER_ONLY


def open_own(path: Path, flags: int) -> int:
    """Open a file to write to it; a new one is its owner's only. Raises OSError."""
    return os.open(path, flags | os.O_WRONLY | os.O_CREAT, OWNER_ONLY)
