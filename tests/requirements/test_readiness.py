"""Readiness of servers: what a server lacks for a prompt."""

from __future__ import annotations

from typing import Any

import pytest

from comfy.comfyui.object_info import Catalog
from comfy.requirements.model import Declared, ModelFile, NodePack
from comfy.requirements.readiness import Readiness, UnknownChoice, best_of, is_newer, judge, newest


def _class(inputs: dict[str, Any], *, output_node: bool = False, **more: Any) -> dict[str, Any]:
    return {
        "input": {"required": inputs},
        "output": ["IMAGE"],
        "output_node": output_node,
        "python_module": "nodes",
        **more,
    }


def catalog_of(*models: str, **more: Any) -> Catalog:
    return Catalog(
        {
            "VAELoader": _class({"vae_name": [list(models)]}),
            "Sample": _class({"sampler": [["euler"]], "vae": ["VAE"]}),
            "LoadImage": _class({"image": [["x.png"], {"image_upload": True}]}),
            "CustomCombo": _class({"choice": ["COMBO", {"options": []}]}),
            "Save": _class({"images": ["IMAGE"]}, output_node=True),
            **more,
        }
    )


def node(class_type: str, /, meta: dict[str, str] | None = None, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs, "_meta": meta or {}}


def prompt_of(vae: str = "vae.safetensors", sampler: str = "euler", **more: Any) -> Any:
    return {
        "1": node("VAELoader", vae_name=vae),
        "2": node("Sample", sampler=sampler, vae=["1", 0]),
        "3": node("Save", images=["2", 0]),
        **more,
    }


def test_a_prompt_runs_where_everything_is() -> None:
    """Nothing is missing."""
    assert judge(prompt_of(), catalog_of("vae.safetensors")) == Readiness()
    assert judge(prompt_of(), catalog_of("vae.safetensors")).can_run


def test_a_missing_model_has_its_address() -> None:
    """The app finds it by the file's name in what the graph lists."""
    listed = ModelFile("VAE.safetensors", "vae", "https://example.org/vae.safetensors")
    readiness = judge(prompt_of("sub\\vae.safetensors"), catalog_of(), models=[listed])
    assert readiness.models == (ModelFile("sub/vae.safetensors", "vae", listed.url),)
    assert not readiness.can_run


def test_a_known_loader_tells_the_folder() -> None:
    """The graph needn't list the file."""
    assert judge(prompt_of(), catalog_of("b.safetensors")).models == (
        ModelFile("vae.safetensors", "vae"),
    )


def test_only_nodes_that_feed_a_result_count() -> None:
    """The server doesn't check the others."""
    unused = {"9": node("VAELoader", vae_name="gone.safetensors")}
    assert judge(prompt_of(**unused), catalog_of("vae.safetensors")).can_run


def test_files_to_upload_are_not_missing() -> None:
    """The app uploads them with the run."""
    image = {"9": node("LoadImage", image="gone.png"), "3": node("Save", images=["9", 0])}
    assert judge(prompt_of(**image), catalog_of("vae.safetensors")).can_run


def test_an_empty_list_of_words_allows_any() -> None:
    """CustomCombo takes what its user typed."""
    words = {"9": node("CustomCombo", choice="low"), "3": node("Save", images=["9", 0])}
    assert judge(prompt_of(**words), catalog_of("vae.safetensors")).can_run


def test_another_unknown_choice_is_named() -> None:
    """It is no model to download."""
    readiness = judge(prompt_of(sampler="heun"), catalog_of("vae.safetensors"))
    assert readiness.choices == (UnknownChoice(("2", "sampler"), "heun"),)  # type: ignore[arg-type]
    assert not readiness.can_run


def test_missing_classes_name_their_pack() -> None:
    """Classes without one are listed by name."""
    more = {
        "8": node("Fancy", {"cnr_id": "fancy-pack", "ver": "1.0.0"}),
        "9": node("Odd"),
    }
    readiness = judge(prompt_of(**more), catalog_of("vae.safetensors"))
    assert readiness.packs == (NodePack("fancy-pack", "1.0.0"),)
    assert readiness.classes == ("Odd",)


def test_a_well_known_class_names_its_pack() -> None:
    """The template's own declaration counts first."""
    prompt, catalog = prompt_of(n9=node("ApplyInstantID")), catalog_of("vae.safetensors")
    readiness = judge(prompt, catalog)
    assert (readiness.packs, readiness.classes) == ((NodePack("comfyui_instantid"),), ())
    declared = Declared(packs=(NodePack("own-pack"),))
    assert judge(prompt, catalog, declared=declared).packs == declared.packs


CORE = {"cnr_id": "comfy-core", "ver": "0.41.0"}


@pytest.mark.parametrize(
    ("declared", "server", "expected"),
    [
        ("", "0.33.0", "0.41.0"),
        ("0.43.0", "0.33.0", "0.43.0"),
        ("", "", "0.41.0"),
        ("", "0.50.0", "?"),
        ("", "main-1a2b", "?"),
    ],
)
def test_missing_core_classes_need_a_newer_comfyui(
    declared: str, server: str, expected: str
) -> None:
    """The node's own version tells which one has the class."""
    prompt = prompt_of(n9=node("NewNode", CORE))
    readiness = judge(
        prompt,
        catalog_of("vae.safetensors"),
        declared=Declared(version=declared),
        server_version=server,
    )
    assert (readiness.version, readiness.packs, readiness.classes) == (expected, (), ())


def test_core_classes_are_known_without_their_pack() -> None:
    """Graphs of older editors don't name it."""
    prompt = prompt_of(n9=node("VoxelToMeshBasic"))
    readiness = judge(prompt, catalog_of("vae.safetensors"), server_version="0.3.64")
    assert (readiness.version, readiness.classes) == ("?", ())


def test_a_declared_version_counts_without_missing_classes() -> None:
    """An older ComfyUI can't load newer models with the same nodes."""
    needed = Declared(version="0.39.0")
    catalog = catalog_of("vae.safetensors")
    old = judge(prompt_of(), catalog, declared=needed, server_version="0.33.0")
    new = judge(prompt_of(), catalog, declared=needed, server_version="0.39.0")
    assert (old.version, new.version) == ("0.39.0", "")


def test_a_newer_comfyui_probably_has_unnamed_classes() -> None:
    """Graphs often don't name the pack of ComfyUI's own nodes."""
    prompt = prompt_of(n9=node("NewNode"))
    readiness = judge(
        prompt,
        catalog_of("vae.safetensors"),
        declared=Declared(version="0.39.0"),
        server_version="0.33.0",
    )
    assert (readiness.version, readiness.classes) == ("0.39.0", ())


def test_paid_nodes_cost_credits() -> None:
    """They are known by the catalog, and by name if the server has none."""
    paid = {"3": node("OpenAIDalle3")}
    api = _class({}, output_node=True, api_node=True, python_module="comfy_api_nodes.nodes_openai")
    on = judge(prompt_of(**paid), catalog_of("vae.safetensors", OpenAIDalle3=api))
    off = judge(prompt_of(**paid), catalog_of("vae.safetensors"))
    assert (on.is_paid, on.can_run) == (True, True)
    assert (off.is_paid, off.paid_is_off, off.version, off.can_run) == (True, True, "", False)


def test_a_prompt_without_results_cannot_run() -> None:
    """The server refuses it."""
    assert not judge({"1": prompt_of()["1"]}, catalog_of("vae.safetensors")).can_run


def test_a_required_link_must_be_there() -> None:
    """The server refuses it."""
    prompt = prompt_of()
    del prompt["3"]["inputs"]["images"]
    assert not judge(prompt, catalog_of("vae.safetensors")).can_run


def test_some_classes_accept_any_choice() -> None:
    """They have a substitute for an unknown one."""
    backend = _class({"attention": [["pytorch attention"]]})
    more = {
        "9": node("ModelAttentionBackend", attention="other"),
        "3": node("Save", images=["9", 0]),
    }
    catalog = catalog_of("vae.safetensors", ModelAttentionBackend=backend)
    assert judge(prompt_of(**more), catalog).can_run


def test_the_best_server_decides() -> None:
    """A prompt runs if one of several servers has everything."""
    servers = [judge(prompt_of(), catalog_of(*have)) for have in ((), ("vae.safetensors",))]
    assert best_of(servers).can_run


@pytest.mark.parametrize(
    ("version", "than", "newer"),
    [
        ("0.41.0", "0.33.0", True),
        ("0.4.0", "0.33.0", False),
        ("v0.3.76", "0.3.75", True),
        ("1.0", "0.99.9", True),
        ("0.33.0", "0.33.0", False),
        ("abc", "0.1.0", False),
        ("0.1.0", "", False),
    ],
)
def test_versions_compare_by_number(version: str, than: str, *, newer: bool) -> None:
    """Commits and empty texts compare with nothing."""
    assert is_newer(version, than) is newer


def test_the_newest_version() -> None:
    """Unreadable versions are skipped."""
    assert newest("0.3.9", "", "v0.3.10", "nightly") == "0.3.10"
    assert newest("", "x") == ""
