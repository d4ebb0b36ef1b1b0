"""No prompt names another user's file, for every class of both catalogs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from comfy.base.errors import ComfyError, WorkflowError
from comfy.comfyui.input_spec import InputSpec
from comfy.comfyui.object_info import Catalog
from comfy.launch.start import FieldErrors, Starter
from comfy.launch.uploads import Upload
from comfy.library.catalog import CatalogCache
from comfy.library.forms import Forms
from comfy.prompt.model import Prompt, is_link
from comfy.records.record import Job
from comfy.runs.input_files import UPLOADS, with_names
from comfy.runs.interface import Origin, RunPolicy
from comfy.runs.limits import RunLimits
from comfy.workflow.sanitize import named_files, sanitize, unwrap, without_folder
from tests.security.comfyui_reading import READERS, InputFolders
from tests.support.samples.forms import node, parse_workflow
from tests.support.samples.media import saved
from tests.support.serving import RunningApp, running_demo_app

VERSIONS = ("0.3.64", "0.33.0")
OWNER = "browser:" + "b" * 43
SECRETS = (
    "input/anna.png",
    "input/anna/holiday.png",
    f"input/{UPLOADS}/0123456789abcdef/photo.png",
    "input/3d/anna.glb",
    "output/ComfyUI_00001_.png",
    "output/video/anna.mp4",
    "temp/ComfyUI_temp_00001_.png",
)
NAMES = (
    "anna.png",
    "./anna.png",
    "anna/../anna.png",
    "anna.png [input]",
    "anna",
    ".",
    "",
    "anna/holiday.png",
    "anna\\holiday.png",
    f"{UPLOADS}/0123456789abcdef",
    f"{UPLOADS}/0123456789abcdef/photo.png",
    UPLOADS,
    "3d/anna.glb",
    "ComfyUI_00001_.png [output]",
    "ComfyUI_00001_.png[output]",
    "video/anna.mp4 [output]",
    "ComfyUI_temp_00001_.png [temp]",
    "ComfyUI_00001_.png",
    "../output/ComfyUI_00001_.png",
    "link/ComfyUI_00001_.png",
)
# Nodes that pass a text on to the nodes linked to them.
FEEDERS: Prompt = {
    "text": node("PrimitiveString", value="anna.png"),
    "long": node("PrimitiveStringMultiline", value="ComfyUI_00001_.png [output]"),
    "joined": node("StringConcatenate", string_a="an", string_b="na.png", delimiter=""),
    "folder": node("PrimitiveString", value="anna"),
    "combo": node("CustomCombo", choice="anna.png", option1="anna.png", index=0),
    "switch": node("ComfySwitchNode", switch=True, on_true=["long", 0], on_false=["folder", 0]),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> InputFolders:
    """Create folders with other users' files, and a link from one folder to another."""
    server = InputFolders(tmp_path_factory.mktemp("comfyui"))
    for secret in SECRETS:
        server.put(secret)
    (server.folder("input") / "link").symlink_to(server.folder("output"))
    return server


@pytest.fixture(scope="module", params=VERSIONS)
def catalog(request: pytest.FixtureRequest, shared: Path) -> Catalog:
    """Return the catalog of a server of this version, with the app's uploads and other people's
    folders in its lists."""
    return nasty(Catalog.read(shared / "comfyui" / f"object_info-{request.param}.json.gz"))


def nasty(plain: Catalog) -> Catalog:
    """Return the catalog as the app reads it from a server whose lists are full of other people's
    files and folders."""
    raw = json.loads(json.dumps(dict(plain.raw)))
    for (class_type, name), _ in READERS.items():
        found = raw.get(class_type, {}).get("input", {}).get("required", {}).get(name)
        if found and isinstance(found[0], list):
            found[0] += NAMES
        elif found and found[0] == "COMBO":
            found[1].setdefault("options", []).extend(NAMES)
    return Catalog(without_folder(raw, UPLOADS))


def values_of(name: str) -> Iterator[Any]:
    """Yield a name in every form that ComfyUI accepts."""
    yield name
    yield {"__value__": name}
    yield {"__value__": {"__value__": {"__value__": name}}}
    yield {"__value__": [name]}
    yield {"__type__": "CURVE", "__value__": [name, "x"]}
    yield [name]
    yield {"image": name, "mask": {"__value__": name}, "recording": ""}


def shapes() -> Iterator[Any]:
    """Yield every value that the tests put into an input."""
    for name in NAMES:
        yield from values_of(name)
    for feeder in FEEDERS:
        yield from ([feeder, 0], [feeder, 0.0], [feeder, -1], {"__value__": [feeder, 0]})


SHAPES = tuple(shapes())


def around(shape: Any) -> Prompt:
    """Return the nodes around the node with this input: those that pass texts on if it is linked,
    otherwise none. Other nodes would only be judged again with each shape."""
    return FEEDERS if is_link(unwrap(shape)) else {}


def outputs_of(catalog: Catalog) -> dict[str, list[Any]]:
    """Return the output types of each class, as the server reports them."""
    return {name: catalog.raw[name].get("output") or [] for name in catalog}


def every_input(specs: tuple[InputSpec, ...]) -> Iterator[InputSpec]:
    for spec in specs:
        yield spec
        for choice in spec.choices or ():
            yield from every_input(spec.branch(choice))
        if spec.member:
            yield replace(spec.member, name=(spec.slots or (f"{spec.name}.one0",))[0])


def plain_inputs(catalog: Catalog, class_type: str) -> dict[str, Any]:
    """Return the default value of each input of a class that has one."""
    return {
        spec.name: spec.start
        for spec in every_input(catalog[class_type].inputs)
        if spec.start is not None
    }


def test_finding_02_03_no_node_class_opens_another_users_files(
    catalog: Catalog, server: InputFolders
) -> None:
    """Every input of every class gets names in every shape, and every input that reads files gets
    every name. The app refuses the prompt, or the server opens no other person's file."""
    outputs = outputs_of(catalog)
    # One input is given some shapes, the next one those beside them.
    step = len(SHAPES) // 4
    opened_before = opened_after = 0
    for class_type in catalog:
        plain = plain_inputs(catalog, class_type)
        for at, spec in enumerate(every_input(catalog[class_type].inputs)):
            reads = (class_type, spec.name) in READERS
            for shape in SHAPES if reads else SHAPES[at % step :: step]:
                prompt = {**around(shape), "1": node(class_type, **plain | {spec.name: shape})}
                opened_before += any(server.opened(prompt, outputs))
                try:
                    workflow = sanitize(parse_workflow("a", prompt), catalog, UPLOADS)
                except WorkflowError:
                    continue
                assert not list(server.opened(workflow.prompt, outputs)), (
                    class_type,
                    spec.name,
                    shape,
                )
                assert not named_files(workflow.prompt, catalog), (class_type, spec.name, shape)
                opened_after += 1
    assert opened_before > 1_000
    assert opened_after > 1_000


def test_finding_03_no_list_offers_files_of_our_folder(catalog: Catalog) -> None:
    """No input of any class offers an uploaded file or its folder as a choice."""
    for class_type in catalog:
        for spec in every_input(catalog[class_type].inputs):
            assert UPLOADS not in json.dumps(spec.choices).lower(), (class_type, spec.name)
    assert UPLOADS not in json.dumps(dict(catalog.raw)).lower()


def test_finding_03_lists_of_any_shape_lose_files_of_our_folder() -> None:
    """The app removes uploads from nested options, templates and objects, with any separator or
    capitalization. It keeps names that only look similar."""
    ours = (
        f"{UPLOADS}/a",
        f"{UPLOADS}\\a\\b.png",
        f"./{UPLOADS.upper()}",
        f"a/{UPLOADS}/b.png [output]",
        UPLOADS,
    )
    others = ["rec", f"my{UPLOADS}", f"{UPLOADS}.png", 8, "8", None, True]
    options = [
        {"key": one, "inputs": {"required": {"x": [[*ours, *others]]}}} for one in (*ours, "rec")
    ]
    raw = {
        "A": {
            "input": {
                "required": {
                    "old": [[*ours, *others], {"default": ours[0]}],
                    "new": ["COMBO", {"options": [*others, *ours], "default": ours[1]}],
                    "deep": ["COMFY_DYNAMICCOMBO_V3", {"options": options}],
                    "many": [
                        "COMFY_AUTOGROW_V3",
                        {"template": {"input": {"required": {"one": [list(ours)]}}}},
                    ],
                    "objects": [
                        [{"content": one, "image": None} for one in ours] + [{"content": "rec"}]
                    ],
                    "mapped": ["COMBO", {"options": ["rec"], "labels": {ours[0]: "A", "rec": "B"}}],
                }
            }
        }
    }
    clean = without_folder(raw, UPLOADS)
    inputs = clean["A"]["input"]["required"]
    assert inputs["old"] == [others, {}]
    assert inputs["new"] == ["COMBO", {"options": others}]
    assert inputs["deep"][1]["options"] == [{"key": "rec", "inputs": {"required": {"x": [others]}}}]
    assert inputs["many"][1]["template"]["input"]["required"] == {"one": [[]]}
    assert inputs["objects"] == [[{"content": "rec"}]]
    assert inputs["mapped"][1]["labels"] == {"rec": "B"}
    assert without_folder(clean, UPLOADS) == clean
    deep: Any = "x"
    for _ in range(900):
        deep = [deep]
    assert UPLOADS not in str(without_folder({"A": deep}, UPLOADS))


@pytest.fixture(scope="module")
def known(catalog: Catalog) -> CatalogCache:
    """Return a catalog cache that needs no server."""
    return CatalogCache(lambda: catalog.raw)


@pytest.fixture(scope="module")
def app(own_temporary_folder: Path) -> Iterator[RunningApp]:
    """Run an app in front of a server, without a practical limit on the number of runs."""
    limits = RunLimits(person=100_000, hourly=100_000)
    with running_demo_app(step_seconds=0, run_limits=limits) as (_, app):
        yield app


names = st.sampled_from(NAMES)
values = st.one_of(
    st.sampled_from(SHAPES), st.builds(lambda name: {"__value__": name}, names), st.integers(0, 9)
)


@st.composite
def brought(draw: st.DrawFn, catalog: Catalog) -> Prompt:
    """Draw a stranger's workflow: file readers and any other nodes, linked to each other and to
    nodes that produce texts."""
    readers = sorted({class_type for class_type, _ in READERS} & set(catalog))
    some = st.one_of(st.sampled_from(readers), st.sampled_from(list(catalog)))
    prompt = dict(FEEDERS)
    for number, class_type in enumerate(draw(st.lists(some, min_size=1, max_size=4))):
        specs = list(every_input(catalog[class_type].inputs))
        inputs = plain_inputs(catalog, class_type)
        for spec in draw(st.lists(st.sampled_from(specs), max_size=4)) if specs else ():
            link = st.tuples(st.sampled_from([*prompt]), st.integers(0, 2)).map(list)
            inputs[spec.name] = draw(st.one_of(values, link))
        prompt[str(number)] = node(class_type, **inputs)
    return prompt


def sent(starter: Starter, prompt: Prompt, typed: Any) -> tuple[Prompt, list[str]] | None:
    """Return the prompt that a stranger's workflow sends, and its file names there. Every field is
    filled in, and refused values are dropped."""
    try:
        name = starter.forms.open(OWNER, "a.json", json.dumps(prompt).encode()).name
        _, form = starter.forms.form(name, OWNER)
    except ComfyError:
        return None
    filled: dict[str, object] = {
        field.key: Upload("mine.png", saved("PNG")) if field.is_media else typed
        for field in form.fields
    }
    for _ in range(4):
        try:
            run = starter.start(name, filled, Origin(OWNER), RunPolicy(deadline=5, watched=False))
            run.cancel()
            return bound(run.job)
        except FieldErrors as problem:
            filled = {key: one for key, one in filled.items() if key not in problem.errors}
        except ComfyError:
            return None
    return None


def bound(job: Job) -> tuple[Prompt, list[str]]:
    """Return the prompt as the run sends it, and the names of its uploads."""
    prompt, names = (
        job.prompt,
        [f"{UPLOADS}/{number}/mine.png" for number in range(len(job.inputs))],
    )
    for kept, name in zip(job.inputs.values(), names, strict=True):
        prompt = with_names(prompt, kept.targets, name)
    return prompt, names


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(data=st.data(), typed=st.one_of(names, st.sampled_from(["a cat [output]", "euler", 7])))
def test_finding_02_nothing_that_is_sent_names_anothers_file(
    app: RunningApp, known: CatalogCache, server: InputFolders, data: st.DataObject, typed: Any
) -> None:
    """For any workflow and any typed value, the prompt that reaches the server opens only the
    user's own files."""
    services = app.services
    catalog = known.get()
    forms = Forms(services.folder.get, known, services.forms.permissions)
    prompt = data.draw(brought(catalog))
    made = sent(replace(services.starter, forms=forms), prompt, typed)
    event("sent" if made else "refused")
    if made:
        for _, name, path in server.opened(made[0], outputs_of(catalog)):
            assert str(path) in made[1], (name, path)
    app.close_idle()
