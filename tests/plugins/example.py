"""The example plugin of docs/plugins.md, installed from its wheel."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.support.waiting import LONGEST_WAIT

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
LABEL, ADDRESS = "Picture size", "/picture-size"
PAGE_LABEL, PAGE_ADDRESS = "About sizes", "/about-sizes"


def example_files() -> dict[str, str]:
    """Return the text of each file in the example."""
    return dict(re.findall(r"^`([\w.]+)`:\n\n```\w+\n(.*?)^```", PAGE, re.M | re.S))


def installed_example(folder: Path) -> Path:
    """Build the example's wheel, and return the folder with its content."""
    source, wheels, packages = (folder / name for name in ("source", "wheels", "packages"))
    source.mkdir()
    for name, text in example_files().items():
        (source / name).write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels)]
    subprocess.run(command, cwd=source, check=True, capture_output=True, timeout=LONGEST_WAIT)
    (wheel,) = wheels.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(packages)
    return packages
