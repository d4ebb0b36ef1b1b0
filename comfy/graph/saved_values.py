"""Readings of a node's saved `widgets_values`.

A list has positions instead of names, and the editor reads it by position (docs/comfyui.md#35).
That puts values into the wrong widgets if the pack's script adds buttons and widgets that the
server doesn't declare, or if the node was saved with another version of its class. So a list has
several readings, and the one with the fewest values of a wrong type counts:

1. by position, as in the editor, without the values of sockets
2. by the names that newer editors save, or by the names of the saved widgets' sockets
3. in order: each widget has one of the next values that fit it, and the others belong to none

What no reading decides isn't taken: the widget keeps its initial value.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import Any, NamedTuple

from comfy.comfyui.input_spec import COMBO, DYNAMIC_GROUP, InputSpec
from comfy.comfyui.object_info import NodeSpec
from comfy.graph.widgets import KINDS, NodeWidget, assign, layout, widget_type
from comfy.prompt.value_types import BadValue, match_choice, read_float

_NO_MORE = object()
_CONTROL = "control_after_generate"
_CONTROLS = frozenset({"fixed", "increment", "increment-wrap", "decrement", "randomize"})
_TYPED = frozenset({"INT", "FLOAT", "BOOLEAN", "STRING"})
# Weights of a value at a widget: it has the right type, or at least isn't refused at its position.
_FITS, _STAYS = 1000, 500
# Bonus for the position, counted from the start or the end, up to the first value that doesn't fit.
_FROM_START, _FROM_END = 2, 1
_MOST_PAIRS = 20_000  # of widgets and values; more would take too long


class Restored(NamedTuple):
    """A node's widgets with their saved values. `is_outdated`: the list doesn't suit the class, so
    some widgets have their initial values."""

    widgets: list[NodeWidget]
    is_outdated: bool = False


def restored(
    node: NodeSpec,
    values: Sequence[Any] | Mapping[str, Any] | None,
    named: Mapping[str, Any],
    sockets: Mapping[str, bool] = MappingProxyType({}),
) -> Restored:
    """Return a node's widgets with their saved values. `sockets`: for each saved socket, whether it
    belongs to a widget. `named`, the same values by name, is sometimes out of date. So names count
    only if they put a value of the right type into more widgets, or names of sockets if there are
    more values than widgets.
    """
    if isinstance(values, Mapping):
        return Restored(_by_name(layout(node), values))
    widgets = _with_numbered(layout(node), named)
    own = _without_socket_values(node, widgets, values or (), sockets)
    by_socket = {} if named or own is not values else _by_socket(layout(node), sockets, own)
    listed = _by_position(widgets, own)
    more = len(own) - sum(one.stored for one in listed)
    if named or by_socket:
        by_name = _by_name(_with_numbered(layout(node), named), named or by_socket)
        # If the class has another number of widgets, sockets count even if all types fit.
        is_longer = bool(by_socket) and more > 0
        if _misfits(by_name) < _misfits(listed) + is_longer:
            return Restored(by_name)
    refused = [one for one in listed if one.spec and _is_refused(one.value, one.spec)]
    if not refused and (more <= 0 or not _misfits(listed)):
        return Restored(listed)
    ordered = _in_order(layout(node), values or ())
    if ordered and (refused or not ordered.is_outdated):
        return ordered
    for widget in refused:
        if widget.spec is not None:
            widget.value = KINDS[widget_type(widget.spec) or COMBO].default(widget.spec)
    return Restored(listed, is_outdated=bool(refused))


def _in_order(widgets: list[NodeWidget], values: Sequence[Any]) -> Restored | None:
    """Return the reading that gives the most widgets a value that fits. If there are several, a
    widget has only a value that is the same in all of them. None if the widgets depend on values,
    except on a choice in the first one.
    """
    first = next((one for one in widgets[:1] if one.spec and one.spec.adds_inputs), None)
    if first and values and isinstance(values[0], str):
        assign(widgets, first, values[0])
    stored = [one for one in widgets if one.stored]
    rows, columns = len(stored), len(values)
    if rows * columns > _MOST_PAIRS or any(_changes(one) for one in stored if one is not first):
        return None
    pairs = [*zip(stored, values, strict=False)]
    ends = [*zip(reversed(stored), reversed(values), strict=False)]
    start, end = (
        next((n for n, one in enumerate(way) if not _suits(*one)), len(way))
        for way in (pairs, ends)
    )

    def weight(row: int, column: int) -> int:
        widget, value = stored[row], values[column]
        if _suits(widget, value):
            by_end = rows - row == columns - column <= end
            return _FITS + (_FROM_START if row == column < start else _FROM_END * by_end)
        return _STAYS if row == column and _may_stay(widget, value) else 0

    before = _best(rows, columns, weight)
    after = _best(rows, columns, lambda row, column: weight(rows - 1 - row, columns - 1 - column))
    best, is_outdated = before[rows][columns], False
    for row, widget in enumerate(stored):
        rest = after[rows - row - 1]
        taken = [
            values[at]
            for at in range(columns)
            if (own := weight(row, at)) and before[row][at] + own + rest[columns - at - 1] == best
        ]
        is_left_out = any(before[row][at] + rest[columns - at] == best for at in range(columns + 1))
        if taken and not is_left_out and all(one == taken[0] for one in taken):
            widget.value = taken[0]
        else:
            is_outdated |= widget.spec is not None
    return Restored(widgets, is_outdated)


def _best(rows: int, columns: int, weight: Callable[[int, int], int]) -> list[list[int]]:
    """Return the highest weight of pairs in order, for each number of first rows and columns."""
    table = [[0] * (columns + 1) for _ in range(rows + 1)]
    for row, column in itertools.product(range(rows), range(columns)):
        table[row + 1][column + 1] = max(
            table[row][column + 1],
            table[row + 1][column],
            table[row][column] + weight(row, column),
        )
    return table


def _suits(widget: NodeWidget, value: object) -> bool:
    """Tell if a value has a widget's type, or the type of its initial value."""
    spec = widget.spec
    if widget.name == _CONTROL:
        return isinstance(value, bool) or (isinstance(value, str) and value in _CONTROLS)
    if spec is not None and (spec.choices or widget_type(spec) in _TYPED):
        return fits(value, spec)
    return value is not None and isinstance(value, type(widget.value))


def _may_stay(widget: NodeWidget, value: object) -> bool:
    """Tell if a value that doesn't suit a widget may still belong to it, such as the name of a
    choice that another server offers."""
    spec = widget.spec
    return spec is not None and value != "" and not _is_refused(value, spec)


def _changes(widget: NodeWidget) -> bool:
    """Tell if other widgets depend on this one's value."""
    spec = widget.spec
    return widget.grows or (spec is not None and (spec.adds_inputs or spec.type == DYNAMIC_GROUP))


def _is_refused(value: object, spec: InputSpec) -> bool:
    """Tell if the server would refuse a value for its type. An unknown text may be the name of a
    choice that another server offers, and nothing or an empty text stands for no value."""
    if value is None or value == "":
        return False
    match widget_type(spec):
        case "INT" | "FLOAT":
            with suppress(BadValue):
                read_float(value)
                return False
            return True
        case "COMBO" if spec.choices and isinstance(value, int | float):
            with suppress(BadValue):
                match_choice(value, spec.choices)
                return False
            return True
        case _:
            return False


def _by_socket(
    widgets: list[NodeWidget], saved: Mapping[str, bool], values: Sequence[Any]
) -> Mapping[str, Any]:
    """Return the values by the names of the saved widgets' sockets, and of their companions. Empty
    if a declared widget has no socket, as in editors before 1.16, or if the counts differ. Buttons
    have no socket; a script adds them last, with a text or nothing as their value."""
    sockets = [name for name, of_widget in saved.items() if of_widget]
    if any(one.spec and one.stored and one.name not in sockets for one in widgets):
        return {}
    companions: dict[str, list[str]] = {}
    for before, widget in itertools.pairwise(widgets):
        if not widget.sent and before.name in sockets:
            companions.setdefault(before.name, []).append(widget.name)
    names = [name for socket in sockets for name in (socket, *companions.get(socket, ()))]
    buttons = values[len(names) :]
    if len(values) < len(names) or not all(one is None or isinstance(one, str) for one in buttons):
        return {}
    return dict(zip(names, values, strict=False))


def _with_numbered(widgets: list[NodeWidget], named: Mapping[str, Any]) -> list[NodeWidget]:
    """Return the widgets with those that a pack's script adds under a name that another widget has.
    The editor numbers these: `text#1`, `text#2`."""
    sent = {widget.name for widget in widgets if widget.sent}
    for before, name in itertools.pairwise(named):
        base, _, number = name.rpartition("#")
        place = next((at for at, one in enumerate(widgets, 1) if one.name == before), None)
        if base in sent and number.isdecimal() and place is not None:
            widgets.insert(place, NodeWidget(name, None))
    return widgets


def _by_position(widgets: list[NodeWidget], values: Sequence[Any]) -> list[NodeWidget]:
    waiting = iter(values)
    for widget in widgets:  # the list changes, but only after the current widget
        if widget.stored:
            value = next(waiting, _NO_MORE)
            if value is _NO_MORE:
                break
            assign(widgets, widget, value)
    return widgets


def _by_name(widgets: list[NodeWidget], values: Mapping[str, Any]) -> list[NodeWidget]:
    for widget in widgets:  # the list changes, but only after the current widget
        if widget.name in values:
            assign(widgets, widget, values[widget.name])
    return widgets


def _misfits(widgets: Iterable[NodeWidget]) -> int:
    return sum(
        widget.spec is not None and not fits(widget.value, widget.spec) for widget in widgets
    )


def fits(value: object, spec: InputSpec) -> bool:
    """Tell if a value has the type of its widget. Names of files depend on the server."""
    match widget_type(spec):
        case "INT":
            return type(value) is int or (isinstance(value, float) and value.is_integer())
        case "FLOAT":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "BOOLEAN":
            return isinstance(value, bool)
        case "STRING":
            return isinstance(value, str)
        case _ if spec.choices and not spec.names_files:
            return value in spec.choices
        case "COMBO":
            return not isinstance(value, int | float)
        case _:
            return True


def _without_socket_values(
    node: NodeSpec, widgets: list[NodeWidget], values: Sequence[Any], sockets: Mapping[str, bool]
) -> Sequence[Any]:
    """Return the values without the `forceInput` sockets' values, if the counts show that an old
    editor saved them (docs/comfyui.md#44). It saved none for a socket without a widget."""
    names = {widget.name for widget in widgets}
    forced: list[bool] = []
    for spec in node.inputs:
        if spec.name in names or (spec.is_forced and sockets.get(spec.name, True)):
            forced.append(spec.is_forced)
            if spec.options.get("control_after_generate"):
                forced.append(False)
    forced += [False] * ("upload" in names)
    if not any(forced) or len(forced) != len(values):
        return values
    return [value for value, dummy in zip(values, forced, strict=True) if not dummy]
