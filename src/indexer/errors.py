"""The one root of every error that a user may see."""

from __future__ import annotations

import re

from indexer.masking import masked, masked_hint

CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")
"""User and password in a URI."""


class IndexerError(Exception):
    """A fault that was foreseen: what, which, and the next command to type.

    `summary` is constant for the kind of fault, `detail` names the thing, the figure and the limit,
    `hint` is what to do next (empty where nothing helps). A vendor's words may quote what we sent: no secret
    that is known stands in them, and no URI's credentials. `exit_code` is the process's exit status.
    """

    exit_code = 1

    def __init__(self, summary: str, detail: str = "", hint: str = "") -> None:
        detail, hint = CREDENTIALS.sub("", masked(detail)), masked_hint(hint)
        super().__init__(summary, detail, hint)
        self.summary = summary
        self.detail = detail
        self.hint = hint

    @property
    def what(self) -> str:
        """Summary and detail, without the hint."""
        return f"{self.summary}: {self.detail}" if self.detail else self.summary

    def __str__(self) -> str:
        return f"{self.what} {self.hint}" if self.hint else self.what


class UsageError(IndexerError):
    """The command or its configuration is wrong; nothing was read or written."""

    exit_code = 2


class RefusedError(IndexerError):
    """A plan that is invalid, tampered with, or out of bounds; nothing was written."""

    exit_code = 5


class SystemFaultError(IndexerError):
    """S3, DocDB or Code Ocean answered with an error, or not at all: what it holds is unknown, not empty."""

    refused = False
    """Of a write, sent once: the system answered that it was not carried out. What is there then is not ours."""


class OutageError(SystemFaultError):
    """The system as a whole does not answer, or no longer accepts our credentials: everything else asked of it fails, too.

    Any other `SystemFaultError` is about the one thing that was asked for.
    """


class AccessDeniedError(SystemFaultError):
    """The system knows us and says no (401, 403)."""


class MissingBucketError(SystemFaultError):
    """There is no such bucket."""
