"""Paid partner nodes (docs/comfyui.md#62): which nodes of a prompt use credits, and their price as
text, such as "$0.05/second". Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from comfy.base.json_values import as_dicts, as_list, as_mapping, as_number, as_text
from comfy.base.wording import one_line
from comfy.prompt.model import Prompt, is_link

_LONGEST_EXPRESSION, _LONGEST_PRICE = 20_000, 100  # characters
_MOST_MILLISECONDS, _MOST_DEPTH = 200, 200
_NUMBERS = ("INT", "FLOAT")
_KEY_TYPES = frozenset({"API_KEY_COMFY_ORG", "AUTH_TOKEN_COMFY_ORG"})


def price_of(badge: object, inputs: Mapping[str, object]) -> str:
    """Return the price of a node with these inputs, in US dollars or in the server's own words; ""
    without one, and after an error.

    `badge`: the node definition's `price_badge`, a JSONata expression that the server sends.
    """
    rule = as_mapping(badge)
    expression = as_text(rule.get("expr"))
    if rule.get("engine") != "jsonata" or not 0 < len(expression) <= _LONGEST_EXPRESSION:
        return ""
    return _text_of(_evaluated(expression, _context(as_mapping(rule.get("depends_on")), inputs)))


def _context(depends_on: Mapping[str, Any], inputs: Mapping[str, object]) -> dict[str, Any]:
    widgets = as_dicts(depends_on.get("widgets"))
    names = [one for one in as_list(depends_on.get("inputs")) if isinstance(one, str)]
    groups = [one for one in as_list(depends_on.get("input_groups")) if isinstance(one, str)]
    linked = [name for name, value in inputs.items() if is_link(value)]
    return {
        "widgets": dict(_widget_values(widgets, inputs)),
        "inputs": {name: {"connected": name in linked} for name in names},
        "inputGroups": {one: sum(name.startswith(f"{one}.") for name in linked) for one in groups},
    }


def _widget_values(
    widgets: Iterator[dict[str, Any]], inputs: Mapping[str, object]
) -> Iterator[tuple[str, object]]:
    """Yield the values of widgets as the editor gives them to the expression."""
    for widget in widgets:
        name, kind = as_text(widget.get("name")), as_text(widget.get("type"))
        value = inputs.get(name)
        match value:
            case bool():
                yield name, None if kind in _NUMBERS else value
            case int() | float():
                yield name, value
            case str() if kind in _NUMBERS:
                yield name, _number_in(value)
            case str():
                yield name, value.strip().lower()
            case _:
                yield name, None


def _number_in(text: str) -> float | None:
    try:
        return as_number(float(text))
    except ValueError:
        return None


def _evaluated(expression: str, context: dict[str, Any]) -> dict[str, Any]:
    """Return the value of the expression, {} after an error."""
    from jsonata import Jsonata  # takes 0.2 s

    try:
        rule = Jsonata(expression, timeout=_MOST_MILLISECONDS, stack=_MOST_DEPTH)
        return as_mapping(rule.evaluate(context))
    except Exception:  # noqa: BLE001 - the server's expression may fail in any way
        return {}


def _text_of(result: Mapping[str, Any]) -> str:
    """Return the price in an expression's result as text."""
    style = as_mapping(result.get("format"))
    match result.get("type", "usd"):
        case "text":
            return one_line(as_text(result.get("text")))[:_LONGEST_PRICE]
        case "usd":
            amounts = [result.get("usd")]
        case "range_usd":
            amounts = [result.get("min_usd"), result.get("max_usd")]
        case "list_usd":
            amounts = as_list(result.get("usd"))
        case _:
            return ""
    numbers = [number for one in amounts if (number := as_number(one)) is not None]
    if not numbers or len(numbers) < len(amounts):
        return ""
    # En dashes stand for the editor's hyphens in ranges.
    separator = as_text(style.get("separator")) or "–"
    amount = separator.replace("-", "–").join(dict.fromkeys(map(_dollars, numbers)))
    note = as_text(style.get("note"))
    about = "~" if style.get("approximate") is True else ""
    return one_line(f"{about}{amount}{as_text(style.get('suffix'))} {note}")[:_LONGEST_PRICE]


def _dollars(amount: float) -> str:
    """Return an amount with two decimals, or with two significant digits if it is small."""
    if amount == 0 or abs(amount) >= 0.1:
        return f"${amount:,.2f}"
    whole, _, digits = f"{amount:.{1 - math.floor(math.log10(abs(amount)))}f}".partition(".")
    return f"${whole}.{digits.rstrip('0'):0<2}"


@dataclass(frozen=True, slots=True)
class PaidNode:
    """A paid node of a prompt, with its definition and its inputs."""

    node: str
    class_type: str
    info: Mapping[str, Any] = field(repr=False)
    inputs: Mapping[str, object] = field(repr=False)

    @property
    def takes_key(self) -> bool:
        """Return whether it needs a comfy.org API key."""
        return takes_key(self.info)

    @property
    def price(self) -> str:
        """Return the price with these inputs as text, "" if the server states none."""
        return price_of(self.info.get("price_badge"), self.inputs)


def takes_key(info: Mapping[str, Any]) -> bool:
    """Return whether a node definition of `/object_info` has a hidden input for an account at
    comfy.org."""
    hidden = as_mapping(as_mapping(info.get("input")).get("hidden"))
    types = (
        one if isinstance(one, str) else next(iter(as_list(one)), "") for one in hidden.values()
    )
    return any(isinstance(one, str) and one in _KEY_TYPES for one in types)


def paid_nodes(
    prompt: Prompt, definitions: Mapping[str, Mapping[str, Any]]
) -> tuple[PaidNode, ...]:
    """Return the paid nodes of a prompt. `definitions`: raw definitions by class."""
    return tuple(_found(prompt, definitions))


def _found(prompt: Prompt, definitions: Mapping[str, Mapping[str, Any]]) -> Iterator[PaidNode]:
    for node, content in prompt.items():
        info = as_mapping(definitions.get(content["class_type"]))
        if takes_key(info) or info.get("api_node") is True:
            yield PaidNode(node, content["class_type"], info, content["inputs"])
