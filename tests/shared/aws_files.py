"""botocore's descriptions of AWS: megabytes of JSON in the folders of four hundred services, which each client reads anew."""

from __future__ import annotations

import functools
from typing import Any

from botocore import loaders


def keep_what_botocore_reads() -> None:
    """Read each file, and look through the folders, once in this process and those that are forked from it."""
    read = functools.cache(loaders.JSONFileLoader().load_file)
    look = loaders.Loader.list_available_services
    known: dict[str, Any] = {}

    def services(self: loaders.Loader, type_name: str) -> Any:
        if type_name not in known:
            known[type_name] = look(self, type_name)
        return known[type_name]

    loaders.JSONFileLoader.load_file = lambda _, path: read(path)  # type: ignore[method-assign]
    loaders.Loader.list_available_services = services  # type: ignore[method-assign]
    loader = loaders.create_loader()
    for name in ("endpoints", "partitions", "sdk-default-configuration"):
        loader.load_data(name)
    for name in ("service-2", "endpoint-rule-set-1"):
        loader.load_service_model("s3", name)
