"""Links that packs broadcast: Use Everywhere, Set and Get, and similar nodes."""

from __future__ import annotations

import time
from typing import Any

import pytest

from comfy.base.errors import WorkflowError
from comfy.comfyui.object_info import Catalog
from comfy.graph.convert import convert
from tests.support.samples.graphs import (
    CATALOG,
    as_read,
    converted,
    graph,
    graph_node,
    inputs,
    subgraph,
)


def everywhere(sender: dict[str, Any], *more: dict[str, Any], links: str = "") -> dict[str, Any]:
    """Return a graph with two texts that lack a CLIP and a broadcast of the loader's CLIP."""
    return graph(
        graph_node(1, "Load", "a.safetensors"),
        graph_node(2, "Load", "b.safetensors"),
        sender,
        graph_node(4, "Text", "one", title="Positive"),
        graph_node(5, "Text", "two", title="Negative"),
        *more,
        links="1.1 CLIP > 3.anything\n4.0 CONDITIONING > 6.positive\n" + links,
    )


def sampler() -> dict[str, Any]:
    return graph_node(6, "Sample", 1, "fixed")


def test_anything_everywhere() -> None:
    """A broadcast reaches every open input of its type and leaves wired inputs alone. The app
    doesn't report it as missing on the server."""
    data = everywhere(graph_node(3, "Anything Everywhere"), sampler(), links="2.1 CLIP > 5.clip")
    assert inputs(data, "4")["clip"] == ["1", 1]
    assert inputs(data, "5")["clip"] == ["2", 1]
    assert converted(data).missing == ()


def test_an_input_that_refuses_broadcasts() -> None:
    """VideoHelperSuite's nodes turn images into latents if a VAE is connected, so a broadcast
    doesn't reach them."""
    combine = {"input": {"optional": {"vae": ["VAE"]}}, "output": [], "output_node": True}
    catalog = Catalog({**CATALOG.raw, "VHS_VideoCombine": combine})
    data = graph(
        graph_node(1, "Load", "a.safetensors"),
        graph_node(3, "Anything Everywhere"),
        graph_node(4, "Decode"),
        graph_node(5, "VHS_VideoCombine"),
        links="1.2 VAE > 3.anything",
    )
    prompt = convert(as_read(data), catalog).prompt
    assert prompt["4"]["inputs"] == {"vae": ["1", 2]}
    assert prompt["5"]["inputs"] == {}


@pytest.mark.parametrize(
    "sender",
    [
        graph_node(3, "Anything Everywhere?", "^Pos", ".*"),
        graph_node(3, "Anything Everywhere", properties={"ue_properties": {"title_regex": "^Pos"}}),
        graph_node(
            3,
            "Anything Everywhere",
            properties={"ue_properties": {"title_regex": "Neg", "title_regex_invert": True}},
        ),
        graph_node(3, "Anything Everywhere", color="#232", properties={"color_restricted": 2}),
    ],
    ids=["old pattern", "pattern", "inverted", "colour"],
)
def test_restricted_broadcast(sender: dict[str, Any]) -> None:
    """Title patterns and colors decide which nodes a broadcast reaches. Files have kept the
    patterns in three places over time."""
    data = everywhere(sender, sampler())
    data["nodes"][4]["color"] = "#232"
    assert "clip" in inputs(data, "4")
    assert "clip" not in inputs(data, "5")


def test_broadcast_within_a_group() -> None:
    """A broadcast restricted to its group reaches the nodes inside the same frame."""
    sender = graph_node(
        3, "Anything Everywhere", pos=[10, 40], size=[100, 50], properties={"group_restricted": 1}
    )
    data = everywhere(sender, sampler())
    data["nodes"][3] |= {"pos": {"0": 50, "1": 120}, "size": {"0": 80, "1": 40}}
    data["nodes"][4] |= {"pos": [900, 900], "size": [80, 40]}
    data["groups"] = [{"title": "g", "bounding": [0, 0, 300, 300]}]
    assert "clip" in inputs(data, "4")
    assert "clip" not in inputs(data, "5")


def test_equal_broadcasts_cancel_out() -> None:
    """Two broadcasts with the same type and rank reach no node. A more specific broadcast wins."""
    data = everywhere(
        graph_node(3, "Anything Everywhere"),
        sampler(),
        graph_node(7, "Anything Everywhere"),
        links="2.1 CLIP > 7.x",
    )
    assert "clip" not in inputs(data, "4")
    data["nodes"][-1]["properties"] = {"ue_properties": {"title_regex": "Pos"}}
    assert inputs(data, "4")["clip"] == ["2", 1]
    assert inputs(data, "5")["clip"] == ["1", 1]


def test_seed_everywhere() -> None:
    """A seed broadcast reaches only seed widgets that were turned into inputs."""
    data = graph(
        graph_node(1, "Seed Everywhere", 99, "fixed"),
        graph_node(2, "Sample", 1, "fixed", 20, sockets="seed"),
        graph_node(3, "Sample", 2, "fixed", 20),
    )
    assert inputs(data, "2")["seed"] == ["1", 0]
    assert inputs(data, "3")["seed"] == 2


def test_prompts_everywhere() -> None:
    """The first input feeds positive prompts and the second one negative prompts, even though files
    gave both inputs the same name."""
    known = {"optional": {"positive": ["*"], "negative": ["*"]}}
    pack = {"Prompts Everywhere": {"input": known, "output": [], "output_name": []}}
    sender = graph_node(3, "Prompts Everywhere")
    node = graph_node(6, "Sample", 1, "fixed")
    node["inputs"] = [{"name": "positive", "type": "CONDITIONING", "link": None}]
    data = graph(
        *(graph_node(1, "Text", "a cat"), graph_node(2, "Text", "blurry"), sender, node),
        links="1.0 * > 3.CONDITIONING\n2.0 * > 3.second",
    )
    sender["inputs"][1]["name"] = "CONDITIONING"
    prompt = convert(as_read(data), Catalog({**CATALOG.raw, **pack})).prompt
    assert prompt["6"]["inputs"]["positive"] == ["1", 0]


def test_only_marked_widgets_accept_broadcasts() -> None:
    """In the current editor's files every widget has a socket, so a node must say which widgets
    accept a broadcast."""
    data = graph(
        graph_node(1, "Seed Everywhere", 99, "fixed"),
        graph_node(
            2,
            "Sample",
            1,
            "fixed",
            20,
            sockets="seed",
            properties={"ue_properties": {"widget_ue_connectable": {"seed": True}}},
        ),
        graph_node(
            3,
            "Sample",
            2,
            "fixed",
            20,
            sockets="seed",
            properties={"ue_properties": {"widget_ue_connectable": {}}},
        ),
        extra={"frontendVersion": "1.30.2"},
    )
    assert inputs(data, "2")["seed"] == ["1", 0]
    assert inputs(data, "3")["seed"] == 2


RUNAWAYS = {
    "nested repeats": "(a+)+$",
    "repeats in a row": "a*a*a*a*a*b",
    "alternatives": "(?:a|a)?" * 22 + "b",
    "optional parts": "a?" * 33 + "a" * 33 + "b",
    "lazy repeats": "(a??)*?(a|aa)+?b",
    "large counts": "((a{1,9}){1,9}){1,9}b",
    "more memory than is allowed": ".{1,999}b",
    "a back reference": r"(a)\1*b",
    "look-ahead": "(?=(a+))a*b",
    "no pattern": "(",
    "too long": "x" * 500,
    "half a character": "\ud800",
}


@pytest.mark.parametrize("pattern", RUNAWAYS.values(), ids=RUNAWAYS)
@pytest.mark.parametrize("setting", ["title_regex", "input_regex", "group_regex"])
def test_a_hostile_pattern_matches_nothing_at_once(pattern: str, setting: str) -> None:
    """The time to match a file's pattern never grows faster than the text."""
    sender = graph_node(3, "Anything Everywhere", properties={"ue_properties": {setting: pattern}})
    data = everywhere(sender, sampler())
    data["nodes"][3]["title"] = "a" * 90 + "!" * 100_000
    data["groups"] = [{"title": "a" * 90 + "!", "bounding": [0, 0, 900, 900]}]
    begun = time.process_time()
    assert "clip" not in inputs(data, "4")
    assert time.process_time() - begun < 1


@pytest.mark.parametrize(
    "pattern", ["^Pos", "(?i)^pos(itive)?$", "Neg|Pos", r"\bPositive\b", "a?b?P"]
)
def test_patterns_match_as_in_the_editor(pattern: str) -> None:
    data = everywhere(graph_node(3, "Anything Everywhere?", pattern, ".*"), sampler())
    assert inputs(data, "4")["clip"] == ["1", 1]


def test_a_crowd_of_senders_and_inputs_is_refused() -> None:
    """The work grows with the number of senders times the number of inputs. After a second's worth
    of work, the app refuses the graph with a sentence."""
    costly = {"ue_properties": {"title_regex": "(?:a?){900}$"}}
    senders = [graph_node(10 + n, "Anything Everywhere", properties=costly) for n in range(150)]
    texts = [graph_node(1000 + n, "Text", "a", title="a" * 99) for n in range(2000)]
    links = "\n".join(f"1.1 CLIP > {sender['id']}.anything" for sender in senders)
    data = everywhere(senders[0] | {"id": 3}, sampler(), *senders, *texts, links=links)
    begun = time.process_time()
    with pytest.raises(WorkflowError, match="too large"):
        converted(data)
    assert time.process_time() - begun < 10


def test_a_crowd_of_groups_is_refused() -> None:
    """The app checks a sender's pattern against the title of each group."""
    costly = {"ue_properties": {"group_regex": "(a|ab|abc|.){30}" + "b?" * 30 + "[a-c]{20}$"}}
    data = everywhere(graph_node(3, "Anything Everywhere", properties=costly), sampler())
    group = {"title": "ab" * 50, "bounding": [0, 0, 9, 9]}
    data["groups"] = [group] * 100
    assert converted(data)
    data["groups"] = [group] * 20_000
    begun = time.process_time()
    with pytest.raises(WorkflowError, match="too large"):
        converted(data)
    assert time.process_time() - begun < 1


def test_a_crowd_of_names_is_refused() -> None:
    """If the rule of a node makes its inputs' names patterns, the app compiles a limited number."""
    rule = {"version": "7.8", "repeated_type_rule": 4}
    sender = graph_node(3, "Anything Everywhere", properties={"ue_properties": rule})
    wide = r"[\p{L}\p{N}]{1,30}" * 8
    links = "\n".join(f"1.1 CLIP > 3.{wide}{number}" for number in range(3000))
    data = graph(graph_node(1, "Load"), sender, graph_node(4, "Text"), links=links)
    begun = time.process_time()
    with pytest.raises(WorkflowError, match="too large"):
        converted(data)
    assert time.process_time() - begun < 10


UE = "Anything Everywhere"


def ue(node_id: int, kind: str = UE, **settings: Any) -> dict[str, Any]:
    """Return a broadcasting node of version 7 with these settings."""
    return graph_node(node_id, kind, properties={"ue_properties": {"version": "7.8", **settings}})


def ready(node: dict[str, Any], *widgets: str, **properties: Any) -> dict[str, Any]:
    """Return a node as the pack saves it. `widgets` accept broadcasts."""
    own = {"widget_ue_connectable": dict.fromkeys(widgets, True), "version": "7.8"}
    return node | {"properties": {"ue_properties": own | properties.pop("own", {}), **properties}}


def text(node_id: int, *values: Any, **properties: Any) -> dict[str, Any]:
    return ready(graph_node(node_id, "Text", *values), **properties)


def sample(node_id: int, **properties: Any) -> dict[str, Any]:
    """Return a sampler with open sockets."""
    return _with_sockets(
        ready(graph_node(node_id, "Sample", 1, "fixed"), **properties),
        "model:MODEL positive:CONDITIONING latent:LATENT",
    )


def _with_sockets(node: dict[str, Any], sockets: str) -> dict[str, Any]:
    slots = [slot.split(":") for slot in sockets.split()]
    node["inputs"] += [{"name": name, "type": kind, "link": None} for name, kind in slots]
    return node


def test_dead_link_numbers_stay_dead() -> None:
    """A new link doesn't get the number of a link that sockets still name but that no longer
    exists."""
    broken = sample(5)
    for number, slot in enumerate(broken["inputs"], start=3):
        slot["link"] = number
    data = graph(
        graph_node(1, "Load", "a.safetensors"),
        *(ue(2), broken, ready(graph_node(6, "Decode"))),
        links="1.1 CLIP > 2.anything\n1.2 VAE > 2.VAE",
    )
    assert "model" not in inputs(data, "5")
    assert inputs(data, "6") == {"vae": ["1", 2]}


def test_any_node_may_broadcast_its_outputs() -> None:
    """An output may be excluded."""
    sender = ready(graph_node(1, "Load", "a.safetensors"), ue_convert=True)
    sender["outputs"] = [{"name": kind, "type": kind} for kind in ("MODEL", "CLIP", "VAE")]
    data = graph(sender, text(4, "a"), sample(5))
    assert inputs(data, "4")["clip"] == ["1", 1]
    assert inputs(data, "5")["model"] == ["1", 0]
    sender["properties"]["ue_properties"]["output_not_broadcasting"] = {"CLIP": True}
    assert "clip" not in inputs(data, "4")
    sender["mode"] = 4
    assert "model" not in inputs(data, "5")


def test_a_broadcasting_node_receives_too() -> None:
    """A node never receives its own broadcast."""
    sender = text(4, "a", ue_convert=True)
    sender["outputs"] = [{"name": "CONDITIONING", "type": "CONDITIONING"}]
    data = graph(
        graph_node(1, "Load", "a.safetensors"),
        *(ue(3), sender, sample(5)),
        links="1.1 CLIP > 3.anything",
    )
    assert inputs(data, "4")["clip"] == ["1", 1]
    assert inputs(data, "5")["positive"] == ["4", 0]


RULES = {
    "exact": (0, "one", ["3", 0], "four", None),
    "start": (1, "o", ["3", 0], "two2", ["4", 0]),
    "end": (2, "e", ["3", 0], "xtwo", ["4", 0]),
    "title": (3, "Blending", ["3", 0], "Mix", None),
    "pattern": (4, "^o", ["3", 0], "^t", ["4", 0]),
}


@pytest.mark.parametrize(("rule", "one", "first", "two", "second"), RULES.values(), ids=RULES)
def test_broadcasts_of_one_type_need_a_name(
    rule: int, one: str, first: object, two: str, second: object
) -> None:
    """If a node broadcasts several outputs of a type, a rule compares the names of the node's
    inputs with the receivers."""
    sender = ue(6, repeated_type_rule=rule)
    data = graph(
        *(graph_node(3, "Image", "x.png", "image"), graph_node(4, "Image", "x.png", "image")),
        sender,
        _with_sockets(ready(graph_node(7, "Blend")), "one:IMAGE two:IMAGE"),
        links=f"3.0 IMAGE > 6.{one}\n4.0 IMAGE > 6.{two}",
    )
    data["nodes"][3]["title"] = "Blending"
    linked = inputs(data, "7")
    assert linked.get("one") == first
    if rule != 3:
        assert linked.get("two") == second
    data["links"].pop()
    sender["inputs"].pop()
    assert inputs(data, "7") == {"one": ["3", 0], "two": ["3", 0]}
    sender["properties"]["ue_properties"]["apply_to_unrepeated"] = 1
    assert inputs(data, "7").get("one") == first


def test_a_label_names_an_input() -> None:
    """A label replaces the name at both ends."""
    sender = ue(6)
    data = graph(
        *(graph_node(3, "Image", "x.png", "image"), graph_node(4, "Image", "x.png", "image")),
        sender,
        _with_sockets(ready(graph_node(7, "Blend")), "one:IMAGE two:IMAGE"),
        links="3.0 IMAGE > 6.a\n4.0 IMAGE > 6.b",
    )
    sender["inputs"][0]["label"] = "two"
    sender["inputs"][1]["label"] = "left"
    data["nodes"][3]["inputs"][0]["label"] = "left"
    assert inputs(data, "7") == {"one": ["4", 0], "two": ["3", 0]}


def test_a_bypassed_node_receives_and_passes_on() -> None:
    data = graph(
        graph_node(1, "Load", "a.safetensors"),
        ue(3),
        ready(graph_node(2, "Resize", "size", 1, 1, False, mode=4)),
        graph_node(4, "Image", "x.png", "image"),
        _with_sockets(ready(graph_node(7, "Blend"), rejects_ue_links=True), "one:IMAGE"),
        links="4.0 IMAGE > 3.anything\n2.0 IMAGE > 7.one",
    )
    data["nodes"][2]["inputs"] = [{"name": "image", "type": "IMAGE", "link": None}]
    assert inputs(data, "7") == {"one": ["4", 0]}


@pytest.mark.parametrize(("mode", "origin"), [(4, ["4", 0]), (2, None)], ids=["bypassed", "muted"])
def test_a_source_that_does_not_run(mode: int, origin: object) -> None:
    """A broadcast of a bypassed node comes from the node before it. A muted node has none."""
    data = graph(
        graph_node(4, "Image", "x.png", "image"),
        ready(graph_node(2, "Resize", "size", 1, 1, False, mode=mode)),
        ue(3),
        _with_sockets(ready(graph_node(7, "Blend")), "one:IMAGE"),
        links="4.0 IMAGE > 2.image\n2.0 IMAGE > 3.anything",
    )
    assert inputs(data, "7").get("one") == origin


def test_refused_inputs() -> None:
    """A socket or a whole node may refuse broadcasts."""
    data = graph(
        graph_node(1, "Load", "a.safetensors"),
        ue(3),
        text(4, "a"),
        text(5, "b", own={"input_ue_unconnectable": {"clip": True}}),
        text(6, "c", rejects_ue_links=True),
        links="1.1 CLIP > 3.anything",
    )
    for node in data["nodes"][2:]:
        _with_sockets(node, "clip:CLIP")
    assert inputs(data, "4")["clip"] == ["1", 1]
    assert "clip" not in inputs(data, "5")
    assert "clip" not in inputs(data, "6")


@pytest.mark.parametrize("marked", [True, False])
def test_a_widget_must_be_marked(marked: bool) -> None:
    node = graph_node(5, "Sample", 1, "fixed", 20, sockets="seed steps")
    data = graph(
        graph_node(1, "Number", 9),
        *(ue(3, input_regex="^seed$"), ready(node, *(["seed"] if marked else []))),
        links="1.0 INT > 3.anything",
    )
    assert inputs(data, "5")["seed"] == (["1", 0] if marked else 1)
    assert inputs(data, "5")["steps"] == 20


def test_a_file_without_settings_marks_the_widgets_with_sockets() -> None:
    """Without any settings of the pack, each widget with a saved socket receives."""
    data = graph(
        graph_node(1, "Number", 9),
        *(ue(3), graph_node(5, "Sample", 1, "fixed", 20, sockets="seed")),
        links="1.0 INT > 3.anything",
        extra={"frontendVersion": "1.30.2"},
    )
    assert inputs(data, "5")["seed"] == ["1", 0]
    assert inputs(data, "5")["steps"] == 20


def test_priorities() -> None:
    """An own priority counts instead of the computed one."""
    data = graph(
        *(graph_node(1, "Load", "a.safetensors"), graph_node(2, "Load", "b.safetensors")),
        *(ue(3, title_regex="Text"), ue(4), text(5, "a")),
        links="1.1 CLIP > 3.anything\n2.1 CLIP > 4.anything",
    )
    data["nodes"][4]["title"] = "Text"
    assert inputs(data, "5")["clip"] == ["1", 1]
    data["nodes"][3]["properties"]["ue_properties"]["priority"] = 31
    assert inputs(data, "5")["clip"] == ["2", 1]
    data["nodes"][3]["properties"]["ue_properties"]["priority"] = 30
    assert "clip" not in inputs(data, "5")


@pytest.mark.parametrize("allowed", [0, 1])
def test_inputs_of_any_type_receive_only_if_set(allowed: int) -> None:
    data = graph(
        graph_node(1, "Load", "a.safetensors"),
        ue(3, send_to_any=allowed),
        _with_sockets(text(5, "a"), "extra:*"),
        links="1.0 MODEL > 3.anything",
    )
    assert inputs(data, "5").get("extra") == (["1", 0] if allowed else None)


def test_choices_do_not_receive_texts() -> None:
    """The pack would send texts to choices, but the editor refuses such links."""
    node = graph_node(5, "Sample", 1, "fixed", 20, "euler", sockets="sampler_name")
    data = graph(
        *(graph_node(1, "Palette", []), ue(3, string_to_combo=1), ready(node, "sampler_name")),
        links="1.0 STRING > 3.anything",
    )
    data["nodes"][2]["inputs"][0]["type"] = "COMBO"
    assert inputs(data, "5")["sampler_name"] == "euler"


def test_prompts_everywhere_names_its_inputs() -> None:
    """The two inputs count as `positive` and `negative` if both have the same type."""
    sender = ue(6, "Prompts Everywhere")
    data = graph(
        *(graph_node(3, "Text", "p"), graph_node(4, "Text", "n"), sender, sample(7)),
        links="3.0 CONDITIONING > 6.positive\n4.0 CONDITIONING > 6.negative",
    )
    assert inputs(data, "7")["positive"] == ["3", 0]
    data["nodes"][3]["inputs"][1] |= {"name": "negative"}
    assert inputs(data, "7")["negative"] == ["4", 0]


def test_seed_everywhere_feeds_seeds() -> None:
    node = graph_node(5, "Sample", 1, "fixed", 20, sockets="seed steps")
    sender = ue(3, "Seed Everywhere") | {"widgets_values": [77, "fixed"]}
    sender["outputs"] = [{"name": "int", "type": "INT"}]
    data = graph(sender, ready(node, "seed", "steps"))
    assert inputs(data, "5")["seed"] == ["3", 0]
    assert inputs(data, "5")["steps"] == 20


def test_the_type_of_the_link_counts() -> None:
    """A link whose type the file leaves open feeds nothing."""
    data = graph(
        *(graph_node(1, "Load", "a.safetensors"), ue(3), text(4, "a")),
        links="1.1 * > 3.anything",
    )
    assert "clip" not in inputs(data, "4")


def test_nodes_of_version_6_keep_their_settings() -> None:
    """Before version 7, patterns were widgets, and restrictions were properties."""
    connectable = {"widget_ue_connectable": {}}
    old = graph_node(
        3,
        "Anything Everywhere?",
        "Pos",
        ".*",
        "",
        properties={**connectable, "color_restricted": 2},
    )
    data = graph(
        *(graph_node(1, "Load", "a.safetensors"), old, text(4, "a"), text(5, "b"), text(6, "c")),
        links="1.1 CLIP > 3.anything",
    )
    old["color"] = "#232"
    for node, title in zip(data["nodes"][2:], ("Pos", "Neg", "Pos 2"), strict=True):
        node["title"] = title
    data["nodes"][4]["color"] = "#232"
    assert inputs(data, "4")["clip"] == ["1", 1]
    assert "clip" not in inputs(data, "5")
    assert "clip" not in inputs(data, "6")


def _inside(*nodes: dict[str, Any], links: str, outputs: str = "") -> dict[str, Any]:
    return subgraph("inner", *nodes, inputs="clip:CLIP", outputs=outputs, links=links)


def test_broadcasts_inside_a_subgraph() -> None:
    """A subgraph's input may be broadcast, and an open output of the subgraph receives. Nothing
    leaves the subgraph otherwise."""
    sender = text(13, "a", ue_convert=True)
    sender["outputs"] = [{"name": "CONDITIONING", "type": "CONDITIONING"}]
    inner = _inside(ue(12), sender, links="in.clip CLIP > 12.anything", outputs="made:CONDITIONING")
    data = graph(
        *(graph_node(1, "Load", "a.safetensors"), ready(graph_node(20, "inner"))),
        *(text(4, "outside"), ready(graph_node(5, "Sample", 1, "fixed"))),
        links="1.1 CLIP > 20.clip\n20.0 CONDITIONING > 5.positive",
        definitions={"subgraphs": [inner]},
    )
    assert inputs(data, "20:13")["clip"] == ["1", 1]
    assert inputs(data, "5")["positive"] == ["20:13", 0]
    assert "clip" not in inputs(data, "4")


def test_a_subgraph_may_broadcast() -> None:
    inner = _inside(
        text(13, "a"), links="13.0 CONDITIONING > out.made", outputs="made:CONDITIONING"
    )
    host = ready(graph_node(20, "inner"), ue_convert=True)
    host["outputs"] = [{"name": "made", "type": "CONDITIONING"}]
    data = graph(host, sample(5), definitions={"subgraphs": [inner]})
    assert inputs(data, "5")["positive"] == ["20:13", 0]


def test_groups_are_looked_up_in_the_root_graph() -> None:
    """A pattern for groups works in the root graph only."""
    data = graph(
        *(graph_node(1, "Load", "a.safetensors"), ue(3, group_regex="^main"), text(4, "a")),
        *(text(5, "b"), ready(graph_node(20, "inner"))),
        links="1.1 CLIP > 3.anything\n1.1 CLIP > 20.clip",
        groups=[{"title": "main part", "bounding": [0, 0, 400, 400]}],
    )
    data["nodes"][2] |= {"pos": [100, 100], "size": [200, 100]}
    data["nodes"][3] |= {"pos": [900, 900], "size": [200, 100]}
    inner = _inside(
        *(ue(12, group_regex="^main"), text(13, "c")), links="in.clip CLIP > 12.anything"
    )
    inner["groups"] = [{"title": "main", "bounding": [-9999, -9999, 19999, 19999]}]
    data["definitions"] = {"subgraphs": [inner]}
    assert inputs(data, "4")["clip"] == ["1", 1]
    assert "clip" not in inputs(data, "5")
    assert "clip" not in inputs(data, "20:13")


def test_a_combo_clone_feeds_choices() -> None:
    """The pack's "Combo Clone" has the type of the choices that it was connected to."""
    node = graph_node(5, "Sample", 1, "fixed", 20, "euler", sockets="sampler_name")
    cloned = {"comboclone": {"options": ["euler", "heun"], "name": "sampler_name"}}
    clone = ready(graph_node(1, "Combo Clone", "heun"), ue_convert=True, **cloned)
    clone["outputs"] = [{"name": "comboout", "type": "*"}]
    data = graph(clone, ready(node, "sampler_name"))
    data["nodes"][1]["inputs"][0]["type"] = "COMBO"
    assert inputs(data, "5")["sampler_name"] == ["1", 0]
