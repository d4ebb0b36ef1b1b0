"""Helpers for the tests of commands that run many workflows."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from comfyui_standin import DemoServer
from tests.support.sampler import prompt

ROOT = Path(__file__).parents[2]
_ENDS = {"success", "error", "interrupted", "removed", "killed"}


def small_workflow(folder: Path, steps: int = 1) -> Path:
    """Write a workflow of one small image to a file in the folder, and return its path."""
    file = folder / "small.json"
    file.write_text(json.dumps(prompt(5, steps=steps)))
    return file


def images(folder: Path) -> list[str]:
    """Return the names of the images in a folder."""
    return sorted(path.name for path in folder.glob("*.png"))


def results(folder: Path) -> list[dict[str, str]]:
    """Return the rows of the table of results."""
    with (folder / "results.csv").open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def process(
    words: Sequence[str], scratch: Path, module: str = "comfy", *, stdout: int = subprocess.PIPE
) -> subprocess.Popen[str]:
    """Start the command as a process of its own, with `scratch` for its temporary files."""
    return subprocess.Popen(
        [sys.executable, "-m", module, *words],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(scratch)},
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
    )


def outcomes(demo: DemoServer) -> Counter[str]:
    prompts = demo.journal.all()
    return Counter(entry for entries in prompts.values() for entry in entries if entry in _ENDS)
