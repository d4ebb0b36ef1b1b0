"""`python -m comfy convert GRAPH…`: convert graphs saved by the editor to prompts in API format."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from comfy.base.errors import ComfyError, WorkflowError
from comfy.base.json_values import NotJson, TooDeep, read_json
from comfy.cli.options import add_catalog_arguments, opened_catalogs
from comfy.comfyui.object_info import Catalog
from comfy.graph.convert import Converted, convert
from comfy.prompt.server_names import with_server_names
from comfy.prompt.text_replacements import replace_prefixes
from comfy.workflow.extract import documents, file_text, find_workflow_in

_MAX_BYTES = 64 * 1024 * 1024
_NOTHING_TO_DO = "it is already a prompt in API format, so there is nothing to convert."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "graphs",
        nargs="+",
        type=Path,
        metavar="GRAPH",
        help="workflow file saved by the editor, or a media file that contains one",
    )
    add_catalog_arguments(parser)
    parser.add_argument(
        "--out", type=Path, default=Path(), metavar="DIR", help="folder to write to (default: here)"
    )


def main(args: argparse.Namespace) -> int:
    """Write a prompt for each graph. Return 1 if any graph couldn't be converted, 2 without a
    catalog or a writable folder."""
    try:
        with opened_catalogs(args) as catalogs:  # a stand-in's guesses don't belong in a prompt
            catalog = catalogs.get()
        args.out.mkdir(parents=True, exist_ok=True)
    except ComfyError as error:
        _say(error)
        return 2
    except OSError as error:
        print(f"{args.out}: {error.strerror or error}.", file=sys.stderr)
        return 2
    failed = 0
    written: dict[Path, Path] = {}
    for path in args.graphs:
        target = args.out / f"{path.stem}.json"
        try:
            _refuse_overwriting(path, target, written)
            converted = _convert(path, catalog)
            prompt = with_server_names(converted.prompt, catalog)
            prompt, _ = replace_prefixes(prompt, converted.names)  # as in the editor's own export
            target.write_text(json.dumps(prompt, ensure_ascii=False, indent=2), encoding="utf-8")
            written[target] = path
            _name_missing(path, converted)
        except ComfyError as error:
            failed += 1
            _say(error, f"{path}: ")
        except OSError as error:
            failed += 1
            where = "" if str(error.filename) == str(path) else f"{error.filename or target}: "
            print(f"{path}: {where}{error.strerror or error}.", file=sys.stderr)
    return 1 if failed else 0


def _convert(path: Path, catalog: Catalog) -> Converted:
    graph = _saved(path) if path.suffix.lower() == ".json" else find_workflow_in(path).graph
    if graph is None:
        raise WorkflowError(_NOTHING_TO_DO)
    return convert(graph, catalog)


def _saved(path: Path) -> object:
    if path.stat().st_size > _MAX_BYTES:
        raise WorkflowError(f"it is too large for a workflow (more than {_MAX_BYTES >> 20} MB).")
    try:
        data = read_json(file_text(path.read_bytes()))
    except (NotJson, TooDeep) as error:
        raise WorkflowError(
            "it is not JSON.", hint="Save the workflow in ComfyUI and use that file."
        ) from error
    by_kind = {document.kind: document.data for document in reversed(list(documents(data)))}
    if "prompt" in by_kind and "graph" not in by_kind:
        raise WorkflowError(_NOTHING_TO_DO)
    return by_kind.get("graph", data)


def _refuse_overwriting(path: Path, target: Path, written: Mapping[Path, Path]) -> None:
    if target in written:
        raise WorkflowError(
            f"{target} already contains the prompt of {written[target]}.",
            hint="Rename one of the two files.",
        )
    if target.exists() and path.exists() and target.samefile(path):
        raise WorkflowError(
            "the prompt would replace the graph.", hint="Choose another folder with --out DIR."
        )


def _name_missing(path: Path, converted: Converted) -> None:
    for missing in converted.missing:
        nodes = ", ".join(missing.nodes[:10]) + (", …" if len(missing.nodes) > 10 else "")
        pack = f" (from {missing.pack})" if missing.pack else ""
        print(
            f"{path}: the server has no node “{missing.class_type}”{pack}, used by {nodes}.",
            file=sys.stderr,
        )


def _say(error: ComfyError, before: str = "") -> None:
    print(before + " ".join(part for part in (str(error), error.hint) if part), file=sys.stderr)
