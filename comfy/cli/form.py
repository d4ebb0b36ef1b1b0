"""`python -m comfy form WORKFLOW`: print a workflow's form, as JSON or as a readable table."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from comfy.base.errors import ComfyError
from comfy.cli.options import OWNER, WORKFLOW, add_catalog_arguments, forms_of, opened_catalogs
from comfy.form.model import Field, Form
from comfy.workflow.model import read_workflow


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "workflow",
        type=Path,
        metavar="WORKFLOW",
        help="workflow file, or a media file that contains one",
    )
    add_catalog_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print the form as JSON")


def main(args: argparse.Namespace) -> int:
    """Print the form. Return 0, even for a form with problems; 2 if the workflow or the catalog is
    unreadable."""
    try:
        workflow = read_workflow(args.workflow)
        with opened_catalogs(args) as catalogs:
            _, form = forms_of(workflow, catalogs).form(WORKFLOW, OWNER)
    except ComfyError as error:
        print(" ".join(part for part in (str(error), error.hint) if part), file=sys.stderr)
        return 2
    if args.json:
        print(json.dumps(form.to_json(), ensure_ascii=False, indent=2))
    else:
        print("\n".join(_table(form)))
    return 0


def _table(form: Form) -> Iterator[str]:
    yield form.title
    if form.description:
        yield form.description
    for group in ("main", "advanced"):
        fields = [field for field in form.fields if field.group == group]
        if fields:
            yield f"\n{group.capitalize()}"
            yield from _rows(fields)
    hidden = sum(field.group == "hidden" for field in form.fields)
    if hidden:
        yield f"\n{hidden} more hidden"
    outputs = ", ".join(
        f"{one.label} ({'preview' if one.is_preview else one.kind})" for one in form.outputs
    )
    yield f"\nResults: {outputs or 'none'}"
    yield from (f"! {problem}" for problem in form.problems)
    yield from (f"- {note.said}" for note in form.notes)


def _rows(fields: list[Field]) -> Iterator[str]:
    width = max(len(field.label) for field in fields)
    keys = max(len(field.key) for field in fields)
    for field in fields:
        value = " ".join(str(field.default)[:200].split())
        value = value if len(value) <= 60 else f"{value[:59]}…"
        yield f"  {field.label:<{width}}  {field.key:<{keys}}  {field.widget:<8}  {value}"
