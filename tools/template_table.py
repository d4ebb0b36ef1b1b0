"""Write the table of ComfyUI's own templates: `python -m tools.template_table FOLDER…`.

Each FOLDER has the `templates` of one version of the package `comfyui-workflow-templates-json`,
with their index.json; the newest comes first. Older versions add the graphs that users may have
saved meanwhile, and templates that are gone. The table has titles, descriptions and digests.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from comfy.templates.index import templates_in
from comfy.workflow.known_templates import TABLE, shape_of


def table_of(folders: Iterable[Path]) -> dict[str, object]:
    """Return the table, whose format `comfy/workflow/known_templates.py` describes."""
    templates: dict[str, tuple[str, str, str]] = {}
    shapes: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for folder in folders:
        for one in templates_in(json.loads((folder / "index.json").read_bytes())):
            file = folder / f"{one.name}.json"
            if not file.is_file():
                continue
            templates.setdefault(one.name, (one.name, one.title, one.description))
            place = [*templates].index(one.name)
            shape = shape_of(json.loads(file.read_bytes()))
            for choices in ("", shape.choices):
                known = shapes[shape.structure][choices]
                known += [] if place in known else [place]
    for structure, by_choices in shapes.items():
        if len(by_choices[""]) == 1:  # needs no choices to tell them apart
            shapes[structure] = {"": by_choices[""]}
    return {"templates": [*templates.values()], "shapes": shapes}


def main(folders: Iterable[str]) -> int:
    """Write the table and return the exit code."""
    table = json.dumps(table_of(map(Path, folders)), ensure_ascii=False, separators=(",", ":"))
    TABLE.write_bytes(gzip.compress(table.encode(), mtime=0))
    print(f"{TABLE}: {TABLE.stat().st_size // 1000} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
