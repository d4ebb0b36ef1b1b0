"""Prompts: structure, rows of inputs, cache keys and the server's names."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comfy.comfyui.input_spec import RowGroup
from comfy.comfyui.object_info import Catalog
from comfy.comfyui.servers.needs import cache_keys
from comfy.prompt.animated_previews import animated_previews
from comfy.prompt.arrange import arrange
from comfy.prompt.model import InputRef, Link, Prompt, links, sources_first, written_title
from comfy.prompt.rows import first_row, read_rows, unoffered_cells, write_rows
from comfy.prompt.server_names import with_server_names
from comfy.prompt.structure import Structure
from comfy.workflow.model import Workflow
from comfy.workflow.resolve import on_server
from tests.support.distribution import examples
from tests.support.sampler import prompt
from tests.support.samples.extra_nodes import PAINTED, wide_catalog, wide_form
from tests.support.samples.forms import node
from tests.support.samples.graphs import graph, graph_node
from tests.support.samples.rows import LORAS, ROW_CATALOG

NAMES = st.sampled_from("abcdefgh")
ARROWS = st.lists(st.tuples(NAMES, NAMES), max_size=20)


def test_an_input_has_one_spelling() -> None:
    """Fields, URLs and scripts name an input by its node and name."""
    assert InputRef("70:39", "model.steps").key == "70:39.model.steps"
    assert InputRef("6", "text") == ("6", "text")


def test_links_are_read_from_the_inputs() -> None:
    """Only lists of a node id and a slot are links; ids may be numbers."""
    node = {"class_type": "A", "inputs": {"a": ["4", 1], "b": 3, "c": [5, 0], "d": ["x"]}}
    assert dict(links(node)) == {"a": Link("4", 1), "c": Link("5", 0)}


def test_a_title_keeps_its_exact_text() -> None:
    """The title keeps every character, because other programs' notation is read from it."""
    node = {"class_type": "A", "inputs": {}, "_meta": {"title": " <Base :prompt:1> "}}
    assert written_title(node) == " <Base :prompt:1> "
    assert written_title({"class_type": "A", "inputs": {}}) == ""


@settings(max_examples=examples(200))
@given(ARROWS)
def test_sources_come_first(arrows: list[tuple[str, str]]) -> None:
    """Each node comes once, after all its sources. Nodes in a cycle, or behind one, come in a
    separate list."""
    users: dict[str, list[str]] = {name: [] for name in "abcdefgh"}
    needs = dict.fromkeys(users, 0)
    for source, user in arrows:
        users[source].append(user)
        needs[user] += 1
    ready, ring = sources_first(users, needs)
    assert sorted(ready + ring) == sorted(users)
    place = {name: number for number, name in enumerate(ready)}
    for source, user in arrows:
        assert user in ring or place[source] < place[user]
    for name in ring:
        assert any(user == name and source in ring for source, user in arrows)


CATALOG = wide_catalog()
STRUCTURE = Structure.of(PAINTED, CATALOG)
KEYS = st.sampled_from(
    [
        *("1.image", "8.model", "8.model.mode", "8.model.prompt", "8.model.steps", "8.seed", "8"),
        *(
            "8.model.images.image_2.image",
            "8.model.images.image_3.image",
            "8.model.images.image_9.image",
        ),
        *("8.model.images.image_1.image", "8.model.photo.image", "9.model", "", ".", "8..image"),
    ]
)
VALUES = st.one_of(
    st.sampled_from(
        ["Small", "Large", "Animated", "From photo", "With voice", "plain", "fast", "other", ""]
    ),
    st.none(),
    st.integers(),
    st.lists(st.integers(), max_size=2),
)


@given(st.dictionaries(KEYS, VALUES, max_size=6))
def test_non_structural_values_change_no_order(given_values: dict[str, object]) -> None:
    """For any values, the structural ones alone arrange the prompt the same way as all values
    do."""
    structural = dict(STRUCTURE.structural(given_values))
    assert arrange(PAINTED, CATALOG, structural) == arrange(PAINTED, CATALOG, given_values)


@given(st.dictionaries(KEYS, VALUES, max_size=6))
def test_structural_values_are_structural(given_values: dict[str, object]) -> None:
    """Filtering the structural values again returns exactly the same values."""
    structural = STRUCTURE.structural(given_values)
    assert STRUCTURE.structural(dict(structural)) == structural


def test_values_that_add_no_fields_are_not_structural() -> None:
    """Texts, numbers, files and the workflow's own option add no fields."""
    form = wide_form(PAINTED)
    typed = {
        field.key: f"typed {field.key}" if field.type == "STRING" else field.default
        for field in form.fields
    }
    assert typed["8.model"] == "Small"
    assert STRUCTURE.structural(typed) == frozenset()


def test_options_and_further_files_are_structural() -> None:
    """A different option at any depth counts with its value. An additional file counts by its
    key."""
    found = STRUCTURE.structural(
        {
            "8.model": "Animated",
            "8.model.mode": "fast",
            "8.model.images.image_2.image": "a.png",
            "8.seed": 3,
        }
    )
    assert found == {
        ("8.model", "Animated"),
        ("8.model.mode", "fast"),
        ("8.model.images.image_2.image", None),
    }


def group(class_type: str) -> RowGroup:
    """Return the rows of a class."""
    rows = ROW_CATALOG[class_type].by_name["loras"].rows
    assert rows
    return rows


STACK = group("Stack")
POWER = group("Power Lora Loader (rgthree)")
MANAGER = group("Lora Loader (LoraManager)")
STRENGTHS = st.floats(-2, 2, allow_nan=False)
STACK_ROWS = st.lists(
    st.fixed_dictionaries(
        {"lora_name": st.sampled_from(LORAS), "strength": STRENGTHS}, optional={"note": st.text()}
    )
)
POWER_ROWS = st.lists(
    st.fixed_dictionaries(
        {"on": st.booleans(), "lora": st.sampled_from(LORAS), "strength": STRENGTHS},
        optional={"pinned": st.integers()},
    )
)
MANAGER_ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.sampled_from(["detail", "ink"]),
            "active": st.booleans(),
            "strength": STRENGTHS,
        },
        optional={"expanded": st.booleans(), "clipStrength": st.floats(3, 4)},
    )
)
OTHERS = st.fixed_dictionaries({}, optional={"model": st.just(["1", 0]), "text": st.text()})
CASES = st.one_of(
    st.tuples(st.just(STACK), STACK_ROWS, STACK_ROWS),
    st.tuples(st.just(POWER), POWER_ROWS, POWER_ROWS),
    st.tuples(st.just(MANAGER), MANAGER_ROWS, MANAGER_ROWS),
)


@given(CASES, OTHERS)
def test_written_rows_read_the_same(
    case: tuple[RowGroup, list[dict[str, Any]], list[dict[str, Any]]], others: dict[str, Any]
) -> None:
    """Reading returns the written rows, and other inputs stay in their order."""
    rows, before, after = case
    written = write_rows(rows, write_rows(rows, others, before), after)
    assert read_rows(rows, written) == after
    kept = {name: value for name, value in written.items() if name in others}
    assert [*kept.items()] == [*others.items()]


@given(CASES, OTHERS)
def test_unchanged_rows_leave_the_inputs_alone(
    case: tuple[RowGroup, list[dict[str, Any]], list[dict[str, Any]]], others: dict[str, Any]
) -> None:
    """Writing the rows that were read changes neither names nor values nor their order."""
    rows, before, _ = case
    inputs = write_rows(rows, others, before)
    read = read_rows(rows, inputs)
    assert read is not None
    assert [*write_rows(rows, inputs, read).items()] == [*inputs.items()]


def test_dotted_rows_close_gaps_when_they_change() -> None:
    """A dotted group is numbered from 0 without gaps."""
    inputs = {"loras.0.strength": 1, "loras.4.strength": 2, "loras.x.strength": 3, "other": 4}
    assert read_rows(STACK, inputs) == [{"strength": 1}, {"strength": 2}]
    assert write_rows(STACK, inputs, [{"strength": 2}]) == {
        "loras.0.strength": 2,
        "loras.x.strength": 3,
        "other": 4,
    }


def test_a_linked_cell_makes_rows_unreadable() -> None:
    """A link stays as it is, so the rows of its group can't be replaced."""
    assert read_rows(STACK, {"loras.0.strength": ["7", 0]}) is None
    assert read_rows(MANAGER, {"loras": ["7", 0]}) is None
    assert read_rows(POWER, {"lora_1": ["7", 0]}) is None


def test_rgthree_rows_keep_their_names_until_they_change() -> None:
    """Gaps in rgthree's numbering stay in an unchanged prompt."""
    rows = [{"on": True, "lora": "a", "strength": 1}, {"on": False, "lora": "b", "strength": 2}]
    inputs = {"lora_2": rows[0], "lora_7": rows[1], "clip": ["1", 1]}
    assert read_rows(POWER, inputs) == rows
    assert write_rows(POWER, inputs, rows) == inputs
    assert write_rows(POWER, inputs, rows[1:]) == {"lora_1": rows[1], "clip": ["1", 1]}


@pytest.mark.parametrize("second", [None, 0.5, "0.50"])
def test_a_clip_strength_like_the_other_is_left_out(second: object) -> None:
    """Both packs use the strength for CLIP, too, unless a row has another one."""
    row = {"lora": "a", "strength": 0.5, "strengthTwo": second}
    assert read_rows(POWER, {"lora_1": row}) == [{"lora": "a", "strength": 0.5}]
    other = row | {"strengthTwo": 0.7}
    assert read_rows(POWER, {"lora_1": other}) == [other]


def test_lora_manager_reads_bare_lists_too() -> None:
    """Older prompts have the list without its wrapper."""
    rows = [{"name": "ink", "strength": 1, "active": True}]
    assert read_rows(MANAGER, {"loras": rows}) == rows
    assert write_rows(MANAGER, {"loras": rows}, []) == {"loras": {"__value__": []}}


def test_a_new_row_starts_with_the_servers_values() -> None:
    """A cell that follows another starts empty."""
    assert first_row(STACK) == {"lora_name": LORAS[0], "strength": 1.0, "note": ""}
    assert first_row(POWER) == {"on": True, "lora": LORAS[0], "strength": 1.0}
    assert first_row(MANAGER) == {"active": True, "name": "detail", "strength": 1.0}


def test_packs_find_loras_by_their_bare_name() -> None:
    """A LoRA counts as missing only if no file has its name and its row is on."""
    rows = [
        {"lora": "ink", "on": True},
        {"lora": "other/detail.safetensors", "on": True},
        {"lora": "gone.safetensors", "on": True},
        {"lora": "gone.safetensors", "on": False},
    ]
    lacks = [(row, column.name, value) for row, column, value in unoffered_cells(POWER, rows)]
    assert lacks == [(3, "lora", "gone.safetensors")]
    assert [*unoffered_cells(STACK, [{"lora_name": "ink"}])]


def test_the_catalog_declares_each_cell() -> None:
    """Cells and rows of a prompt are inputs that the node declares."""
    names = {"loras.0.strength": 1, "loras.0.other": 2, "lora_1": {}, "loras.strength": 3}
    active = ROW_CATALOG["Stack"].active_inputs(names)
    assert [*active] == ["model", "loras", "loras.0.strength"]
    assert active["loras.0.strength"].options["max"] == 2.0
    assert [*ROW_CATALOG["Power Lora Loader (rgthree)"].active_inputs(names)] == [
        "model",
        "loras",
        "lora_1",
    ]
    assert (STACK.title, STACK.least, STACK.most) == ("LoRA", 1, 3)


def shared(one: Prompt, other: Prompt) -> int:
    return len(cache_keys(one) & cache_keys(other))


def test_a_changed_node_changes_its_downstream_nodes() -> None:
    """Nodes before the changed one stay the same. For example, a new seed doesn't change the model,
    the text or the size."""
    first, same, seed, text = prompt(1), prompt(1), prompt(2), prompt(1)
    text["2"]["inputs"]["text"] = "a fox"
    assert shared(first, same) == len(first)
    assert shared(first, seed) == 3
    assert shared(first, text) == 2


def test_ids_and_titles_do_not_matter() -> None:
    """Nodes with other ids and titles, but the same inputs, have the same results."""
    nodes = prompt(1)
    named: Prompt = {
        f"a{node_id}": {
            "class_type": node["class_type"],
            "inputs": {
                name: [f"a{value[0]}", value[1]] if isinstance(value, list) else value
                for name, value in reversed(node["inputs"].items())
            },
            "_meta": {"title": "Mine"},
        }
        for node_id, node in nodes.items()
    }
    assert shared(nodes, named) == len(nodes)


def test_an_invalid_prompt_has_no_shared_nodes() -> None:
    """Links in a cycle, or to a missing node, give no shared nodes."""
    circle: Prompt = {
        "1": {"class_type": "A", "inputs": {"x": ["2", 0]}},
        "2": {"class_type": "A", "inputs": {"x": ["1", 0]}},
    }
    assert cache_keys(circle) == frozenset()
    assert len(cache_keys({"1": {"class_type": "A", "inputs": {"x": ["9", 0]}}})) == 1


OFFERED = ["sub/tiny lora.safetensors", "Other.safetensors", "a/TWIN.pt", "a/twin.pt"]
RENAMING_CATALOG = Catalog(
    {
        "LoadLora": {"input": {"required": {"lora_name": [OFFERED, {}]}}, "output": ["MODEL"]},
        "LoadImage": {
            "input": {"required": {"image": [["sub/a.png"], {"image_upload": True}]}},
            "output": ["IMAGE"],
        },
    }
)


@pytest.mark.parametrize(
    ("saved", "sent"),
    [
        ("sub\\tiny lora.safetensors", "sub/tiny lora.safetensors"),
        ("SUB/Tiny LoRA.safetensors", "sub/tiny lora.safetensors"),
        ("Sub\\tiny lora.safetensors", "sub/tiny lora.safetensors"),
        ("other.safetensors", "Other.safetensors"),
        ("a\\twin.pt", "a/twin.pt"),
        ("A/Twin.pt", "A/Twin.pt"),
        ("tiny lora.safetensors", "tiny lora.safetensors"),
        (7, 7),
    ],
)
def test_a_choice_gets_the_servers_spelling(saved: object, sent: object) -> None:
    """Slashes never matter. Case doesn't either, unless two choices differ only in it."""
    prompt = {"1": {"class_type": "LoadLora", "inputs": {"lora_name": saved, "strength": 1}}}
    renamed = with_server_names(prompt, RENAMING_CATALOG)
    assert renamed["1"]["inputs"] == {"lora_name": sent, "strength": 1}
    assert prompt["1"]["inputs"]["lora_name"] == saved


def test_uploads_and_unknown_classes_keep_their_names() -> None:
    """Only choices of known classes have a server's spelling."""
    prompt = {
        "1": {"class_type": "LoadImage", "inputs": {"image": "sub\\a.png"}},
        "2": {"class_type": "Unknown", "inputs": {"lora_name": "other.safetensors"}},
    }
    assert with_server_names(prompt, RENAMING_CATALOG) == prompt


def test_graphs_and_prompts_get_the_servers_names() -> None:
    """Both kinds of files run on a server with other slashes."""
    saved = graph(graph_node(1, "LoadLora", "sub\\tiny lora.safetensors"))
    prompt = {
        "1": {"class_type": "LoadLora", "inputs": {"lora_name": "sub\\tiny lora.safetensors"}}
    }
    for workflow in (Workflow("a", {}, graph=saved), Workflow("a", prompt)):
        inputs = on_server(workflow, RENAMING_CATALOG).prompt["1"]["inputs"]
        assert inputs["lora_name"] == "sub/tiny lora.safetensors"


@pytest.mark.parametrize("class_type", ["VHS_VideoCombine", "VHS_LoadVideo"])
def test_a_prompt_with_nodes_of_the_pack_switches_them_on(class_type: str) -> None:
    """The switch is where the pack reads it: in `extra_pnginfo`, `workflow`, `extra`."""
    told = animated_previews({"1": node("KSampler"), "2": node(class_type)})
    extra = told["extra_pnginfo"]["workflow"]["extra"]
    assert extra == {"VHS_latentpreview": True, "VHS_latentpreviewrate": 0}


def test_other_prompts_get_no_previews() -> None:
    """The app adds nothing to the results of other prompts."""
    assert animated_previews({"1": node("KSampler"), "2": node("SaveImage")}) == {}
