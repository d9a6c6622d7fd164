"""A run's archive in a folder: before-images, each in a file named by its sha256."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from indexer.errors import IndexerError
from indexer.model.values import sha256


class FolderArchive:
    """Files that are on disk before the write that they stand behind. Safe for threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, body: bytes) -> str:
        """Put one in, durably; returns its name."""
        name = sha256(body)
        path = self._folder / name
        temporary = path.with_name(f".{name}.{os.getpid()}.{threading.get_ident()}.part")
        try:
            if not path.exists():
                self._folder.mkdir(parents=True, exist_ok=True)
                with temporary.open("wb") as file:
                    file.write(body)
                    file.flush()
                    os.fsync(file.fileno())
                temporary.replace(path)
        except OSError as exc:
            hint = "Make room there, or name another folder with --results."
            raise IndexerError(
                "The run's archive cannot be written", f"{path}: {exc.strerror}", hint
            ) from exc
        return name

    def read(self, name: str) -> bytes | None:
        """The bytes that hash to this name, or None where the archive does not hold them."""
        try:
            body = (self._folder / name).read_bytes()
        except OSError:
            return None
        return body if sha256(body) == name else None
