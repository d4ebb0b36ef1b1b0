"""Verdicts about templates, compared with the server's own answer to their prompts.

With COMFYUI_URL, all templates of a real server are compared; a few hundred take some minutes. With
COMFYUI_TEMPLATES, the templates in this folder, too, such as the newest package's.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests

from comfy.base.json_values import read_json
from comfy.comfyui.client.client import Client
from comfy.comfyui.object_info import Catalog
from comfy.prompt.model import Prompt
from comfy.requirements.model import file_key
from comfy.requirements.readiness import Readiness, judge
from comfy.templates.index import Template, templates_in
from comfy.templates.server import ServerTemplates
from comfy.workflow.model import open_workflow
from comfy.workflow.resolve import on_server
from comfyui_standin import DemoServer, folder_templates
from tests.support.serving import WORKFLOWS
from tests.support.waiting import LONGEST_WAIT


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    """Connect to the tested server."""
    with ExitStack() as stack:
        url = os.environ.get("COMFYUI_URL")
        if not url:
            offered = folder_templates(WORKFLOWS)
            url = stack.enter_context(DemoServer(step_seconds=0, templates=offered)).url
        yield stack.enter_context(Client(url.rstrip("/")))


def test_verdicts_agree_with_the_server(client: Client) -> None:
    """A template runs now exactly if the server accepts its prompt."""
    server = ServerTemplates(client)
    listing = server.listing()
    assert listing.templates
    read = ((one, server.read(one)) for one in listing.templates)
    differing = [*_disagreements(client, listing.version, read)]
    assert not differing, "\n".join(differing)


@pytest.mark.skipif("COMFYUI_TEMPLATES" not in os.environ, reason="needs a folder of templates")
def test_verdicts_about_other_templates_agree(client: Client) -> None:
    """A newer package has templates that need a newer ComfyUI."""
    folder = Path(os.environ["COMFYUI_TEMPLATES"])
    templates = templates_in(read_json((folder / "index.json").read_text("utf-8")))
    read = ((one, (folder / f"{one.name}.json").read_bytes()) for one in templates)
    version = ServerTemplates(client).listing().version
    differing = [*_disagreements(client, version, read)]
    assert not differing, "\n".join(differing)


def _disagreements(
    client: Client, version: str, templates: Iterator[tuple[Template, bytes]]
) -> Iterator[str]:
    catalog = Catalog(client.object_info())
    for template, data in templates:
        workflow = on_server(open_workflow(f"{template.name}.json", data), catalog)
        found = judge(
            workflow.prompt,
            catalog,
            models=workflow.models,
            declared=template.declared,
            server_version=version,
        )
        refused = _refused(client, workflow.prompt, catalog)
        if problem := _problem(found, refused, workflow.prompt):
            yield f"{template.id}: {problem}"


def _problem(found: Readiness, refused: list[dict[str, Any]], prompt: Prompt) -> str:
    """Return how a verdict differs from the server's answer, "" if it doesn't."""
    is_missing_class = any(one["type"] == "missing_node_type" for one in refused)
    if found.can_run and refused:
        return f"should run, but the server says {refused}"
    if found.version:  # declared by its author; the server may accept it and fail later
        return ""
    if (found.packs or found.classes) and not is_missing_class:
        return "the server has all classes"
    values = {
        file_key(str(prompt[one["node"]]["inputs"].get(one["input"])))
        for one in refused
        if one["type"] == "value_not_in_list"
    }
    missing = {one.key for one in found.models} | {file_key(one.value) for one in found.choices}
    if not is_missing_class and missing != values:
        return f"lacks {sorted(missing)}, but the server lacks {sorted(values)}"
    if not found.can_run and not refused:
        return f"should not run: {found}"
    return ""


def _refused(client: Client, prompt: Prompt, catalog: Catalog) -> list[dict[str, Any]]:
    """Return the server's reasons to refuse a prompt, without files to upload. An accepted prompt
    is removed again."""
    body = {"prompt": prompt, "prompt_id": str(uuid.uuid4())}
    answer = requests.post(
        f"{client.address.url}/prompt", data=json.dumps(body), timeout=LONGEST_WAIT
    )
    told = answer.json()
    if answer.ok:
        client.cancel(told["prompt_id"])
    reasons = [
        {"node": node_id, "input": error.get("extra_info", {}).get("input_name"), **error}
        for node_id, errors in told.get("node_errors", {}).items()
        for error in errors["errors"]
    ]
    first = told.get("error") or {}
    if first.get("type") == "missing_node_type":
        reasons.append(first)
    return [one for one in reasons if not _is_about_a_file(one, prompt, catalog)]


def _is_about_a_file(reason: dict[str, Any], prompt: Prompt, catalog: Catalog) -> bool:
    """Return whether a reason is about a file that the app uploads before it sends the prompt."""
    if reason["type"] == "custom_validation_failed":  # its input's name may be another one's
        return True
    if reason["type"] != "value_not_in_list":
        return False
    node = prompt[reason["node"]]
    spec = catalog[node["class_type"]].active_inputs(node["inputs"]).get(str(reason["input"]))
    return spec is not None and spec.upload is not None
