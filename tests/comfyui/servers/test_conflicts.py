"""Message for a run whose parts are all available, but not on the same server."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path

import pytest

from comfy.base.errors import WorkflowError
from comfy.comfyui.client.address import ServerAddress
from comfy.comfyui.object_info import Catalog
from comfy.comfyui.protocol.run_state import Phase
from comfy.comfyui.servers.needs import Conflict, Needs, conflicts
from comfy.demo import DemoServer
from comfy.form.kinds.registry import KINDS
from comfy.form.model import Field
from comfy.launch.start import FieldErrors
from comfy.library.permissions import Permissions
from comfy.prompt.model import InputRef, Prompt
from comfy.runs.interface import UNWATCHED, Origin
from tests.comfyui.servers.test_needs import node
from tests.comfyui.servers.test_pool import with_choices
from tests.runs.registry import end
from tests.support.sampler import prompt
from tests.support.serving import running_app
from ui.page.form.kinds.view import help_text

ANN, BOB = "user:ann", "user:bob"


def server(models: str, styles: str, *more: str) -> Catalog:
    """Return a server's catalog with a class for models and a class for styles. Each word is a
    choice."""
    nodes = {"Model": node(name=[models.split(), {}]), "Style": node(name=[styles.split(), {}])}
    return Catalog(nodes | {one: node() for one in more})


def wanted(model: str, style: str, *more: str) -> Prompt:
    prompt: Prompt = {
        "1": {"class_type": "Model", "inputs": {"name": model}},
        "2": {"class_type": "Style", "inputs": {"name": style}},
    }
    return prompt | {f"more-{one}": {"class_type": one, "inputs": {}} for one in more}


def chooser(key: str, choices: str) -> Field:
    number, name = key.split(".")
    listed = tuple((one.upper(), one) for one in choices.split())
    targets = (InputRef(number, name),)
    return Field(
        key,
        number,
        name,
        key,
        "COMBO",
        KINDS["dropdown"],
        "main",
        None,
        choices=listed,
        targets=targets,
    )


MODEL, STYLE = chooser("1.name", "a b c d"), chooser("2.name", "x y z")
TWO = {"one": server("a b", "x"), "two": server("c d", "y z")}


def test_a_conflict_lists_the_compatible_choices() -> None:
    """The message uses the form's words for the choices. Both fields get it, because the user can
    change either."""
    found = conflicts(Needs(wanted("a", "y")), [MODEL, STYLE], TWO)
    assert found == (
        Conflict("2.name", "Y", ("A",), ("X",), ("two",)),
        Conflict("1.name", "A", ("Y",), ("C", "D"), ("one",)),
    )
    assert [one.sentence(named=False) for one in found] == [
        "No server has both “Y” and “A”. Choose one of these instead: “X”.",
        "No server has both “A” and “Y”. Choose one of these instead: “C”, “D”.",
    ]
    assert found[0].sentence(named=True).endswith(" “Y” is on two.")


def test_values_on_one_server_or_on_none_are_no_conflict() -> None:
    """A value that no server has gets a different message."""
    for model, style in (("a", "x"), ("c", "z"), ("nowhere", "y"), ("a", "nowhere")):
        assert conflicts(Needs(wanted(model, style)), [MODEL, STYLE], TWO) == ()


def test_only_useful_hints_are_given() -> None:
    """The app skips a field without a compatible choice. If no single change helps, every field
    says so. The message names only the first few of many choices."""
    pinned = {"one": server("a b", "x", "Own"), "two": server("c", "y")}
    (found,) = conflicts(Needs(wanted("a", "y", "Own")), [MODEL, STYLE], pinned)
    assert (found.key, found.instead) == ("2.name", ("X",))
    three = {"one": server("a", "x"), "two": server("b", "y"), "three": server("c", "z", "Own")}
    found_here = conflicts(Needs(wanted("a", "y", "Own")), [MODEL, STYLE], three)
    assert {one.key for one in found_here} == {None, "1.name", "2.name"}
    assert not any(one.instead for one in found_here)
    many = Conflict("1.name", "A", ("Y",), tuple("BCDEF"), ("one",))
    assert "instead: “B”, “C”, “D”, …." in many.sentence(named=False)


def test_a_conflict_without_a_choice_addresses_the_administrator(tmp_path: Path) -> None:
    """The app can't blame a field if the author has hidden both."""
    pinned = prompt(1, sampler_name="ddim")
    pinned["1"]["inputs"]["ckpt_name"] = "a.safetensors"
    (tmp_path / "pinned.json").write_text(json.dumps(pinned))
    (tmp_path / "pinned.toml").write_text('others = "hidden"\n[fields."2.text"]\n')
    with (
        DemoServer(nodes=with_choices(ckpt_name=["a.safetensors"], sampler_name=["euler"])) as one,
        DemoServer(nodes=with_choices(ckpt_name=["b.safetensors"], sampler_name=["ddim"])) as two,
        running_app(one.url, two.url, workflows=tmp_path) as app,
        pytest.raises(WorkflowError, match="has both") as problem,
    ):
        app.services.starter.start("pinned", {}, Origin(ANN))
    assert "on one server" in problem.value.hint


def test_a_run_with_conflicting_values_is_not_repeated() -> None:
    """The values of the earlier run are on different servers by now."""
    with (
        DemoServer(
            step_seconds=0, nodes=with_choices(ckpt_name=["a.safetensors"], sampler_name=["euler"])
        ) as one,
        DemoServer(nodes=with_choices(ckpt_name=["b.safetensors"], sampler_name=["ddim"])) as two,
        running_app(one.url, two.url) as app,
    ):
        values = {"1.ckpt_name": "a.safetensors", "5.sampler_name": "euler", "5.steps": 1}
        made = app.services.starter.start("text-to-image", values, Origin(ANN), UNWATCHED)
        assert end(made).phase is Phase.DONE
        before = copy.deepcopy(made.job.prompt)
        before["5"]["inputs"]["sampler_name"] = "ddim"
        run = app.runs.submit(replace(made.job, prompt=before), Origin(ANN), UNWATCHED)
        assert end(run).phase is Phase.REFUSED
        with pytest.raises(WorkflowError, match="has both") as problem:
            app.services.starter.again(run.id, Origin(ANN))
        assert problem.value.hint == "Open the form and fill it in again."


def test_a_form_reports_conflicts_before_and_at_the_start() -> None:
    """The app starts nothing. It names the servers to an administrator, and to other users only if
    everyone may read the addresses. A workflow that gives users too few choices is the
    administrator's to fix."""
    values = {"1.ckpt_name": "a.safetensors", "5.sampler_name": "ddim"}
    with (
        DemoServer(nodes=with_choices(ckpt_name=["a.safetensors"], sampler_name=["euler"])) as one,
        DemoServer(nodes=with_choices(ckpt_name=["b.safetensors"], sampler_name=["ddim"])) as two,
        running_app(
            *(ServerAddress(demo.url, shown=False) for demo in (one, two)),
            permissions=Permissions(operates=lambda owner: owner == BOB),
        ) as app,
    ):
        form = app.services.library.form("text-to-image", ANN)
        assert {field.key for field in form.fields if field.differs} == set(values)
        assert "different servers" in str(help_text(form.field("1.ckpt_name")))
        told = {}
        for owner in (ANN, BOB):
            with pytest.raises(FieldErrors) as problem:
                app.services.starter.start("text-to-image", values, Origin(owner))
            told[owner] = problem.value.errors
        assert told[ANN] == {
            "1.ckpt_name": "No server has both “a” and “ddim”. Choose one of these instead: “b”.",
            "5.sampler_name": "No server has both “ddim” and “a”. Choose one of these instead:"
            " “euler”.",
        }
        place = one.url.partition("://")[2]
        assert told[BOB]["1.ckpt_name"] == f"{told[ANN]['1.ckpt_name']} “a” is on {place}."
        assert app.runs.owned(ANN) == ()
