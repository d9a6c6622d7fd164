"""What the libraries log, passed on to our own voice: --verbose."""

from __future__ import annotations

import logging
from collections.abc import Callable

Tell = Callable[[str, str, str], None]
"""Takes the level, the logger's name and the line."""
LEVELS = {
    "indexer.s3": logging.DEBUG,
    "urllib3.connectionpool": logging.DEBUG,
    "urllib3.util.retry": logging.DEBUG,
    "botocore.retries": logging.DEBUG,
    "botocore.credentials": logging.INFO,
    "pymongo.command": logging.DEBUG,
}
"""Every request, and no more: at debug level all of botocore logs headers too, a session's token among them."""


def listen(tell: Tell) -> None:
    """Pass on warnings, and the requests that these libraries tell of."""
    logging.captureWarnings(capture=True)
    logging.basicConfig(handlers=[_Listener(tell)], level=logging.WARNING, force=True)
    for name, level in LEVELS.items():
        logging.getLogger(name).setLevel(level)


class _Listener(logging.Handler):
    def __init__(self, tell: Tell) -> None:
        super().__init__()
        self._tell = tell
        self.setFormatter(logging.Formatter("%(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Tell it."""
        try:
            self._tell(record.levelname.lower(), record.name, self.format(record))
        except Exception:  # noqa: BLE001 - as every handler does it
            self.handleError(record)
