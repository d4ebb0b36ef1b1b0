"""Write the stand-in's table of ComfyUI's classes: `python -m tools.class_table SOURCE`.

SOURCE is the address of a ComfyUI server without custom nodes, or a file with its /object_info.
The table has facts only: names, types, limits, defaults, choices and outputs. It has no help texts,
no default prompts and no prices. `--templates` names a folder of ComfyUI's templates: choices that
they use and the server doesn't know belong to newer servers, and are added.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from comfy.base.errors import WorkflowError
from comfy.comfyui.object_info import Catalog
from comfy.workflow.model import read_workflow
from comfy.workflow.resolve import on_server
from comfyui_standin.anything.facts import TABLE, is_file_list

# fmt: off
_OPTIONS = frozenset(
    {
        "default", "min", "max", "step", "round",
        "options", "multiline", "multiselect", "control_after_generate", "dynamicPrompts",
        "forceInput", "socketless", "template", "hidden", "image_upload",
        "video_upload", "audio_upload", "file_upload", "display", "lazy",
        "advanced", "widgetType", "image_folder", "component", "label_on",
        "label_off", "display_name", "allowed_types", "template_id", "prefix",
        "names", "key", "inputs", "input", "required",
        "optional",
    }
)
# fmt: on
_OWN = (  # what clients need of an entry besides its inputs and outputs
    ("display_name", "title"),
    ("category", "category"),
    ("python_module", "module"),
    ("output_node", "saves"),
    ("is_input_list", "takes_lists"),
    ("deprecated", "deprecated"),
    ("experimental", "experimental"),
    ("api_node", "paid"),
)
_MOST_NUMBERS = 8  # that become choices
_LONGEST_DEFAULT = 30  # characters: a longer one is a prompt


def table_of(object_info: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the facts of all classes by name."""
    return {name: _facts(name, entry) for name, entry in sorted(object_info.items())}


def _facts(name: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    facts: dict[str, Any] = {"in": _groups(entry["input"]), "out": entry["output"]}
    if entry["output_name"] != entry["output"]:
        facts["names"] = entry["output_name"]
    if any(entry["output_is_list"]):
        facts["lists"] = entry["output_is_list"]
    facts |= {short: entry[key] for key, short in _OWN if entry.get(key) not in (None, False, "")}
    if facts.get("title") == name:
        del facts["title"]
    return facts


def _groups(groups: Mapping[str, Any]) -> dict[str, Any]:
    return {
        group: {name: _spec(name, config) for name, config in groups[group].items()}
        for group in ("required", "optional")
        if groups.get(group)
    }


def _spec(name: str, config: list[Any]) -> list[Any]:
    kind, options = config[0], _options(config[1]) if len(config) > 1 else {}
    if is_file_list(name, config):  # this server's own files
        kind = [] if isinstance(kind, list) else kind
        options |= {"options": []} if "options" in options else {}
        options.pop("default", None)
    return [kind, options] if options else [kind]


def _options(given: Mapping[str, Any]) -> dict[str, Any]:
    options = {key: value for key, value in given.items() if key in _OPTIONS and value is not False}
    if given.get("default") is False:
        options["default"] = False
    default = options.get("default")
    is_text = isinstance(default, str) and "options" not in options
    if is_text and (len(default) > _LONGEST_DEFAULT or "\n" in default):
        options["default"] = ""
    match options.get("options"):
        case [{"inputs": _}, *_] as listed:
            options["options"] = [
                {"key": one["key"], "inputs": _groups(one["inputs"])} for one in listed
            ]
    if isinstance(template := options.get("template"), dict):
        options["template"] = (
            _groups(template)
            if "required" in template
            else {
                key: _groups(value) if key == "input" else value for key, value in template.items()
            }
        )
    return options


def _read(source: str) -> dict[str, Any]:
    if source.startswith(("http:", "https:")):
        with urllib.request.urlopen(f"{source.rstrip('/')}/object_info", timeout=120) as answer:
            data = answer.read()
    else:
        data = Path(source).read_bytes()
        data = gzip.decompress(data) if source.endswith(".gz") else data
    return dict(json.loads(data))


def add_choices(object_info: Mapping[str, Mapping[str, Any]], templates: Path) -> None:
    """Add the choices that templates use. A number that a template replaces by a word is a choice
    on newer servers."""
    for file in sorted(templates.rglob("*.json")):
        try:
            prompt = on_server(read_workflow(file), Catalog(object_info)).prompt
        except WorkflowError:
            continue
        for node in prompt.values():
            if node["class_type"] in object_info:
                _add_to(object_info[node["class_type"]]["input"], "", node["inputs"])


def _add_to(groups: Mapping[str, Any], prefix: str, values: Mapping[str, object]) -> None:
    for group in ("required", "optional"):
        for name, config in groups.get(group, {}).items():
            value = values.get(f"{prefix}{name}")
            if config[0] != "COMFY_DYNAMICCOMBO_V3":
                _add_choice(name, config, value)
                continue
            for option in config[1]["options"]:
                if option["key"] == value:
                    _add_to(option["inputs"], f"{prefix}{name}.", values)


def _add_choice(name: str, config: list[Any], value: object) -> None:
    if not isinstance(value, str) or is_file_list(name, config):
        return
    if config[0] == "INT" and value.isalpha():
        low, high, step = (config[1].get(key, 1) for key in ("min", "max", "step"))
        numbers = [*range(low, high + 1, step)][:_MOST_NUMBERS]
        config[:] = ["COMBO", {"default": config[1].get("default"), "options": [value, *numbers]}]
    choices = config[0] if isinstance(config[0], list) else config[-1].get("options", [])
    is_combo = isinstance(config[0], list) or config[0] == "COMBO"
    if is_combo and choices and value and value not in choices:
        choices.append(value)


def main() -> int:
    """Write the table and print how many classes it has."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", help="address of a server, or a file with its /object_info")
    parser.add_argument("--templates", type=Path, help="folder of ComfyUI's workflow templates")
    args = parser.parse_args()
    object_info = _read(args.source)
    if args.templates:
        add_choices(object_info, args.templates)
    table = table_of(object_info)
    lines = (f"{json.dumps(name)}:{_compact(facts)}" for name, facts in table.items())
    TABLE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(f"{len(table)} classes, {TABLE.stat().st_size / 1024:.0f} KiB: {TABLE.name}")
    return 0


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


if __name__ == "__main__":
    sys.exit(main())
