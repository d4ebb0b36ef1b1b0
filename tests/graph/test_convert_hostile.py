"""Hostile graphs: conversion finishes quickly with a prompt or a WorkflowError."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from comfy.base.errors import WorkflowError
from comfy.base.json_values import TooDeep, read_json
from comfy.comfyui.object_info import Catalog
from comfy.graph.convert import Converted, convert
from comfy.graph.live import VIRTUAL
from comfy.graph.use_everywhere import EVERYWHERE
from comfy.workflow.resolve import read_app
from tests.support.distribution import examples
from tests.support.samples.graphs import CATALOG, as_read, graph, graph_node, subgraph

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([-1, 0, 1, 2**63, 10**400, float("nan"), float("inf"), 1e300, 0.5])
    | st.floats()
    | st.text(max_size=8)
)
JUNK = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=8,
)


def mostly(value: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return a strategy that draws junk once in a while. If everything were junk, nothing would get
    far enough to break."""
    return st.one_of(*[value] * 15, JUNK)


def maybe(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return mostly(
        st.fixed_dictionaries({}, optional={name: mostly(value) for name, value in fields.items()})
    )


SUBGRAPHS = ("one", "two", "three")
KINDS = st.sampled_from(
    [*sorted(CATALOG), *sorted(VIRTUAL | EVERYWHERE), *SUBGRAPHS, "workflow/G", "Mystery", ""]
)
IDS = st.sampled_from([1, 2, 3, 4, 1, 2, 3, 4, "1", "5", "1:2", -10, -20, 2.0])
LINK_IDS = st.integers(0, 6)
NAMES = st.sampled_from(
    ["", "clip", "text", "value", "images.image0", "how", "how.width", "seed", "a"]
) | st.text(max_size=4)
TYPES = st.sampled_from(["*", "INT", "IMAGE", "CLIP", "IMAGE,MASK", "COMBO", -1, ["a"]])
SLOTS = st.lists(
    maybe(
        name=NAMES,
        type=TYPES,
        link=LINK_IDS,
        links=st.lists(LINK_IDS, max_size=3),
        widget=maybe(name=NAMES),
        label=NAMES,
    ),
    max_size=4,
)
PROXIES = st.lists(st.tuples(IDS.map(str), NAMES).map(list) | JUNK, max_size=4)
PROPERTIES = maybe(
    proxyWidgets=PROXIES,
    proxyWidgetErrorQuarantine=st.lists(
        maybe(originalEntry=st.tuples(st.just("-1"), NAMES).map(list), hostValue=JUNK), max_size=2
    ),
    ue_properties=maybe(
        title_regex=st.text(max_size=6),
        group_regex=st.text(max_size=3),
        priority=LEAVES,
        send_to_any=LEAVES,
    ),
    group_restricted=LEAVES,
    models=JUNK,
    min=LEAVES,
)
NODES = st.lists(
    maybe(
        id=IDS,
        type=KINDS,
        mode=st.sampled_from([0, 2, 4]),
        title=st.text(max_size=5),
        inputs=SLOTS,
        outputs=SLOTS,
        widgets_values=st.lists(JUNK, max_size=6) | st.dictionaries(NAMES, JUNK, max_size=3),
        properties=PROPERTIES,
        pos=JUNK,
        size=JUNK,
    ),
    max_size=6,
)
LINKS = st.lists(
    st.tuples(LINK_IDS, IDS, st.integers(-2, 4), IDS, st.integers(-2, 4), TYPES).map(list)
    | maybe(
        id=LINK_IDS,
        origin_id=IDS,
        origin_slot=LINK_IDS,
        target_id=IDS,
        target_slot=LINK_IDS,
        type=TYPES,
    ),
    max_size=8,
)
PORTS = st.lists(
    maybe(name=NAMES, type=TYPES, linkIds=st.lists(LINK_IDS, max_size=3), label=NAMES), max_size=3
)
DEFINITIONS = st.lists(
    maybe(
        id=st.sampled_from(SUBGRAPHS),
        name=NAMES,
        nodes=NODES,
        links=LINKS,
        inputs=PORTS,
        outputs=PORTS,
    ),
    max_size=3,
)
GROUP = maybe(
    nodes=NODES,
    links=st.lists(st.lists(LINK_IDS, min_size=3, max_size=6), max_size=4),
    external=st.lists(st.lists(LINK_IDS, max_size=3), max_size=2),
    config=maybe(**{"0": maybe(input=JUNK, output=JUNK)}),
)
EXTRA = maybe(
    groupNodes=maybe(G=GROUP),
    linearData=maybe(
        inputs=st.lists(st.tuples(IDS, NAMES).map(list) | JUNK, max_size=4),
        outputs=st.lists(IDS, max_size=3),
    ),
    frontendVersion=JUNK,
)
DOCUMENTS = st.fixed_dictionaries(
    {
        "nodes": NODES,
        "links": LINKS | JUNK,
        "extra": EXTRA,
        "definitions": maybe(subgraphs=DEFINITIONS),
    },
    optional={
        "version": LEAVES,
        "last_node_id": LEAVES,
        "groups": JUNK,
        "state": JUNK,
        "id": LEAVES,
    },
)
PATIENT = settings(
    max_examples=examples(60),
    deadline=10_000,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def try_to_convert(data: Any, catalog: Catalog = CATALOG) -> None:
    """Read and convert the data. Only a WorkflowError or an error about depth is allowed."""
    try:
        text = json.dumps(data)
    except RecursionError:  # so deep that even a test cannot write it
        text = "[" * 5000
    with contextlib.suppress(WorkflowError, TooDeep):
        check(convert(read_json(text), catalog))


def check(result: Converted) -> None:
    """Check that JSON can carry the prompt, that its links lead to existing nodes, and that its App
    is readable."""
    json.dumps(result.prompt, allow_nan=False)
    for one in result.prompt.values():
        for value in one["inputs"].values():
            assert not isinstance(value, list) or value[0] in result.prompt
    for widget in result.widgets:
        assert all(place in result.prompt for place, _ in widget.targets)
    read_app(result)


@PATIENT
@given(DOCUMENTS)
def test_garbled_documents(data: Any) -> None:
    """The converter handles files with all kinds of errors in every field."""
    try_to_convert(data)


@PATIENT
@given(
    JUNK | st.fixed_dictionaries({"nodes": JUNK, "links": JUNK, "definitions": JUNK, "extra": JUNK})
)
def test_junk(data: Any) -> None:
    """The converter handles JSON that is anything but a graph."""
    try_to_convert(data)


@PATIENT
@given(
    st.dictionaries(
        KINDS, JUNK | maybe(input=maybe(required=JUNK, optional=JUNK), output=JUNK), max_size=5
    ),
    DOCUMENTS,
)
def test_garbled_catalogs(raw: Any, data: Any) -> None:
    """The converter handles a server that describes its nodes badly."""
    try_to_convert(data, Catalog(as_read(raw)))


def chain(length: int, readers: int) -> Any:
    hops = "\n".join(f"{n}.0 CLIP > {n + 1}.in" for n in range(2, length + 1))
    ends = "\n".join(f"{length + 1}.0 CLIP > {length + 2 + n}.clip" for n in range(readers))
    texts = [graph_node(length + 2 + n, "Text", "") for n in range(readers)]
    middle = [graph_node(n, "Reroute") for n in range(2, length + 2)]
    return graph(
        graph_node(1, "Load", "a"), *middle, *texts, links=f"1.1 CLIP > 2.in\n{hops}\n{ends}"
    )


def ring() -> Any:
    return graph(
        graph_node(1, "Reroute"),
        graph_node(2, "Reroute"),
        graph_node(3, "Text", ""),
        links="1.0 C > 2.i\n2.0 C > 1.i\n2.0 C > 3.clip",
    )


def nested(depth: int) -> Any:
    layers = [subgraph(f"s{n}", graph_node(n, f"s{n + 1}")) for n in range(depth)]
    return graph(graph_node(99999, "s0"), definitions={"subgraphs": layers})


def definitions_in_definitions(depth: int) -> Any:
    inner: Any = {"id": "last", "nodes": []}
    for n in range(depth):
        inner = {"id": f"s{n}", "nodes": [], "definitions": {"subgraphs": [inner]}}
    return graph(definitions={"subgraphs": [inner]})


def deep_value(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return graph(graph_node(1, "Number", value))


def many_proxies(count: int) -> Any:
    inside = [graph_node(n, "Empty", 1, 2, sockets="width height") for n in range(1, count)]
    entries = [[str(n), name] for n in range(1, count) for name in ("width", "height")]
    hosts = [graph_node(90000 + n, "box", properties={"proxyWidgets": entries}) for n in range(3)]
    return graph(*hosts, definitions={"subgraphs": [subgraph("box", *inside)]})


def long_prefix() -> Any:
    host = graph_node(2, "box", 1, properties={"proxyWidgets": [["1", "1:" * 500_000]]})
    return graph(host, definitions={"subgraphs": [subgraph("box", graph_node(1, "Number", 1))]})


def many_names(count: int) -> Any:
    text = "%Nobody.x%" * count
    return graph(
        *(graph_node(n, "Number", 1) for n in range(1, 2000)), graph_node(9999, "SaveImage", text)
    )


@pytest.mark.parametrize(
    "make",
    [
        lambda: chain(3000, 3000),
        ring,
        lambda: nested(3000),
        lambda: definitions_in_definitions(3000),
        lambda: deep_value(5000),
        lambda: many_proxies(500),
        long_prefix,
        lambda: many_names(200_000),
        lambda: graph(
            graph_node(1, "Text", "x" * 10_000_000), graph_node(2, "SaveImage", "%" * 1_000_001)
        ),
        lambda: graph(*(graph_node(7, "Number", n) for n in range(20_000))),
        lambda: graph(*(graph_node(n, "Anything Everywhere") for n in range(1000))),
        lambda: graph(
            *(graph_node(n, "GetNode", "x") for n in range(5000)),
            *(graph_node(9000 + n, "SetNode", "x") for n in range(5000)),
        ),
        lambda: graph(graph_node(1, "CustomCombo", "x", 0, *("x" for _ in range(20_000)))),
        lambda: graph(
            {
                **graph_node(1, "Join"),
                "inputs": [{"name": f"images.image{n}", "link": n} for n in range(20_000)],
            }
        ),
    ],
    ids=lambda make: str(make.__code__.co_names[:3] or make.__name__),
)
def test_much_of_something(make: Callable[[], Any]) -> None:
    """Long chains, rings, deep nesting, huge strings and crowds of nodes finish within seconds."""
    data = make()
    start = time.process_time()
    try_to_convert(data)
    assert time.process_time() - start < 5
