"""LoRAs of a form's rows, in the prompt that is sent: where an expert would wire them."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import pytest

from comfy.comfyui.object_info import Catalog
from comfy.form.added_nodes import with_added
from comfy.form.build import build_form
from comfy.form.check import check
from comfy.form.fill import fill
from comfy.form.model import Form
from comfy.prompt.model import Prompt, with_inputs
from comfy.workflow.config import FieldConfig, FormConfig
from tests.support.samples.forms import node, small_catalog, text_to_image, workflow_of

FILES = ("ink.safetensors", "wan_high_noise.safetensors", "wan_low_noise.safetensors")
INK = {"on": True, "lora": FILES[0], "strength": 0.8}
KEY = "loras.rows"


def loader(**inputs: object) -> dict[str, Any]:
    """Return a class that takes models, with its choices, and gives a model."""
    required = {name: [one] if isinstance(one, str) else [[*one]] for name, one in inputs.items()}  # type: ignore[call-overload]
    return {"input": {"required": required}, "output": ["MODEL"], "output_name": ["MODEL"]}


def catalog(files: tuple[str, ...] = FILES) -> Catalog:
    raw = dict(small_catalog().raw)
    own = raw["LoraLoader"]["input"]["required"]
    raw["LoraLoader"] = {
        **raw["LoraLoader"],
        "input": {"required": {**own, "lora_name": [[*files]]}},
    }
    raw["UNETLoader"] = loader(unet_name=["wan_high_noise_14B.safetensors", "wan_low_noise.sft"])
    raw["LoraLoaderModelOnly"] = loader(model="MODEL", lora_name=files, strength_model="FLOAT")
    raw["Power Lora Loader (rgthree)"] = loader(model="MODEL", clip="CLIP")
    raw["ModelSamplingSD3"] = loader(model="MODEL", shift="FLOAT")
    return Catalog(raw)


def form_of(prompt: Prompt, config: FormConfig | None = None) -> tuple[Any, Form]:
    workflow, fitted = with_added(workflow_of(prompt, config), catalog())
    return workflow, build_form(workflow, fitted)


def sent(prompt: Prompt, *rows: Mapping[str, object]) -> Prompt:
    """Return the prompt that a form sends with these rows."""
    workflow, form = form_of(prompt)
    clean, errors = check(form, {KEY: [*rows]})
    assert not errors
    filled, used = fill(workflow, form, clean, random.Random(1))
    assert used[KEY] == [*rows]
    return filled


def wired(prompt: Prompt, *loras: tuple[str, Any], **moved: Any) -> Prompt:
    """Return the prompt with nodes from 10 on, and links of `node_input` moved to them."""
    changed = dict(prompt)
    for place, link in moved.items():
        key, _, name = place.removeprefix("n").partition("_")
        changed[key] = with_inputs(changed[key], {**changed[key]["inputs"], name: link})
    return changed | dict(loras)


def lora(file: str, strength: float, **source: Any) -> Any:
    kind = "LoraLoader" if "clip" in source else "LoraLoaderModelOnly"
    more = {"strength_clip": strength} if "clip" in source else {}
    inputs = {**source, "lora_name": file, "strength_model": strength, **more}
    return node(kind, f"LoRA {file}", **inputs)


def test_a_lora_stands_behind_the_loader() -> None:
    """The text encoders get its CLIP. Two rows follow each other in their order."""
    prompt = text_to_image()
    other = {**INK, "lora": FILES[1], "strength": -0.5}
    assert sent(prompt, INK, other) == wired(
        prompt,
        ("10", lora(FILES[0], 0.8, model=["4", 0], clip=["4", 1])),
        ("11", lora(FILES[1], -0.5, model=["10", 0], clip=["10", 1])),
        n3_model=["11", 0],
        n6_clip=["11", 1],
        n7_clip=["11", 1],
    )


def test_without_rows_nothing_changes() -> None:
    """Neither do rows that are off, or have a strength of 0."""
    prompt = text_to_image()
    plain, _ = fill(workflow_of(prompt), build_form(workflow_of(prompt), catalog()), {}, rng())
    for rows in ((), ({**INK, "on": False},), ({**INK, "strength": 0},)):
        assert [*sent(prompt, *rows).items()] == [*plain.items()]


def rng() -> random.Random:
    return random.Random(1)


def test_each_branch_has_its_own() -> None:
    """A sampler with the author's LoRA, and one without: each gets the model with the row's LoRA,
    and the CLIP of its branch."""
    own = {"lora_name": FILES[1], "strength_model": 1.0, "strength_clip": 1.0}
    prompt = text_to_image(n12=node("LoraLoader", model=["4", 0], clip=["4", 1], **own))
    prompt = wired(prompt, n7_clip=["12", 1])
    second = with_inputs(prompt["3"], {**prompt["3"]["inputs"], "model": ["12", 0]})
    save = node("SaveImage", filename_prefix="b", images=["31", 0])
    prompt |= {"30": second, "31": node("VAEDecode", samples=["30", 0], vae=["4", 2]), "32": save}
    assert sent(prompt, INK) == wired(
        prompt,
        ("33", lora(FILES[0], 0.8, model=["4", 0], clip=["4", 1])),
        ("34", lora(FILES[0], 0.8, model=["12", 0], clip=["12", 1])),
        n3_model=["33", 0],
        n6_clip=["33", 1],
        n30_model=["34", 0],
        n7_clip=["34", 1],
    )


def test_it_stands_between_the_authors_lora_and_a_patch() -> None:
    prompt = text_to_image(
        n12=node(
            "LoraLoader",
            model=["4", 0],
            clip=["4", 1],
            lora_name=FILES[1],
            strength_model=1.0,
            strength_clip=1.0,
        ),
        n13=node("ModelSamplingSD3", model=["12", 0], shift=3.0),
    )
    prompt = wired(prompt, n3_model=["13", 0], n6_clip=["12", 1], n7_clip=["12", 1])
    assert sent(prompt, INK) == wired(
        prompt,
        ("14", lora(FILES[0], 0.8, model=["12", 0], clip=["12", 1])),
        n13_model=["14", 0],
        n6_clip=["14", 1],
        n7_clip=["14", 1],
    )


HIGH, LOW = "wan_high_noise_14B.safetensors", "wan_low_noise.sft"


def two_models() -> Prompt:
    """Return a prompt with two models, and the CLIP of another loader."""
    plain = text_to_image()
    return plain | {
        "3": with_inputs(plain["3"], {**plain["3"]["inputs"], "model": ["21", 0]}),
        "8": with_inputs(plain["8"], {**plain["8"]["inputs"], "samples": ["30", 0]}),
        "20": node("UNETLoader", unet_name=HIGH),
        "21": node("ModelSamplingSD3", model=["20", 0], shift=5.0),
        "22": node("UNETLoader", unet_name=LOW),
        "30": with_inputs(
            plain["3"],
            {**plain["3"]["inputs"], "model": ["22", 0], "latent_image": ["3", 0]},
        ),
    }


@pytest.mark.parametrize(
    ("row", "high", "low"),
    [
        ({}, FILES[0], FILES[0]),
        ({"model": "wan_low_noise"}, "", FILES[0]),
        ({"lora": FILES[1]}, FILES[1], FILES[2]),
        ({"lora": FILES[1], "model": "wan_high_noise_14B"}, FILES[1], ""),
    ],
)
def test_a_row_is_for_both_models_or_one(row: dict[str, Any], high: str, low: str) -> None:
    """Models are named by their files if their loaders have no titles. Files for high and low noise
    go to the model of that name, each with the other one."""
    prompt = two_models()
    filled = sent(prompt, {**INK, "model": "all", **row})
    added = {key: one for key, one in filled.items() if key not in prompt}
    used = {one["inputs"]["model"][0]: one["inputs"]["lora_name"] for one in added.values()}
    assert used == {key: file for key, file in (("20", high), ("22", low)) if file}
    assert {one["class_type"] for one in added.values()} == {"LoraLoaderModelOnly"}
    assert (filled["21"]["inputs"]["model"] == ["20", 0]) is not bool(high)
    assert (filled["30"]["inputs"]["model"] == ["22", 0]) is not bool(low)
    assert filled["6"] == prompt["6"], "the CLIP of another loader stays"


def test_the_field_is_advanced_and_the_author_can_hide_it() -> None:
    _, form = form_of(text_to_image())
    field = form.field(KEY)
    assert (field.label, field.widget, field.group, field.default) == (
        "LoRAs",
        "rows",
        "advanced",
        [],
    )
    assert [one.key for one in field.columns] == ["on", "lora", "strength"]
    hide = FormConfig(fields=(FieldConfig(KEY, hidden=True),), others="auto")
    _, form = form_of(text_to_image(), hide)
    assert (form.field(KEY).group, form.problems) == ("hidden", ())


def test_forms_without_use_for_it_have_none() -> None:
    """Without a sampler, without a LoRA on the server, or if the author made such rows."""
    images = {"1": node("LoadImage", image="a.png"), "2": node("SaveImage", images=["1", 0])}
    _, form = form_of(images)
    assert all(one.key != KEY for one in form.fields)
    workflow = workflow_of(text_to_image())
    assert with_added(workflow, catalog(()))[0] == workflow
    power = node("Power Lora Loader (rgthree)", model=["4", 0], clip=["4", 1])
    _, form = form_of(wired(text_to_image(n12=power), n3_model=["12", 0], n6_clip=["12", 1]))
    assert [one.key for one in form.fields if one.widget == "rows"] == ["12.loras"]
