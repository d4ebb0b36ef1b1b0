"""Choices that no server offers together, checked before a start."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from comfy.__main__ import main
from comfy.base.errors import WorkflowError
from comfy.batches.check import BatchErrors, problems_of_batch
from comfy.batches.spec import AxisSpec, BatchSpec, TableSpec
from comfy.cli.outcome import exit_status
from comfy.comfyui.client.address import ServerAddress
from comfy.comfyui.object_info import Catalog
from comfy.comfyui.protocol.run_state import Phase
from comfy.comfyui.servers.needs import Conflict, Needs, conflicts
from comfy.comfyui.servers.pool import merged
from comfy.form.kinds.registry import KINDS
from comfy.form.model import Field
from comfy.launch.start import FieldErrors
from comfy.library.permissions import Permissions
from comfy.prompt.model import InputRef, Prompt
from comfy.runs.interface import UNWATCHED, Origin
from comfyui_standin import DemoServer
from tests.comfyui.servers.test_pool import with_choices
from tests.runs.registry import end
from tests.support.sampler import prompt
from tests.support.serving import WORKFLOWS, RunningApp, running_app
from tests.support.waiting import eventually
from ui.page.form.kinds.view import help_text

ANN, BOB = "user:ann", "user:bob"
WORKFLOW, MODEL, SAMPLER, STEPS = "text-to-image", "1.ckpt_name", "5.sampler_name", "5.steps"
A, B = "a.safetensors", "b.safetensors"
VALUES = {MODEL: A, SAMPLER: "euler", STEPS: 1}
NO_DDIM = "No server has both “ddim” and “a”. Choose one of these instead: “euler”."
NO_A = "No server has both “a” and “ddim”. Choose one of these instead: “b”."
CHAIN = f"""
[[steps]]
name = "one"
workflow = "{WORKFLOW}"
values = {{ "{MODEL}" = "{A}", "{SAMPLER}" = "euler" }}
[[steps]]
name = "two"
workflow = "{WORKFLOW}"
values = {{ "{MODEL}" = "{A}" }}
inputs = {{ }}
"""


@contextmanager
def two_servers() -> Iterator[tuple[DemoServer, DemoServer]]:
    """Yield two servers: one with model A and euler, the other with model B and ddim."""
    one = with_choices(ckpt_name=[A], sampler_name=["euler"])
    other = with_choices(ckpt_name=[B], sampler_name=["ddim"])
    with (
        DemoServer(step_seconds=0, painted=64, nodes=one) as first,
        DemoServer(step_seconds=0, painted=64, nodes=other) as second,
    ):
        yield first, second


def hidden(*demos: DemoServer) -> list[ServerAddress]:
    return [ServerAddress(one.url, shown=False) for one in demos]


def prompts(*demos: DemoServer) -> int:
    return sum(len(one.journal.all()) for one in demos)


def found(app: RunningApp, *axes: AxisSpec, **spec: object) -> list[tuple[object, ...]]:
    """Return the problems of a batch: field, row and sentence."""
    starter = app.services.starter
    _, form = app.services.forms.form(WORKFLOW, ANN)
    what = BatchSpec(axes, **spec)  # type: ignore[arg-type]
    told = problems_of_batch(starter, WORKFLOW, form, what, VALUES, ANN).problems
    return [(one.field, one.row, one.message) for one in told]


def test_a_batch_reports_each_conflict_once_with_its_first_row() -> None:
    """The check includes combinations in a table and in paired values. A combination that one
    server has is right."""
    samplers = AxisSpec(SAMPLER, text="euler, ddim")
    wrong = [(SAMPLER, 2, NO_DDIM), (MODEL, 2, NO_A)]
    with two_servers() as (one, other), running_app(*hidden(one, other)) as app:
        assert sorted(found(app, samplers), key=str) == sorted(wrong, key=str)
        many = found(app, samplers, AxisSpec("5.seed", text="1..300"))
        assert {(field, said) for field, _, said in many} == {(SAMPLER, NO_DDIM), (MODEL, NO_A)}
        assert {row for _, row, _ in many} == {301}
        models = AxisSpec(MODEL, text=f"{A}, {B}")
        assert found(app, models, samplers, paired=True) == []
        table = TableSpec("values.csv", f"Model,Sampler\n{A},euler\n{B},ddim\n{A},ddim\n")
        assert {row for _, row, _ in found(app, table=table)} == {3}
        with pytest.raises(BatchErrors, match="Row 2, Sampler: No server has"):
            app.services.batches.start(WORKFLOW, VALUES, BatchSpec((samplers,)), Origin(ANN))
        seeds = BatchSpec((AxisSpec("5.seed", text="1, 2"),))
        with pytest.raises(BatchErrors) as problems:  # wrong in every row
            app.services.batches.start(WORKFLOW, {**VALUES, SAMPLER: "ddim"}, seeds, Origin(ANN))
        assert {one.row for one in problems.value.found} == {None}
        assert (app.runs.owned(ANN), prompts(one, other)) == ((), 0)
        batch = app.services.batches.start(WORKFLOW, VALUES, seeds, Origin(ANN))
        eventually(lambda: app.services.batches.table(batch.id, ANN).summary.state == "done")
        assert prompts(one, other) == 2


def test_a_chain_with_a_conflict_starts_no_step(tmp_path: Path) -> None:
    """The app starts no step, even if only a later step has incompatible choices."""
    for ending in ("json", "toml"):
        file = f"{WORKFLOW}.{ending}"
        (tmp_path / file).write_bytes((WORKFLOWS / file).read_bytes())
    (tmp_path / "two.chain.toml").write_text(CHAIN)
    with (
        two_servers() as (one, other),
        running_app(*hidden(one, other), workflows=tmp_path) as app,
    ):
        values = {"two.5.sampler_name": "ddim", "one.5.steps": 1, "two.5.steps": 1}
        with pytest.raises(FieldErrors) as problems:
            app.services.chains.start("two.chain", values, Origin(ANN))
        assert problems.value.errors == {f"two.{SAMPLER}": NO_DDIM, f"two.{MODEL}": NO_A}
        assert f"Step “two”, Sampler: {NO_DDIM}" in problems.value.labelled.values()
        assert (app.runs.owned(ANN), prompts(one, other)) == ((), 0)
        app.services.chains.start(
            "two.chain", {**values, "two.5.sampler_name": "euler"}, Origin(ANN)
        )
        eventually(lambda: app.services.chains.recent(ANN)[-1].state == "done")


def test_the_command_lists_all_conflicts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The shell lists all problems at once, with the field's label and the row or step. It runs
    nothing."""
    workflow = json.loads((WORKFLOWS / f"{WORKFLOW}.json").read_text())
    workflow["1"]["inputs"]["ckpt_name"] = A
    (tmp_path / f"{WORKFLOW}.json").write_text(json.dumps(workflow))
    chain = tmp_path / "two.chain.toml"
    chain.write_text(CHAIN)
    with two_servers() as (one, other):
        more = ["--server", one.url, "--server", other.url, "--out", str(tmp_path / "out")]
        words = ["batch", str(tmp_path / f"{WORKFLOW}.json"), "--set", "sampler_name=euler,ddim"]
        assert main([*words, *more]) == 2
        told = capsys.readouterr().err.splitlines()
        assert any(one.startswith(f"Row 2, Sampler: {NO_DDIM}") for one in told)
        assert told[-1] == "Nothing was started."
        assert main(["chain", str(chain), "--set", "two.5.sampler_name=ddim", *more]) == 2
        told = capsys.readouterr().err.splitlines()
        assert any(one.startswith(f"Step “two”, Sampler: {NO_DDIM}") for one in told)
        assert prompts(one, other) == 0
        with running_app(*hidden(one, other)) as app:
            _, form = app.services.forms.form(WORKFLOW, ANN)

    def refused(_: object) -> int:
        raise FieldErrors(form, {SAMPLER: NO_DDIM})

    assert exit_status(refused) == 2
    assert capsys.readouterr().err == f"Sampler: {NO_DDIM}\n"


def node(**inputs: Any) -> dict[str, Any]:
    return {"input": {"required": inputs}, "output": [], "output_node": True}


ALL: dict[str, Any] = {
    "Load": node(file=[["a.safetensors", "b.safetensors"], {}], scale=["FLOAT", {"max": 2.0}]),
    "Image": node(image=[["example.png"], {"image_upload": True}]),
    "Save": node(format=["COMBO", {"options": ["png", "webp"]}]),
}


def needs_prompt(
    file: str = "a.safetensors", image: str = "example.png", fmt: str = "png"
) -> Prompt:
    return {
        "1": {"class_type": "Load", "inputs": {"file": file, "scale": 1.5}},
        "2": {"class_type": "Image", "inputs": {"image": image}},
        "3": {"class_type": "Save", "inputs": {"format": fmt, "images": ["2", 0]}},
    }


def test_a_server_needs_every_node_and_every_choice() -> None:
    """The check reads both formats of a choice list. Links and numbers don't count as choices."""
    nodes = Catalog(ALL)
    assert Needs(needs_prompt()).met_by(nodes)
    assert not Needs(needs_prompt(file="c.safetensors")).met_by(nodes)
    assert not Needs(needs_prompt(fmt="gif")).met_by(nodes)
    assert not Needs(needs_prompt()).met_by(Catalog({"Load": ALL["Load"], "Save": ALL["Save"]}))


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
    assert not Needs(needs_prompt(image="mine.png")).met_by(nodes)
    assert Needs(needs_prompt(image="mine.png"), [InputRef("2", "image")]).met_by(nodes)


def test_needs_are_checked_against_each_new_catalog() -> None:
    """A server may have another model at the next check."""
    needs, more = Needs(needs_prompt(file="c.safetensors")), dict(ALL)
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


MODEL_CHOOSER, STYLE = chooser("1.name", "a b c d"), chooser("2.name", "x y z")
TWO = {"one": server("a b", "x"), "two": server("c d", "y z")}


def test_a_conflict_lists_the_compatible_choices() -> None:
    """The message uses the form's words for the choices. Both fields get it, because the user can
    change either."""
    found = conflicts(Needs(wanted("a", "y")), [MODEL_CHOOSER, STYLE], TWO)
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
        assert conflicts(Needs(wanted(model, style)), [MODEL_CHOOSER, STYLE], TWO) == ()


def test_only_useful_hints_are_given() -> None:
    """The app skips a field without a compatible choice. If no single change helps, every field
    says so. The message names only the first few of many choices."""
    pinned = {"one": server("a b", "x", "Own"), "two": server("c", "y")}
    (found,) = conflicts(Needs(wanted("a", "y", "Own")), [MODEL_CHOOSER, STYLE], pinned)
    assert (found.key, found.instead) == ("2.name", ("X",))
    three = {"one": server("a", "x"), "two": server("b", "y"), "three": server("c", "z", "Own")}
    found_here = conflicts(Needs(wanted("a", "y", "Own")), [MODEL_CHOOSER, STYLE], three)
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
