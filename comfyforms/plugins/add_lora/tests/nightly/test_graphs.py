"""Rows in many graphs of other people: the nodes and links that the prompt gets fit the classes of
two versions of ComfyUI."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from comfy.base.errors import ComfyError
from comfy.comfyui.object_info import Catalog
from comfy.form.added_nodes import with_added
from comfy.form.build import build_form
from comfy.form.fill import fill
from comfy.prompt.model import Prompt, links
from comfy.workflow.model import Workflow, read_workflow
from tests.support.samples.forms import node, small_catalog, text_to_image, workflow_of

FILE = "ink.safetensors"
ROW = {"on": True, "lora": FILE, "strength": 0.8}


def with_lora(catalog: Catalog) -> Catalog:
    """Return a catalog whose server has one LoRA."""
    raw = dict(catalog.raw)
    for name in ("LoraLoader", "LoraLoaderModelOnly"):
        required = raw[name]["input"]["required"] if name in raw else {}
        given = {**required, "lora_name": [[FILE], {}]}
        raw[name] = {**raw.get(name, {}), "input": {"required": given}}
    return Catalog(raw)


def wrong_parts(prompt: Prompt, catalog: Catalog) -> set[str]:
    """Return what ComfyUI would refuse among the links and required inputs of known classes."""
    found = set()
    for key, content in prompt.items():
        spec = catalog.get(content["class_type"])
        if spec is None:
            continue
        required = catalog.raw[content["class_type"]]["input"].get("required") or {}
        found |= {f"{key} lacks {name}" for name in required.keys() - content["inputs"].keys()}
        for name, link in links(content):
            source = prompt.get(link.node)
            giver = source and catalog.get(source["class_type"])
            taken = spec.by_name.get(name)
            if source is None:
                found.add(f"{key}.{name} leads nowhere")
            elif giver and taken and link.slot < len(giver.output_types):
                given = giver.output_types[link.slot]
                if taken.type in ("MODEL", "CLIP") and given != taken.type:
                    found.add(f"{key}.{name} takes {taken.type} and gets {given}")
    return found


def rewired(workflow: Workflow, catalog: Catalog) -> tuple[Prompt, Prompt] | None:
    """Return a prompt without and with a row; None if its form has no rows."""
    added, fitted = with_added(workflow, catalog)
    if "loras" not in added.prompt or "loras" in workflow.prompt:
        return None
    form = build_form(added, fitted)
    if all(one.key != "loras.rows" for one in form.fields):
        return None
    plain, _ = fill(added, form, {}, random.Random(1))
    styled, _ = fill(added, form, {"loras.rows": [ROW]}, random.Random(1))
    return plain, styled


def check_one(plain: Prompt, styled: Prompt, catalog: Catalog) -> None:
    new = [one for key, one in styled.items() if key not in plain]
    assert new
    assert {one["class_type"] for one in new} <= {"LoraLoader", "LoraLoaderModelOnly"}
    assert wrong_parts(styled, catalog) <= wrong_parts(plain, catalog)
    users = [name for one in styled.values() for _, name in links(one)]
    for key in styled.keys() - plain.keys():
        assert any(link.node == key for link in users), f"{key} has no use"


@pytest.mark.parametrize("version", ["0.33.0", "0.3.64"])
def test_public_graphs_stay_valid(shared: Path, version: str) -> None:
    """Nothing is wrong with the prompt that wasn't wrong before, and each new node has a use."""
    catalog = with_lora(Catalog.read(shared / "comfyui" / f"object_info-{version}.json.gz"))
    checked = 0
    for file in sorted((shared / "workflows/gui_to_api/api").glob("*.json")):
        try:
            pair = rewired(read_workflow(file), catalog)
        except ComfyError:
            continue
        if pair:
            check_one(*pair, catalog)
            checked += 1
    assert checked >= 30


def test_our_own_graph_stays_valid() -> None:
    """Without and with the author's LoRA."""
    catalog = with_lora(small_catalog())
    own = {"lora_name": FILE, "strength_model": 1.0, "strength_clip": 1.0}
    lora = node("LoraLoader", model=["4", 0], clip=["4", 1], **own)
    for prompt in (text_to_image(), text_to_image(n12=lora)):
        pair = rewired(workflow_of(prompt), catalog)
        assert pair
        check_one(*pair, catalog)
