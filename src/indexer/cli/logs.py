"""What the libraries log, passed on to our own voice: --verbose."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable

TellLog = Callable[[str, str, str], None]
"""Takes the level, the logger's name and the line."""
COMMANDS = "pymongo.command"
NAME = re.compile(r'\{"\w+": "([^"\\]*)"')
"""What a command begins with: itself, and the collection that it is about."""
LEVELS = {
    "indexer.s3": logging.DEBUG,
    "indexer.memo": logging.DEBUG,
    "urllib3.connectionpool": logging.DEBUG,
    "urllib3.util.retry": logging.DEBUG,
    "botocore.retries": logging.DEBUG,
    "botocore.credentials": logging.INFO,
    COMMANDS: logging.DEBUG,
}
"""Every request, without what records hold, and no more: at debug level all of botocore logs headers too, a session's token among them."""


def docdb_request(line: str) -> str:
    """The driver's line about a command, as what was asked and how long it took: never what records hold."""
    try:
        told = json.loads(line)
        command, place = str(told["commandName"]), str(told["databaseName"])
        if match := NAME.match(str(told.get("command", ""))):
            place = f"{place}.{match[1]}"
        took = f", {told['durationMS']:.1f} ms" if "durationMS" in told else ""
        return f"{told['message']}: {command} in {place}, request {told.get('requestId')}{took}"
    except (ValueError, KeyError, TypeError):  # a driver that says it in another way
        return "a command"


def listen(tell: TellLog) -> None:
    """Pass on warnings, and the requests that these libraries tell of."""
    logging.captureWarnings(capture=True)
    logging.basicConfig(handlers=[_Listener(tell)], level=logging.WARNING, force=True)
    for name, level in LEVELS.items():
        logging.getLogger(name).setLevel(level)


class _Listener(logging.Handler):
    def __init__(self, tell: TellLog) -> None:
        super().__init__()
        self._tell = tell
        self.setFormatter(logging.Formatter("%(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        """Tell it."""
        try:
            line = self.format(record)
            if record.name == COMMANDS:
                line = docdb_request(line)
            self._tell(record.levelname.lower(), record.name, line)
        except Exception:  # noqa: BLE001 - as every handler does it
            self.handleError(record)
