"""A prompt's needs, and the combined offer of several servers."""

from __future__ import annotations

from typing import Any

from comfy.comfyui.object_info import Catalog
from comfy.comfyui.servers.needs import Needs
from comfy.comfyui.servers.pool import merged
from comfy.prompt.model import InputRef, Prompt


def node(**inputs: Any) -> dict[str, Any]:
    return {"input": {"required": inputs}, "output": [], "output_node": True}


ALL: dict[str, Any] = {
    "Load": node(file=[["a.safetensors", "b.safetensors"], {}], scale=["FLOAT", {"max": 2.0}]),
    "Image": node(image=[["example.png"], {"image_upload": True}]),
    "Save": node(format=["COMBO", {"options": ["png", "webp"]}]),
}


def prompt(file: str = "a.safetensors", image: str = "example.png", fmt: str = "png") -> Prompt:
    return {
        "1": {"class_type": "Load", "inputs": {"file": file, "scale": 1.5}},
        "2": {"class_type": "Image", "inputs": {"image": image}},
        "3": {"class_type": "Save", "inputs": {"format": fmt, "images": ["2", 0]}},
    }


def test_a_server_needs_every_node_and_every_choice() -> None:
    """The check reads both formats of a choice list. Links and numbers don't count as choices."""
    nodes = Catalog(ALL)
    assert Needs(prompt()).met_by(nodes)
    assert not Needs(prompt(file="c.safetensors")).met_by(nodes)
    assert not Needs(prompt(fmt="gif")).met_by(nodes)
    assert not Needs(prompt()).met_by(Catalog({"Load": ALL["Load"], "Save": ALL["Save"]}))


def test_inputs_that_a_server_defines_differently_are_counted() -> None:
    """An input counts if the server doesn't know it, requires it in addition, or has another type
    or limit for it. A link of another type counts too."""
    maker = node() | {"output": ["IMAGE"]}

    def unfit_inputs(**inputs: Any) -> int:
        nodes = {"Make": maker, "Load": node(**inputs)}
        return Needs(
            {
                "1": {"class_type": "Make", "inputs": {}},
                "2": {"class_type": "Load", "inputs": {"scale": 1.5, "image": ["1", 0]}},
            }
        ).unfit_inputs(Catalog(nodes))

    number, image = ["FLOAT", {"max": 2.0}], ["IMAGE"]
    assert unfit_inputs(scale=number, image=image) == 0
    assert unfit_inputs(scale=["*"], image=["IMAGE,MASK"]) == 0
    assert unfit_inputs(image=image) == 1
    assert unfit_inputs(scale=number, image=image, more=["INT"]) == 1
    assert unfit_inputs(scale=["INT"], image=image) == 1
    assert unfit_inputs(scale=[[1.5, 2.5]], image=image) == 0
    assert unfit_inputs(scale=[[1, 2]], image=image) == 1
    assert unfit_inputs(scale=["FLOAT", {"max": 1}], image=["LATENT"]) == 2


def test_an_uploaded_file_need_not_be_on_the_server() -> None:
    """The app uploads a user's file to the server that runs the prompt. It doesn't copy a file that
    only one server has."""
    nodes = Catalog(ALL)
    assert not Needs(prompt(image="mine.png")).met_by(nodes)
    assert Needs(prompt(image="mine.png"), [InputRef("2", "image")]).met_by(nodes)


def test_needs_are_checked_against_each_new_catalog() -> None:
    """A server may have another model at the next check."""
    needs, more = Needs(prompt(file="c.safetensors")), dict(ALL)
    assert not needs.met_by(Catalog(ALL))
    more["Load"] = node(file=[["c.safetensors"], {}])
    assert needs.met_by(Catalog(more))


def test_several_servers_offer_their_combined_choices() -> None:
    """The servers offer their combined choices, in either list format, and their combined nodes.
    The first server decides the rest. The given catalogs don't change."""
    other = {
        "Load": node(file=[["b.safetensors", "c.safetensors"], {}], scale=["FLOAT", {"max": 9.0}]),
        "Save": node(format=["COMBO", {"options": ["gif"], "default": "gif"}]),
        "Other": node(),
    }
    both = Catalog(merged([ALL, other]))
    assert list(both) == ["Load", "Image", "Save", "Other"]
    assert both["Load"].by_name["file"].choices == (
        "a.safetensors",
        "b.safetensors",
        "c.safetensors",
    )
    assert both["Load"].by_name["scale"].options == {"max": 2.0}
    assert both["Save"].by_name["format"].choices == ("png", "webp", "gif")
    assert merged([ALL]) == ALL
    assert Catalog(ALL)["Load"].by_name["file"].choices == ("a.safetensors", "b.safetensors")


def test_malformed_node_descriptions_are_ignored() -> None:
    """A node's description can be anything, for example part of a proxy's page."""
    strange = {"Load": "nothing", "Save": {"input": {"required": {"format": 3}}}, "X": None}
    assert Catalog(merged([ALL, strange]))["Save"].by_name["format"].choices == ("png", "webp")
    assert "Load" in Catalog(merged([strange, ALL]))
