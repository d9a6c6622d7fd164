"""A lock on an open file. It is the kernel's: it goes with the process that held it, however that ended."""

from __future__ import annotations

import errno

try:
    import fcntl
except ImportError:  # not on every system
    fcntl = None  # type: ignore[assignment]

HAS_LOCKS = fcntl is not None
"""Does this system know any?"""
NO_LOCKS_HERE = (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOLCK, errno.EINVAL)
"""How a file system says that it knows none."""


def lock(descriptor: int, *, alone: bool) -> bool:
    """Hold an open file's lock until it is closed; False where there are no locks. Raises BlockingIOError, OSError.

    Not `alone`: beside others who hold it so.
    """
    if fcntl is None:
        return False
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError as exc:
        if exc.errno in NO_LOCKS_HERE:
            return False
        raise
    return True
