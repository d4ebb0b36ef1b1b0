"""`python -m tools.benchmarks [NAME …]`: run the benchmarks and print each figure with its
target."""

from __future__ import annotations

import argparse
import importlib
import os
import subprocess
import sys
import time
from pathlib import Path

_FOLDER = Path(__file__).parent
_ROOT = _FOLDER.parents[1]
# Of plugins: one file with the plugin's name, or several files with their own.
_OF_PLUGINS = {
    file.parts[-3] if file.stem == "benchmark" else file.stem: file
    for pattern in ("benchmark.py", "benchmarks/*.py")
    for file in sorted((_ROOT / "comfyforms" / "plugins").glob(f"*/tests/{pattern}"))
    if "\ndef measure(" in file.read_text(encoding="utf-8")
}
BENCHMARKS = {
    "previews": "10 frames/s of 67 kB in a real browser: painted, lag, processor time, files; a grid",
    "slow_link": "press to first preview, and previews, over links that are long or narrow",
    "overhead": "a whole run against a bare script doing the same",
    "calls": "HTTP calls to the server a run, and of an idle page",
    "fifty": "50 runs started and watched at once",
    "shared_turns": "50 ComfyUI clients on two servers, ten of them greedy: waits beyond a fair turn",
    "thousand": "1,000 runs: memory, threads, sockets, disk",
    "batches": "a batch of 1,000 rows: processor time and memory, longer rows against raw submission",
    "rows": "1,000 rows beside another person's runs and a page; the app killed in their middle",
    "chains": "a chain of three steps: the time between two of them",
    "pool": "four servers against one, fair turns on them, one of them killed",
    "real": "real servers at COMFYUI_URLS: several against one, one killed by COMFYUI_KILL, a batch",
    "slow_inputs": "wildcards, prefixes and files made to take long",
    "large": "large graphs converted, a large catalog read, questions to a long history",
    "nodes": "forms of 10 to 1,000 nodes: opening, the longest task after Generate and while typing",
    "templates": "650 templates judged for a real catalog, and again after a restart",
    "anything": "public workflows on the stand-in that runs anything: results, previews",
    "rude": (
        "one rude visitor after the other: what another person notices, memory, log, what is left"
    ),
    "rude_address": "one address that does everything rude at once: sign-in, previews, memory",
    "against": "this app against the one in the folder BENCHMARK_BASE: start, idle, runs",
    "picker": "the picker of models with 1,000 LoRAs: opening, frames while scrolling",
    "loading": "first load: first view, usable fields, also at 60 kB/s + 100 ms; requests, bytes",
    "start": "from `python app.py` to a page ready for Generate",
    **{
        name: " ".join(file.read_text(encoding="utf-8").split('"""', 2)[1].split())
        for name, file in _OF_PLUGINS.items()
    },
}


def main() -> int:
    """Run the named benchmarks. Return 1 if a target was missed."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.benchmarks",
        description=(
            "Measures the app on this machine, on loopback only, with real servers and a real"
            " Chromium.\nEach says how long it took. Figures of a"
            " busy machine are worth little."
        ),
        epilog="\n".join(f"{name:10} {text}" for name, text in BENCHMARKS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="which; without a name, all")
    names = parser.parse_args().names or list(BENCHMARKS)
    if unknown := set(names) - set(BENCHMARKS):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"
    if len(names) == 1:
        return measure(names[0])
    missed = [name for name in names if measure_alone(name)]
    print(f"missed in: {', '.join(missed)}" if missed else "all met")
    return 1 if missed else 0


def measure_alone(name: str) -> int:
    """Run a benchmark in a separate process, so that another benchmark's memory doesn't slow it,
    and return the exit code."""
    return subprocess.run((sys.executable, "-m", "tools.benchmarks", name), check=False).returncode


def measure(name: str) -> int:
    """Print a benchmark's figures. Return 1 if a target was missed, else 0."""
    missed = 0
    started = time.monotonic()
    for figure in importlib.import_module(_module(name)).measure():
        print(figure, flush=True)
        missed += not figure.met
    said = f"{missed} missed" if missed else "all met"
    print(f"  ({name}: {said}, {time.monotonic() - started:.0f} s)", flush=True)
    return 1 if missed else 0


def _module(name: str) -> str:
    file = _OF_PLUGINS.get(name) or next(_FOLDER.rglob(f"{name}.py"))
    return ".".join(file.relative_to(_ROOT).with_suffix("").parts)


if __name__ == "__main__":
    sys.exit(main())
