"""Compare the converter, the forms and the stand-in with the newest front end and templates.

    python -m tools.newest --comfyui DIR --python PATH [--cache DIR]

Downloads `comfyui-frontend-package` and `comfyui-workflow-templates-json` into the cache, serves the
front end with the ComfyUI checkout in DIR (`--python`: an interpreter with its requirements) on a free
port of this machine, and loads each template into the editor in Chromium. Nothing runs: requests to
`/prompt` are intercepted. Prints a table of what differs, in Markdown, and writes all differences to
`differences.json` in the cache. The editor's prompts are stored there, too, so that a second call only
compares. `--conformance` also runs the conformance tests on that server.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from comfy.comfyui.object_info import Catalog
from tools.newest.comparison import compared
from tools.newest.editor import message_types, opened_editor
from tools.newest.packages import FRONT_END, TEMPLATES, newest, saved_graphs, static_files
from tools.newest.report import table
from tools.newest.server import answer, change_setting, comfyui
from tools.newest.unknown import (
    differing_nodes,
    unknown_displays,
    unknown_messages,
    unknown_types,
    unknown_widgets,
)

_ROOT = Path(__file__).parents[2]
# By default, the editor reads saved values by position, even where a node's inputs have changed.
_BY_NAME = "Comfy.Workflow.NamedValuesRestore"
_CONFORMANCE = ("-m", "pytest", "-q", "-n", "0", "tests/nightly/conformance")


def main(words: list[str] | None = None) -> int:
    """Compare, print the table and return the exit code: 1 for exceptions, or if a conformance test
    fails; 2 if something is missing."""
    args = _arguments(words)
    cache = args.cache.expanduser().resolve()
    try:
        front_end = newest(FRONT_END, cache, offline=args.offline)
        templates = newest(TEMPLATES, cache, offline=args.offline)
        static = static_files(front_end)
        base = cache / "comfyui"
        with comfyui(args.comfyui.resolve(), args.python, static, base) as url:
            info = answer(url, "/object_info")
            core = answer(url, "/system_stats")["system"].get("comfyui_version", "unknown")
            stored = cache / "prompts" / f"{front_end.version}_{templates.version}_{core}"
            graphs = _chosen(saved_graphs(templates), args.only)
            prompts, not_sent, widgets = _editor_prompts(url, graphs, stored)
            comparisons = [
                compared(name, graph, prompts.get(name), Catalog(info))
                for name, graph in graphs.items()
            ]
            differing = {one.name: graphs[one.name] for one in comparisons if one.differences}
            change_setting(url, _BY_NAME, value=True)
            by_name = stored.with_name(f"{stored.name}_by_name")
            prompts, _, _ = _editor_prompts(url, differing, by_name)
            conforms = not args.conformance or _conforms(url)
    except (OSError, RuntimeError, subprocess.CalledProcessError) as error:
        print(f"{error}", file=sys.stderr)
        return 2
    catalog = Catalog(info)
    again = {
        name: compared(name, graph, prompts.get(name), catalog) for name, graph in differing.items()
    }
    mended = {name for name, one in again.items() if one.truth and not one.differences}
    comparisons = [
        replace(one, differences=(), by_name=True) if one.name in mended else one
        for one in comparisons
    ]
    versions = {
        "front end": front_end.version,
        "templates package": templates.version,
        "ComfyUI": f"{core} ({len(info)} node classes)",
    }
    unknown = {
        "unknown input types": unknown_types(catalog),
        "unknown displays": unknown_displays(catalog),
        "unknown widgets of the editor": unknown_widgets(widgets, catalog),
        "unknown messages": unknown_messages(message_types(static)),
        "stand-in's nodes that differ": differing_nodes(info),
    }
    details = [asdict(one) for one in comparisons if one.differences or one.exception]
    (cache / "differences.json").write_text(
        json.dumps({"differing": details, "not_sent": not_sent, "unknown": unknown}, indent=1)
    )
    print(table(versions, comparisons, not_sent, unknown))
    broken = any(one.exception or one.form_exception for one in comparisons)
    return int(broken or not conforms)


def _arguments(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tools.newest", description=__doc__)
    parser.add_argument("--comfyui", type=Path, required=True, help="folder with a checkout")
    parser.add_argument(
        "--python", type=Path, required=True, help="interpreter with ComfyUI's requirements"
    )
    parser.add_argument("--cache", type=Path, default=Path("~/.cache/comfyforms-newest"))
    parser.add_argument("--offline", action="store_true", help="use the packages in the cache")
    parser.add_argument("--only", nargs="*", default=(), help="names of templates")
    parser.add_argument("--conformance", action="store_true", help="also run these tests")
    return parser.parse_args(words)


def _chosen(
    graphs: Mapping[str, Mapping[str, Any]], only: list[str]
) -> Mapping[str, Mapping[str, Any]]:
    return {name: graph for name, graph in graphs.items() if not only or name in only}


def _editor_prompts(
    url: str, graphs: Mapping[str, Mapping[str, Any]], stored: Path
) -> tuple[Mapping[str, Any], Mapping[str, str], set[str]]:
    """Return the editor's prompts, the reasons why it sent none, and the editor's widgets."""
    stored.mkdir(parents=True, exist_ok=True)
    prompts: dict[str, Any] = {}
    not_sent: dict[str, str] = {}
    with opened_editor(url) as editor:
        widgets = editor.widgets()
        for number, (name, graph) in enumerate(graphs.items(), 1):
            path = stored / f"{name}.json"
            try:
                if not path.exists():
                    path.write_text(json.dumps(editor.prompt_of(graph)))
                prompts[name] = json.loads(path.read_bytes())
            except RuntimeError as error:
                not_sent[name] = str(error)
            if number % 50 == 0:
                print(f"{number} of {len(graphs)} templates", file=sys.stderr)
    return prompts, not_sent, widgets


def _conforms(url: str) -> bool:
    tests = subprocess.run(
        [sys.executable, *_CONFORMANCE], cwd=_ROOT, env=os.environ | {"COMFYUI_URL": url}
    )
    return tests.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
