"""Map the server's errors to fields, in plain words (error types: docs/comfyui.md#16)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from types import MappingProxyType

from comfy.base.errors import FILE_REFUSED, NodeError
from comfy.base.files import is_model_file
from comfy.base.messages import labeled, listed, message, sentences
from comfy.base.wording import maximum, minimum, plain_words, quoted
from comfy.comfyui.protocol.execution_errors import cause, without_folders
from comfy.form.kinds.dropdown import NOT_ON_SERVER
from comfy.form.model import Field, Form, cell_label
from comfy.prompt.model import InputRef

_WORD = re.compile(r"\w")
_LOOP = re.compile(r"cycl|loop")  # error types of the nodes whose links lead back to them
_SHORTEST = 4  # characters of a text that an error names and not just happens to contain
_DAMAGED = message("Fix the workflow in ComfyUI.")

_STATED = re.compile(r"of (-?\d{1,40}(\.\d{1,40})?(e[+-]?\d{1,10})?)$")
_FILE = re.compile(r"Invalid (?:image|audio|video|\w*) ?file: (?P<name>.+)")


def place_errors(
    form: Form, node_errors: Iterable[NodeError]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Sort the server's errors: messages by field key, and messages about nodes without a matching
    field."""
    fields = {target: field for field in form.fields for target in field.targets}
    placed: dict[str, list[str]] = {}
    others: list[NodeError] = []
    for error in node_errors:
        field = fields.get(InputRef(error.node, error.input or ""))
        cell = None if field else _cell(form, error)
        if field is not None and error.type in _ON_FIELD:
            placed.setdefault(field.key, []).append(_ON_FIELD[error.type](field, error))
        elif cell is not None and error.type in _ON_FIELD:
            row_field, label, column = cell
            said = labeled(label, _ON_FIELD[error.type](column, error))
            placed.setdefault(row_field.key, []).append(said)
        else:
            others.append(error)
    said_of = {key: sentences(*dict.fromkeys(said)) for key, said in placed.items()}
    return said_of, node_problems(others, form.titles)


def node_problems(node_errors: Iterable[NodeError], titles: Mapping[str, str]) -> tuple[str, ...]:
    """Return the server's errors as messages about nodes, each once. `titles`: of the nodes."""
    general: list[str] = []
    in_loops: list[str] = []
    for error in node_errors:
        title = titles.get(error.node) or error.class_type or error.node
        problem = _ON_NODE[error.type](error) if error.type in _ON_NODE else _other(error)
        if _LOOP.search(error.type):
            in_loops.append(quoted(title))
        else:
            general.append(message("“{name}”: {problem}", name=title, problem=problem))
    if in_loops:
        names = listed(dict.fromkeys(in_loops))
        general.append(
            sentences(message("The links of {nodes} form a loop.", nodes=names), _DAMAGED)
        )
    return tuple(dict.fromkeys(general))


def _cell(form: Form, error: NodeError) -> tuple[Field, str, Field] | None:
    """Return the field, label and column of an error in a cell of repeatable rows."""
    for field in form.fields:
        for node, name in field.targets if field.columns else ():
            row, _, key = (error.input or "").removeprefix(f"{name}.").partition(".")
            column = next((one for one in field.columns if one.key == key), None)
            if node == error.node and column and row.isdecimal():
                return field, cell_label(field, int(row) + 1, column), column
    return None


def field_of_failure(
    form: Form, node: str | None, detail: str, values: Mapping[str, object]
) -> Field | None:
    """Return the field that caused a node's failure: the only one whose input or text the technical
    details name, or the node's only file or model if they are about one. Otherwise None.

    `values`: the run's, by field key.
    """
    # Ids like "outer.0.0.inner" belong to nodes created at run time.
    outer = (node or "").partition(".")[0]
    about = cause(detail)
    if about == "other":
        return None
    inputs = (
        (field, [target.input for target in field.targets if target.node == outer])
        for field in form.fields
        if field.group != "hidden"
    )
    own = [(field, names) for field, names in inputs if names]
    named = [
        field
        for field, names in own
        if any(_is_in(detail, name) for name in names)
        or _is_told(detail, values.get(field.key, field.default))
    ]
    files = [field for field, _ in own if about == "file" and _names_file(field)]
    return next((fields[0] for fields in (named, files) if len(fields) == 1), None)


def _names_file(field: Field) -> bool:
    return field.is_media or (field.is_choice and is_model_file(str(field.default)))


def _is_in(text: str, name: str) -> bool:
    """Return whether a text has a name as a word of its own."""
    return any(
        not (before.endswith(".") or _WORD.match(before[-1:]) or _WORD.match(after))
        for before, after in pairwise(text.split(name))
    )


def _is_told(detail: str, value: object) -> bool:
    return isinstance(value, str) and len(value) >= _SHORTEST and value in detail


def _too_small(field: Field, error: NodeError) -> str:
    limit = _limit(field.min, error)
    return minimum(limit) if limit is not None else message("The server doesn't accept this value.")


def _too_big(field: Field, error: NodeError) -> str:
    limit = _limit(field.max, error)
    return maximum(limit) if limit is not None else message("The server doesn't accept this value.")


def _limit(limit: float | None, error: NodeError) -> int | float | None:
    """Return the limit from the server's message ("Value 0 smaller than min of 1"), otherwise the
    form's. The server may be more up to date."""
    stated = _STATED.search(error.message)
    if not stated:
        return limit
    return float(stated[1]) if stated[2] or stated[3] else int(stated[1])


def _not_in_list(field: Field, error: NodeError) -> str:
    if field.is_media:
        return sentences(message("This file no longer exists."), field.add_file)
    return NOT_ON_SERVER


def _wrong_type(field: Field, error: NodeError) -> str:
    match field.type:
        case "INT":
            return message("Enter a whole number.")
        case "FLOAT":
            return message("Enter a number.")
        case _:
            return message("The server doesn't accept this value.")


def _missing(field: Field, error: NodeError) -> str:
    return message("Enter a value.")


def _custom(field: Field, error: NodeError) -> str:
    """Return a message in the node's own words ("image - Invalid image file: x.png") without its
    prefix."""
    reason = without_folders(error.details.partition(" - ")[2] or error.message)
    file = _FILE.search(reason)
    if file:
        name = quoted(file["name"][:100])
        return sentences(
            message("{name} is no longer available.", name=name), message("Add it again.")
        )
    return message("The server rejected this: {reason}", reason=reason[:300])


def _file_refused(field: Field, error: NodeError) -> str:
    return sentences(message("This file couldn't be sent."), error.message, error.details)


_ON_FIELD: Mapping[str, Callable[[Field, NodeError], str]] = MappingProxyType(
    {
        FILE_REFUSED: _file_refused,
        "value_smaller_than_min": _too_small,
        "value_bigger_than_max": _too_big,
        "value_not_in_list": _not_in_list,
        "invalid_input_type": _wrong_type,
        "required_input_missing": _missing,
        "custom_validation_failed": _custom,
        "invalid_dynamic_input": _custom,
    }
)


def _other(error: NodeError) -> str:
    """Return the server's own message."""
    text = ": ".join(part for part in (error.message.rstrip("."), error.details) if part)
    return f"{without_folders(text)[:300]}."


def _input_name(error: NodeError) -> str:
    return plain_words(error.input) if error.input else "An input"


def _broken(error: NodeError) -> str:
    return sentences(f"{_input_name(error)} has a broken link.", _DAMAGED)


_ON_NODE: Mapping[str, Callable[[NodeError], str]] = MappingProxyType(
    {
        FILE_REFUSED: lambda error: sentences(error.message, error.details),
        "required_input_missing": lambda error: sentences(
            f"{_input_name(error)} is missing.", _DAMAGED
        ),
        "bad_linked_input": _broken,
        "return_type_mismatch": _broken,
        "exception_during_inner_validation": _broken,
        "exception_during_validation": lambda error: sentences(
            "The server couldn't check this node.", _DAMAGED
        ),
        "missing_node_type": lambda error: (
            message("Missing node: {node}.", node=error.class_type)
            if error.class_type
            else "The server couldn't check this node."
        ),
        "invalid_dynamic_input": lambda error: sentences(
            f"The server doesn't accept the input {quoted(_input_name(error))}.", _DAMAGED
        ),
        "value_not_in_list": lambda error: message(
            "{input} isn't on the server.", input=_input_name(error)
        ),
    }
)
