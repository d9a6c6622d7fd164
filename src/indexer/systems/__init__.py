"""The only users of boto3, pymongo and codeocean: one reader and one writer each."""

import sys
from importlib.util import find_spec

if find_spec("OpenSSL") is None:
    # pymongo tries PyOpenSSL first, and finds out that it is not there after importing all of cryptography, which is there
    # for approvals: a twentieth of a plan's start. What says the same at once:
    sys.modules.setdefault("pymongo.pyopenssl_context", None)  # type: ignore[arg-type]
