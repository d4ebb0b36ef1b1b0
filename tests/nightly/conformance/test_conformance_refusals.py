"""The server's refusals and their messages."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from comfyui_standin.nodes.base import RawPrompt
from tests.support.speaking import Listener, ServerUnderTest, fresh_prompt, submit


def refused(server: ServerUnderTest, prompt: object, **more: Any) -> dict[str, Any]:
    """Submit a prompt that must be refused, and return the answer."""
    answer = server.post("/prompt", {"prompt": prompt, **more})
    assert answer.status_code == 400, answer.text
    body = answer.json()
    assert {"type", "message", "details", "extra_info"} <= body["error"].keys()
    return body


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake in a prompt, and the server's error for it."""

    make: Callable[[RawPrompt], object]
    node: str
    type: str
    input: str | None
    keys: frozenset[str] = frozenset({"input_name", "input_config", "received_value"})


MISTAKES = {
    "a model that is not there": Mistake(
        lambda prompt: prompt["4"]["inputs"].update(ckpt_name="nowhere.safetensors"),
        "4",
        "value_not_in_list",
        "ckpt_name",
    ),
    "a missing input": Mistake(
        lambda prompt: prompt["3"]["inputs"].pop("cfg"),
        "3",
        "required_input_missing",
        "cfg",
        frozenset({"input_name"}),
    ),
    "a number too small": Mistake(
        lambda prompt: prompt["3"]["inputs"].update(steps=0), "3", "value_smaller_than_min", "steps"
    ),
    "a number too large": Mistake(
        lambda prompt: prompt["3"]["inputs"].update(denoise=3.0),
        "3",
        "value_bigger_than_max",
        "denoise",
    ),
    "a word for a number": Mistake(
        lambda prompt: prompt["5"]["inputs"].update(width="wide"),
        "5",
        "invalid_input_type",
        "width",
        frozenset({"input_name", "input_config", "received_value", "exception_message"}),
    ),
    "a link of the wrong type": Mistake(
        lambda prompt: prompt["8"]["inputs"].update(samples=["4", 2]),
        "8",
        "return_type_mismatch",
        "samples",
        frozenset({"input_name", "input_config", "received_type", "linked_node"}),
    ),
    "a link to nowhere": Mistake(
        lambda prompt: prompt["8"]["inputs"].update(samples=["99", 0]),
        "8",
        "exception_during_inner_validation",
        "images",
        frozenset(
            {"input_name", "exception_type", "exception_message", "traceback", "linked_node"}
        ),
    ),
    "a list that is no link": Mistake(
        lambda prompt: prompt["8"]["inputs"].update(samples=["3", 0, 1]),
        "8",
        "bad_linked_input",
        "samples",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_one_mistake(server: ServerUnderTest, mistake: Mistake) -> None:
    """The server reports each mistake on its node and input, with the outputs that depend on it."""
    prompt = fresh_prompt(server)
    mistake.make(prompt)
    body = refused(server, prompt)
    assert body["error"]["type"] == "prompt_outputs_failed_validation"
    found = body["node_errors"][mistake.node]
    assert found["class_type"] == prompt[mistake.node]["class_type"]
    assert found["dependent_outputs"] == ["9"]
    (error,) = found["errors"]
    assert (error["type"], error["extra_info"].get("input_name")) == (mistake.type, mistake.input)
    assert error["message"]
    assert mistake.keys <= error["extra_info"].keys()


def test_all_mistakes_at_once(server: ServerUnderTest) -> None:
    """One answer lists every wrong input of every node."""
    prompt = fresh_prompt(server)
    del prompt["3"]["inputs"]["cfg"]
    prompt["3"]["inputs"].update(steps=0, denoise=3.0)
    prompt["5"]["inputs"]["width"] = "wide"
    errors = refused(server, prompt)["node_errors"]
    assert {error["type"] for error in errors["3"]["errors"]} == {
        "required_input_missing",
        "value_smaller_than_min",
        "value_bigger_than_max",
    }
    assert [error["type"] for error in errors["5"]["errors"]] == ["invalid_input_type"]


def test_an_unknown_node(server: ServerUnderTest) -> None:
    """The server immediately refuses a class that isn't installed, and names the node's title."""
    prompt = fresh_prompt(server)
    prompt["10"] = {
        "class_type": "NotInstalled",
        "inputs": {"images": ["8", 0]},
        "_meta": {"title": "Magic"},
    }
    body = refused(server, prompt)
    wanted = "missing_node_type" if server.is_new else "invalid_prompt"
    assert body["error"]["type"] == wanted
    assert body["node_errors"] in ({}, [])
    if server.is_new:
        assert "Magic" in body["error"]["message"]
        assert body["error"]["extra_info"] == {
            "node_id": "10",
            "class_type": "NotInstalled",
            "node_title": "Magic",
        }


def test_a_node_without_a_class(server: ServerUnderTest) -> None:
    """The server refuses a node without a class."""
    body = refused(server, {"1": {"inputs": {}}})
    assert body["error"]["type"] == ("missing_node_type" if server.is_new else "invalid_prompt")


@pytest.mark.parametrize(
    "prompt", [{}, {"5": {"class_type": "EmptyLatentImage", "inputs": {"width": 64}}}]
)
def test_no_outputs(server: ServerUnderTest, prompt: RawPrompt) -> None:
    """The server refuses a prompt without an output node."""
    assert refused(server, prompt)["error"]["type"] == "prompt_no_outputs"


def test_no_prompt(server: ServerUnderTest) -> None:
    """The server refuses a body without a prompt."""
    answer = server.post("/prompt", {})
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "no_prompt")


@pytest.mark.parametrize("prompt_id", ["not a uuid", "6C2E405B-D7D5-4F22-B426-3946A260FEE4"])
def test_a_prompt_id_of_another_form(server: ServerUnderTest, prompt_id: str) -> None:
    """A prompt id from the client must be a canonical lowercase UUID."""
    if not server.is_new:
        pytest.skip("came with a later version")
    assert (
        refused(server, fresh_prompt(server), prompt_id=prompt_id)["error"]["type"]
        == "invalid_prompt_id"
    )


def test_a_loop(server: ServerUnderTest) -> None:
    """The server refuses nodes that depend on each other as a cycle."""
    if not server.is_new:
        pytest.skip("came with a later version")
    prompt: RawPrompt = {
        "1": {"class_type": "ImageInvert", "inputs": {"image": ["2", 0]}},
        "2": {"class_type": "ImageInvert", "inputs": {"image": ["1", 0]}},
        "9": {"class_type": "PreviewImage", "inputs": {"images": ["1", 0]}},
    }
    errors = refused(server, prompt)["node_errors"]
    assert {error["type"] for node in ("1", "2") for error in errors[node]["errors"]} == {
        "dependency_cycle"
    }


def test_a_sound_half_still_runs(server: ServerUnderTest, listener: Listener) -> None:
    """The server runs an output whose branch is valid. It answers with 200 and names the refused
    output."""
    prompt = fresh_prompt(server, steps=1)
    prompt["19"] = {
        "class_type": "SaveImage",
        "inputs": {"filename_prefix": "conformance/b", "images": ["98", 0]},
    }
    prompt["98"] = {"class_type": "LoadImage", "inputs": {"image": f"{uuid.uuid4()}.png"}}
    answer = server.post("/prompt", {"prompt": prompt, "client_id": listener.client_id})
    assert answer.status_code == 200
    errors = answer.json()["node_errors"]
    assert errors["98"]["dependent_outputs"] == ["19"]
    assert errors["98"]["class_type"] == "LoadImage"
    (error,) = errors["98"]["errors"]
    assert (error["type"], error["extra_info"]["input_name"]) == (
        "custom_validation_failed",
        "image",
    )
    prompt_id = answer.json()["prompt_id"]
    listener.wait_end(prompt_id)
    assert set(server.get(f"/history/{prompt_id}")[prompt_id]["outputs"]) == {"9"}


def test_values_are_converted(server: ServerUnderTest, listener: Listener) -> None:
    """The server accepts numbers as text, and whole numbers as floats."""
    prompt = fresh_prompt(server)
    prompt["3"]["inputs"].update(steps="2", cfg="6.5")
    prompt["5"]["inputs"]["width"] = 128.0
    prompt_id = submit(server, listener, prompt)
    listener.wait_end(prompt_id)
    listener.wait_for("execution_success", prompt_id=prompt_id)


def test_seeds_of_64_bits(server: ServerUnderTest, listener: Listener) -> None:
    """The server keeps the largest seed exactly, and refuses the next number as too large."""
    prompt = fresh_prompt(server, steps=1, seed=2**64 - 1)
    prompt_id = submit(server, listener, prompt)
    listener.wait_end(prompt_id)
    assert (
        server.get(f"/history/{prompt_id}")[prompt_id]["prompt"][2]["3"]["inputs"]["seed"]
        == 2**64 - 1
    )
    body = refused(server, fresh_prompt(server, seed=2**64))
    assert body["node_errors"]["3"]["errors"][0]["type"] == "value_bigger_than_max"


def test_a_foreign_page(server: ServerUnderTest) -> None:
    """The server answers a request from another site's page with 403."""
    assert (
        server.request("GET", "/queue", headers={"Origin": "http://elsewhere.example"}).status_code
        == 403
    )
    assert server.request("GET", "/queue", headers={"Origin": server.origin}).status_code == 200
