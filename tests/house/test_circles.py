"""No module imports another that, however far round, imports it: each can be read after those that it needs."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

import grimp
import pytest


@pytest.mark.parametrize("package", ["indexer", "indexer_sandbox"])
def test_imports_go_in_no_circle(package: str) -> None:
    """Those within functions count; those for types alone do not."""
    graph = grimp.build_graph(package, exclude_type_checking_imports=True, cache_dir=None)
    needs = {one: graph.find_modules_directly_imported_by(one) - {package} for one in graph.modules}
    try:
        order = list(TopologicalSorter(needs).static_order())
    except CycleError as exc:
        pytest.fail(" → ".join(exc.args[1]))
    assert len(order) > 10
