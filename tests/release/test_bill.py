"""A release's bill of materials names what is pinned, all of it and nothing else; what `make` installs, it installs by hash."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from artefacts import ROOT
from bill import NAME, PIN, bill_faults, completed, pinned, required

from indexer import __version__


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    file = tmp_path / "some.whl"
    file.write_bytes(b"a wheel")
    return file


def bill_of(wheel: Path) -> dict[str, Any]:
    """A bill without fault, as the tool writes one from what is pinned."""
    components = [
        {"name": name, "version": version, "bom-ref": f"{name}=={version}"}
        for name, version in PIN.findall(pinned(wheel))
        if name != NAME
    ]
    needed = [one["bom-ref"] for one in components if one["name"] in required()]
    bare = {
        "metadata": {"component": {"name": NAME, "bom-ref": "root-component"}},
        "components": components,
        "dependencies": [{"ref": "root-component", "dependsOn": needed}],
    }
    return completed(bare, wheel)


def test_a_bill_of_what_is_pinned_has_no_fault(wheel: Path) -> None:
    bill = bill_of(wheel)
    assert len(bill["components"]) > 20
    assert bill_faults(bill, pinned(wheel)) == []
    assert bill["metadata"]["component"]["version"] == __version__
    assert bill["metadata"]["component"]["hashes"] == [
        {"alg": "SHA-256", "content": hashlib.sha256(b"a wheel").hexdigest()}
    ]


def test_each_fault_of_a_bill_is_found(wheel: Path) -> None:
    def faults(**other: Any) -> list[str]:
        return bill_faults({**bill_of(wheel), **other}, pinned(wheel))

    first, *rest = bill_of(wheel)["components"]
    stranger = {"name": "stranger", "version": "1"}
    assert faults(components=rest) == [f"the bill lacks {first['name']} {first['version']}"]
    assert faults(components=[first, *rest, stranger]) == ["the bill names stranger 1, which no pin does"]
    assert len(faults(components=[{**first, "version": "0"}, *rest])) == 2
    assert len(faults(dependencies=[])) == len(required())
    assert faults(properties=[{"value": "file:///x/dist/some.whl"}]) == ["the bill names file:"]
    metadata = json.loads(json.dumps(bill_of(wheel)["metadata"]))
    metadata["component"]["version"] = "9.9.9"
    assert faults(metadata=metadata) == [f"the bill is of {NAME} 9.9.9"]


def test_a_releases_pins_hold_the_wheel_itself(wheel: Path) -> None:
    """Whoever copies them needs nothing else, and installs nothing else."""
    last = pinned(wheel).split("\n\n")[-1]
    digest = hashlib.sha256(b"a wheel").hexdigest()
    assert last.endswith(f"{NAME}=={__version__} \\\n    --hash=sha256:{digest}\n")
    assert all("--hash=sha256:" in one for one in re.split(r"^(?=[\w.-]+==)", pinned(wheel), flags=re.M)[1:])


def test_what_is_installed_is_installed_by_hash() -> None:
    """But for the package itself, from the checkout, and where other versions than the pinned ones are the point."""
    lines = (ROOT / "Makefile").read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    without = [
        line
        for line in lines
        if re.search(r"(pip|PIP)\S* .*\binstall\b", line) and "--require-hashes" not in line
    ]
    assert len(without) == 4
    assert all("--editable" in line for line in without)
