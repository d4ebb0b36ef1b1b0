"""What the server refuses, put on the fields it is about, in plain words.

The error types are those of docs/comfyui.md#16.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from comfy.errors import FILE_REFUSED, NodeError
from comfy.form.check import ADD_MEDIA
from comfy.form.model import Field, Form
from comfy.prompt.model import InputRef
from comfy.protocol.execution_errors import without_folders
from comfy.wording import plain_number, plain_words

_DAMAGED = "Fix the workflow in ComfyUI."

_FILE = re.compile(r"Invalid (?:image|audio|video|\w*) ?file: (?P<name>.+)")


def place_errors(
    form: Form, node_errors: Iterable[NodeError]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Sort the server's objections: sentences by field key, and sentences about nodes that have no
    such field."""
    fields = {target: field for field in form.fields for target in field.targets}
    placed: dict[str, list[str]] = {}
    general: list[str] = []
    for error in node_errors:
        field = fields.get(InputRef(error.node, error.input or ""))
        if field is not None and error.type in _ON_FIELD:
            placed.setdefault(field.key, []).append(_ON_FIELD[error.type](field, error))
        else:
            title = form.titles.get(error.node) or error.class_type or error.node
            say = _ON_NODE.get(error.type, _other)
            general.append(
                f"“{title}”: {say(plain_words(error.input) if error.input else 'An input', error)}"
            )
    return {key: " ".join(dict.fromkeys(said)) for key, said in placed.items()}, tuple(
        dict.fromkeys(general)
    )


def field_of_node(form: Form, node: str | None) -> Field | None:
    """The field that a failed node is about: its only one on the form, or the only one of them that
    names a file or a model; None where nobody can tell."""
    outer = (node or "").partition(".")[0]  # nodes made at run time are called "outer.0.0.inner"
    fields = [
        field
        for field in form.fields
        if field.group != "hidden" and any(target.node == outer for target in field.targets)
    ]
    named = [field for field in fields if field.is_media or field.widget == "dropdown"]
    return next((one[0] for one in (fields, named) if len(one) == 1), None)


def _too_small(field: Field, error: NodeError) -> str:
    limit = _limit(field.min, error)
    return f"Minimum {limit}." if limit else "This is less than the server allows."


def _too_big(field: Field, error: NodeError) -> str:
    limit = _limit(field.max, error)
    return f"Maximum {limit}." if limit else "This is more than the server allows."


def _limit(limit: float | None, error: NodeError) -> str:
    """The limit as the server states it ("Value 0 smaller than min of 1"), which may know better
    than the form."""
    stated = re.search(r"of (-?[\d.]+(?:e[+-]?\d+)?)$", error.message)
    if stated:
        return stated[1].removesuffix(".0")
    return "" if limit is None else plain_number(limit)


def _not_in_list(field: Field, error: NodeError) -> str:
    if field.is_media:
        return f"{ADD_MEDIA[field.widget]} The server doesn't have this one."
    return "This isn't on the server. Choose another."


def _wrong_type(field: Field, error: NodeError) -> str:
    return {"INT": "Enter a whole number.", "FLOAT": "Enter a number."}.get(
        field.type, "The server doesn't take this kind of value."
    )


def _missing(field: Field, error: NodeError) -> str:
    return "Enter a value."


def _custom(field: Field, error: NodeError) -> str:
    """The node's own words: "image - Invalid image file: x.png"."""
    reason = without_folders(error.details.partition(" - ")[2] or error.message)
    file = _FILE.search(reason)
    if file:
        return f"The server doesn't have “{file['name'][:100]}”. Add it again."
    return f"The server rejected this: {reason[:300]}"


def _file_refused(field: Field, error: NodeError) -> str:
    return f"This file couldn't be sent. {error.message} {error.details}".rstrip()


_ON_FIELD: Mapping[str, Callable[[Field, NodeError], str]] = MappingProxyType(
    {
        FILE_REFUSED: _file_refused,
        "value_smaller_than_min": _too_small,
        "value_bigger_than_max": _too_big,
        "value_not_in_list": _not_in_list,
        "invalid_input_type": _wrong_type,
        "required_input_missing": _missing,
        "custom_validation_failed": _custom,
    }
)


def _other(name: str, error: NodeError) -> str:
    said = ": ".join(part for part in (error.message.rstrip("."), error.details) if part)
    return f"{without_folders(said)[:300]}."


_ON_NODE: Mapping[str, Callable[[str, NodeError], str]] = MappingProxyType(
    {
        "required_input_missing": lambda name, error: f"{name} is missing. {_DAMAGED}",
        "bad_linked_input": lambda name, error: f"{name} has a broken link. {_DAMAGED}",
        "return_type_mismatch": lambda name, error: (
            f"{name} is linked to the wrong kind of output. {_DAMAGED}"
        ),
        "exception_during_inner_validation": lambda name, error: (
            f"{name} comes from a damaged node. {_DAMAGED}"
        ),
        "exception_during_validation": lambda name, error: (
            f"The server couldn't check this node. {_DAMAGED}"
        ),
        "dependency_cycle": lambda name, error: f"The links run in a circle. {_DAMAGED}",
        "value_not_in_list": lambda name, error: f"{name} isn't on the server.",
    }
)
