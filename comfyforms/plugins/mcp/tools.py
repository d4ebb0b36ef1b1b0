"""Definitions of the tools, and the answers of those that run nothing.

Their schemas have only the keywords that every model family accepts: one type per value, no unions
and no nulls. An assistant sends all definitions with each request to its model. Therefore four
tools find, describe and run many workflows, and one tool searches long lists of choices.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field, ValidationError, WithJsonSchema

from comfy.base.errors import ComfyError
from comfy.base.wording import did_you_mean
from comfy.form.model import Field as FormField
from comfy.form.model import Form
from ui.api.named_workflows import NamedForm, argument_names, plain_word
from ui.api.problems import NotThere
from ui.api.workflows import is_required
from ui.languages.current import translated

MOST_TOOLS = 10  # workflows with a tool of their own
_MOST_CHOICES = 20  # in a definition
_MOST_FOUND = 50  # workflows or choices per answer
_LONGEST = 200  # characters of a description, or of a default, in a definition
_EXACT = 2**53  # larger limits mean "unlimited", and JavaScript rounds them
_KEPT = ("description", "default", "minimum", "maximum", "minItems", "maxItems")
_TEXT, _NUMBER = {"type": "string"}, {"type": "integer"}

FIND = "find_workflows"
DESCRIBE = "describe_workflow"
CHOICES = "find_choices"
RUN = "run_workflow"
_READS = {"readOnlyHint": True}
_RUNS = {"readOnlyHint": False, "destructiveHint": False}


def _object(*required: str, **properties: Mapping[str, Any]) -> dict[str, Any]:
    named = {"type": "object", "properties": properties}
    return named | ({"required": [*required]} if required else {})


def _list_of(items: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _text(description: str) -> dict[str, Any]:
    return {"type": "string", "description": description}


class Find(BaseModel):
    """Search the workflows by words in their titles and descriptions. Without a query, list
    them."""

    query: str = ""


class Describe(BaseModel):
    """Return all arguments of a workflow, also those that its tool accepts without describing
    them."""

    workflow: str = Field(description="Name of the workflow.")


class Choices(Describe):
    """Search the choices of an argument that has too many to list, such as models."""

    argument: str = Field(description="Its name; for a column of a list: list.column.")
    query: str = Field("", description="Words that the choices contain.")


class Run(Describe):
    """Run a workflow and return its results. describe_workflow lists its arguments."""

    values: Annotated[
        dict[str, Any],
        BeforeValidator(lambda told: _sent_values(told)),
        WithJsonSchema(
            _list_of(
                _object(
                    *("name", "value"),
                    name=_TEXT,
                    value=_text("Numbers, true and false as text; lists and objects as JSON."),
                )
            )
        ),
    ] = {}


_FILES = _list_of(_object(uri=_TEXT, name=_TEXT))
RESULT = _object("runs", "files", runs=_list_of(_TEXT), files=_FILES, texts=_list_of(_TEXT))
# The general tools: their arguments, answers and hints.
_TOOLS: Mapping[str, tuple[type[BaseModel], Mapping[str, Any], Mapping[str, bool]]] = {
    FIND: (
        Find,
        _object(workflows=_list_of(_object(workflow=_TEXT)), more=_NUMBER),
        _READS,
    ),
    DESCRIBE: (Describe, _object(workflow=_TEXT, arguments={"type": "object"}), _READS),
    CHOICES: (Choices, _object(choices=_list_of(_TEXT), more=_NUMBER), _READS),
    RUN: (Run, RESULT, _RUNS),
}


def general_tools(*names: str) -> list[dict[str, Any]]:
    """Return these of the tools that work with all workflows."""
    return [
        {
            "name": name,
            "description": " ".join((kind.__doc__ or "").split()),
            "inputSchema": _arguments(kind.model_json_schema()),
            "outputSchema": answer,
            "annotations": hints,
        }
        for name, (kind, answer, hints) in ((name, _TOOLS[name]) for name in names)
    ]


def _arguments(schema: Mapping[str, Any]) -> dict[str, Any]:
    parts = {name: dict(part) for name, part in schema["properties"].items()}
    for part in parts.values():
        part.pop("default", None)
    return _object(*schema.get("required", ()), **{key: _plain(one) for key, one in parts.items()})


def arguments_of(tool: str, given: Mapping[str, Any]) -> BaseModel:
    """Return the arguments of a general tool. Some assistants send null for what they omit. Raises
    ComfyError."""
    told = {name: value for name, value in given.items() if value is not None}
    try:
        return _TOOLS[tool][0].model_validate(told)
    except ValidationError as problem:
        first = problem.errors()[0]
        raise ComfyError(f"“{first['loc'][0]}”: {first['msg']}.") from None


def workflow_tool(named: NamedForm, icon: str, fields: str) -> dict[str, Any]:
    """Return a workflow or chain as a tool. `icon`: the URL of its cover, if any. `fields`: "main"
    or "all"."""
    form, title = named.form, translated(named.form.title)
    about = _about_form(form)
    return {
        "name": named.name,
        "title": title,
        "description": _short(f"{title}. {about}" if about else title),
        "inputSchema": input_schema(form, main_only=fields == "main"),
        "outputSchema": RESULT,
        "annotations": _RUNS,
        **({"icons": [{"src": icon}]} if icon else {}),
    }


def input_schema(form: Form, *, main_only: bool = False, whole: bool = False) -> dict[str, Any]:
    """Return the schema of a tool's arguments. `main_only`: without advanced fields that a run
    doesn't need. Without `whole`, long descriptions are cut and long defaults left out."""
    names = argument_names(form)
    fields = {name: form.field(key) for key, name in names.items()}
    required = [name for name, field in fields.items() if is_required(field)]
    return _object(
        *required,
        **{
            name: _argument(name, field, whole=whole)
            for name, field in fields.items()
            if not main_only or field.group == "main" or name in required
        },
    )


def _argument(name: str, field: FormField, *, whole: bool) -> dict[str, Any]:
    schema = field.kind.schema(field)
    plain, label = _plain(schema), translated(field.label)
    said = [
        "" if plain_word(label) == name else f"{label}.",
        translated(field.tooltip),
        "" if schema.keys() & {"type", "oneOf", "anyOf"} else translated(field.kind.several_help),
        "Digits; random if omitted." if field.is_seed else "",
        "The URI of a result, or a data: URL." if field.is_media else "",
        plain.pop("description", ""),
    ]
    about, default = " ".join(filter(None, said)), plain.get("default", "")
    if not whole and isinstance(default, str | list) and len(str(default)) > _LONGEST:
        del plain["default"]
    return plain | ({"description": about if whole else _short(about)} if about else {})


def _plain(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema without unions. Of several types, it keeps text, which forms accept for every
    value. Choices are texts; a description takes the place of too many."""
    known = {
        key: value
        for key in _KEPT
        if (value := schema.get(key)) is not None
        and not (isinstance(value, int | float) and abs(value) > _EXACT)
    }
    match schema:
        case {"oneOf": [*options]} if all("const" in one for one in options):
            choices = [str(one["const"]) for one in options]
            if "default" in known:
                known["default"] = str(known["default"])
            if len(choices) <= _MOST_CHOICES:
                return _TEXT | {"enum": choices} | known
            return _TEXT | known | _text(f"One of {len(choices)}: see {CHOICES}.")
        case {"type": "array", "items": dict(items)}:
            return {"type": "array", "items": _plain(items)} | known
        case {"type": "object", "properties": dict(properties)}:
            required = schema.get("required", ())
            cells = {key: _plain(one) for key, one in properties.items()}
            return _object(*required, **cells) | known
        case {"type": "integer" | "number" | "boolean" as kind}:
            return {"type": kind} | known
    if "default" in known:
        known["default"] = str(known["default"])
    return _TEXT | known


def _short(text: str) -> str:
    return textwrap.shorten(text, _LONGEST, placeholder=" …")


def _about_form(form: Form) -> str:
    said = (form.description, *(note.said for note in form.notes))
    return " ".join(filter(None, dict.fromkeys(map(translated, said))))


def found_workflows(forms: Iterable[NamedForm], query: str) -> dict[str, Any]:
    """Return the workflows with words of the query, those with most of them first."""
    words = query.casefold().split()
    ranked: list[tuple[int, dict[str, str]]] = []
    for named in forms:
        title, about = translated(named.form.title), _about_form(named.form)
        text = f"{named.workflow} {title} {about}".casefold()
        shown = {"workflow": named.name, "title": title, "description": _short(about)}
        ranked.append((sum(word in text for word in words), shown))
    ranked.sort(key=lambda one: -one[0])
    found = [shown for score, shown in ranked if score or not words]
    return {"workflows": found[:_MOST_FOUND], "more": max(0, len(found) - _MOST_FOUND)}


def described_workflow(named: NamedForm) -> dict[str, Any]:
    """Return a workflow with the schema of all its arguments."""
    return {
        "workflow": named.name,
        "title": translated(named.form.title),
        "description": _about_form(named.form),
        "arguments": input_schema(named.form, whole=True),
    }


def found_choices(named: NamedForm, argument: str, query: str) -> dict[str, Any]:
    """Return the choices of an argument, or of a column in its rows, that contain all words of the
    query. Raises NotThere."""
    fields = dict(_choice_fields(named.form))
    field = fields.get(argument)
    if field is None:
        raise NotThere(f"“{argument[:100]}” has no choices.", did_you_mean(argument, fields))
    words = query.casefold().split()
    found = [
        str(value)
        for label, value in field.choices or ()
        if all(word in f"{label} {value}".casefold() for word in words)
    ]
    return {"choices": found[:_MOST_FOUND], "more": max(0, len(found) - _MOST_FOUND)}


def _choice_fields(form: Form) -> Iterator[tuple[str, FormField]]:
    for key, name in argument_names(form).items():
        field = form.field(key)
        if field.choices:
            yield name, field
        for column in field.columns:
            if column.choices:
                yield f"{name}.{column.key}", column


def _sent_values(told: object) -> dict[str, Any]:
    """Return the values of a call as an object: some assistants send one in place of the list.
    Raises ValueError."""
    match told:
        case dict():
            return told
        case list() if all(isinstance(one, dict) and {*one} >= {"name", "value"} for one in told):
            return {str(one["name"]): one["value"] for one in told}
    raise ValueError('send a list of {"name": "…", "value": "…"}')
