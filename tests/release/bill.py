"""Write a release's bill of materials, and the pins of all that it needs: `make release` runs `bill.py dist .venv/tools`.

The pins are requirements.txt and the wheel itself, by hash. They are installed into an empty environment, and that is
what the bill (CycloneDX, JSON) describes.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from artefacts import ROOT, told

from indexer import __version__

NAME = "data-asset-indexer"
PIN = re.compile(r"^([\w.-]+)==(\S+)", re.MULTILINE)
OF_THIS_MACHINE = re.compile(r"file:|/(?:home|root|tmp|work|Users)/")
VALID = """\
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
sys.exit(str(JsonStrictValidator(SchemaVersion.V1_6).validate_str(sys.stdin.read()) or "") or 0)
"""
"""Run by the tools' Python: what we add to a bill must fit its schema, too."""


def main(folder: Path, tools: Path) -> int:
    """Write both files beside the wheel, and say what is wrong with them, or that nothing is."""
    (wheel,) = folder.glob("*.whl")
    pins = folder / f"requirements-{__version__}.txt"
    pins.write_text(pinned(wheel), encoding="utf-8")
    bill = completed(described(pins, tools / "bin"), wheel)
    text = json.dumps(bill, indent=2, sort_keys=True) + "\n"
    (folder / f"{NAME}-{__version__}.cdx.json").write_text(text, encoding="utf-8")
    valid = subprocess.run([tools / "bin" / "python", "-c", VALID], input=text, text=True, check=False)
    faults = bill_faults(bill, pins.read_text(encoding="utf-8"))
    if valid.returncode != 0:
        faults.append("the bill does not fit CycloneDX's schema")
    return told(faults, "pins and bill of materials are")


def pinned(wheel: Path) -> str:
    """What requirements.txt pins, and this very wheel: all that an installation needs."""
    locked = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    return f"{locked}{NAME}=={__version__} \\\n    --hash=sha256:{_sha256(wheel)}\n"


def described(pins: Path, tools: Path) -> dict[str, Any]:
    """The bill of an environment that holds what is pinned, and not even pip."""
    with tempfile.TemporaryDirectory(prefix="indexer-bill-") as home:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)
        python = str(Path(home) / "bin" / "python")
        pip = (str(tools / "python"), "-m", "pip", "--disable-pip-version-check", "--python", python)
        hashed = ("--no-deps", "--require-hashes", "--only-binary", ":all:")
        found = ("--find-links", str(pins.parent), "--requirement", str(pins))
        subprocess.run([*pip, "install", "--quiet", *hashed, *found], check=True)
        settings = ("--pyproject", str(ROOT / "pyproject.toml"), "--output-reproducible", "--of", "JSON")
        made = subprocess.run(
            [str(tools / "cyclonedx-py"), "environment", "--sv", "1.6", *settings, python],
            stdout=subprocess.PIPE,
            check=True,
        )
    bill: dict[str, Any] = json.loads(made.stdout)
    return bill


def completed(bill: dict[str, Any], wheel: Path) -> dict[str, Any]:
    """The bill with what no tool can find in pyproject.toml: which version of ours it is of, and its wheel's hash."""
    ours = {
        "version": __version__,
        "purl": f"pkg:pypi/{NAME}@{__version__}",
        "hashes": [{"alg": "SHA-256", "content": _sha256(wheel)}],
    }
    metadata = bill["metadata"]
    return {**bill, "metadata": {**metadata, "component": {**metadata["component"], **ours}}}


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def bill_faults(bill: dict[str, Any], pins: str) -> list[str]:
    """It names the release, each pinned package and no other, what the release itself asks for, and no file of ours."""
    root = bill["metadata"]["component"]
    faults = []
    if (root["name"], root.get("version")) != (NAME, __version__):
        faults.append(f"the bill is of {root['name']} {root.get('version')}")
    wanted = {(plain(name), version) for name, version in PIN.findall(pins) if name != NAME}
    held = {(plain(one["name"]), one["version"]) for one in bill["components"]}
    faults += [f"the bill lacks {name} {version}" for name, version in sorted(wanted - held)]
    faults += [
        f"the bill names {name} {version}, which no pin does" for name, version in sorted(held - wanted)
    ]
    asked = [one for one in bill["dependencies"] if one["ref"] == root["bom-ref"]]
    needed = {plain(ref.partition("==")[0]) for one in asked for ref in one.get("dependsOn", ())}
    faults += [f"the bill does not say that the release needs {name}" for name in sorted(required() - needed)]
    faults += [f"the bill names {found}" for found in OF_THIS_MACHINE.findall(json.dumps(bill))]
    return faults


def required() -> set[str]:
    """The packages that pyproject.toml names, extras apart."""
    lines = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    return {plain(re.split(r"[\s<>=!~\[;]", line, maxsplit=1)[0]) for line in lines}


def plain(name: str) -> str:
    """A package's name in the one spelling that all others of it come to."""
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()))
