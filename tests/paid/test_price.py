"""Prices of paid nodes, from the badges that ComfyUI sends."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from comfy.paid import paid_nodes, price_of
from comfy.prompt.model import Prompt


def badge(expression: str, **depends: Any) -> dict[str, Any]:
    return {"engine": "jsonata", "expr": expression, "depends_on": depends}


@pytest.mark.parametrize(
    ("expression", "price"),
    [
        ('{"type":"usd","usd":0.06}', "$0.06"),
        ('{"type":"usd","usd":1234.5}', "$1,234.50"),
        ('{"type":"usd","usd":0.00858,"format":{"suffix":"/second"}}', "$0.0086/second"),
        ('{"type":"range_usd","min_usd":0.5,"max_usd":1}', "$0.50–$1.00"),
        ('{"type":"range_usd","min_usd":0.5,"max_usd":0.5}', "$0.50"),
        (
            '{"type":"list_usd","usd":[0.1,0.2],"format":{"separator":"-","approximate":true}}',
            "~$0.10–$0.20",
        ),
        ('{"type":"text","text":"Free"}', "Free"),
        ('{"type":"usd","usd":0}', "$0.00"),
        ('{"type":"usd"}', ""),
        ('{"type":"barter"}', ""),
        ('{"type":"usd","usd":', ""),
        ('$error("no")', ""),
        ("42", ""),
        ("($f := function($n) { $f($n + 1) }; $f(1))", ""),
    ],
)
def test_a_badge_becomes_a_text(expression: str, price: str) -> None:
    """An expression that fails, or doesn't end, has no price."""
    assert price_of(badge(expression), {}) == price


def test_a_price_depends_on_the_values() -> None:
    """Choices arrive in lower case, numbers as numbers, and links as connected inputs."""
    widgets = [{"name": "size", "type": "COMBO"}, {"name": "n", "type": "INT"}]
    rule = badge(
        '{"type":"usd","usd": (widgets.size = "large" ? 2 : 1) * widgets.n'
        " + (inputs.image.connected ? 10 : 0) + inputGroups.refs}",
        widgets=widgets,
        inputs=["image"],
        input_groups=["refs"],
    )
    assert price_of(rule, {"size": "Large", "n": 3}) == "$6.00"
    linked = {"size": "small", "n": "2", "image": ["1", 0], "refs.a": ["1", 0]}
    assert price_of(rule, linked) == "$13.00"


@pytest.mark.parametrize("value", [None, {}, [], "x", {"engine": "lua", "expr": "1"}])
def test_other_badges_have_no_price(value: object) -> None:
    """An unknown engine isn't evaluated."""
    assert price_of(value, {}) == ""


def test_nodes_with_an_account_or_a_service_are_paid() -> None:
    """A custom node may take a key without being one of ComfyUI's."""
    prompt: Prompt = {
        name: {"class_type": name, "inputs": {}} for name in ("Free", "Api", "Old", "Gone")
    }
    definitions: dict[str, Mapping[str, Any]] = {
        "Free": {"input": {"hidden": {"id": "UNIQUE_ID"}}, "api_node": False},
        "Api": {"input": {"hidden": {"key": ["API_KEY_COMFY_ORG"]}}, "api_node": True},
        "Old": {"input": {"hidden": {"token": "AUTH_TOKEN_COMFY_ORG"}}},
    }
    assert [one.node for one in paid_nodes(prompt, definitions)] == ["Api", "Old"]


def defaults(inputs: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Yield the default values of a node's inputs."""
    for section in ("required", "optional"):
        for name, (kind, *rest) in inputs.get(section, {}).items():
            options = rest[0] if rest else {}
            if kind == "COMFY_DYNAMICCOMBO_V3":
                first = options["options"][0]
                yield prefix + name, first["key"]
                yield from defaults(first["inputs"], f"{prefix}{name}.")
            elif choices := options.get("options"):
                yield prefix + name, options.get("default", choices[0])
            elif "default" in options:
                yield prefix + name, options["default"]


def test_every_partner_node_of_a_real_server_has_a_price(shared: Path) -> None:
    """All badges of ComfyUI 0.33.0 can be computed for the default values."""
    path = shared / "comfyui" / "object_info-0.33.0.json.gz"
    catalog = json.loads(gzip.decompress(path.read_bytes()))
    prompt = {
        name: {"class_type": name, "inputs": dict(defaults(info["input"]))}
        for name, info in catalog.items()
        if info.get("price_badge")
    }
    nodes = paid_nodes(prompt, catalog)  # type: ignore[arg-type]
    assert len(nodes) == len(prompt) > 200
    assert [one.node for one in nodes if not one.price] == []
