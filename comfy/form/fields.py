"""Third stage of a form: one exposed candidate becomes a field with default, limits and choices."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from comfy.base.messages import message, sentences
from comfy.base.wording import maximum, minimum, plain_number, quoted, short
from comfy.comfyui.object_info import InputSpec
from comfy.form.exposure import Exposed
from comfy.form.kinds.literal_input import Limits
from comfy.form.kinds.registry import KINDS
from comfy.form.labels import choice_labels, closest
from comfy.form.model import Field, FieldKind, Note, Several
from comfy.prompt.value_types import BadValue, match_choice, read_value
from comfy.workflow.config import FieldConfig


@dataclass(slots=True)
class Problems:
    """Sentences collected while fields are built: what will not work, and what is merely worth
    knowing."""

    sentences: list[str] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def about(self, label: str) -> FieldProblems:
        """Collect sentences about the field with this label."""
        return FieldProblems(self, label)


@dataclass(frozen=True, slots=True)
class FieldProblems:
    """What is found about one field."""

    problems: Problems
    label: str

    def problem(self, said: str) -> None:
        """Something that will not work."""
        self.problems.sentences.append(
            message("{field}: {problem}", field=self.label, problem=said)
        )

    def note(self, said: str, key: str, value: object) -> None:
        """Something worth knowing of a value of the field with this key; the sentence names it."""
        self.problems.notes.append(Note(said, key, value))


def build_field(exposed: Exposed, label: str, problems: Problems) -> Field:
    """The finished field. Wrong or unavailable values stay in it, and are reported in
    `problems`."""
    candidate, spec = exposed.candidate, exposed.candidate.spec
    said = exposed.said or FieldConfig(candidate.key)
    shown = exposed.exposure.group != "hidden"
    found = (problems if shown else Problems()).about(label)
    control = exposed.exposure.control
    limits = _limits(control.limits, candidate.type, said, found)
    kind = _kind(control.kind, candidate.type, limits, said, found)
    offered = None if spec is None else spec.choices
    built = Field(
        key=candidate.key,
        node=candidate.node,
        input=candidate.input,
        label=label,
        type=candidate.type,
        kind=kind,
        group=exposed.exposure.group,
        default=_default(exposed, said, kind, limits, found),
        min=limits.min,
        max=limits.max,
        step=limits.step,
        round=limits.round,
        choices=choice_labels(offered) if offered is not None and kind.offers_choices else None,
        tooltip=said.help or exposed.exposure.rule.about or _tooltip(spec),
        required=kind.file is not None if said.required is None else said.required,
        source=exposed.source,
        targets=tuple(
            one.ref for one in (candidate, *exposed.also) if one.takes == candidate.takes
        ),
        section=exposed.section,
        height=said.height,
    )
    return built if offered is None else _with_offered(built, offered, said, found)


def _default(
    exposed: Exposed, said: FieldConfig, kind: FieldKind, limits: Limits, found: FieldProblems
) -> object:
    """The first usable of the author's, the workflow's and the server's value, within the limits.

    None if there is none: an empty number, and for a seed a random one.
    """
    candidate, is_seed = exposed.candidate, kind.several is Several.SEEDS
    if candidate.spec is None or (is_seed and candidate.value is None and said.default is None):
        return candidate.value
    offers = (
        (_of_the_toml, said.default),
        (_of_the_workflow, candidate.value),
        (_of_the_server, candidate.spec.options.get("default")),
    )
    for origin, value in offers:
        if value is None:
            continue
        try:
            return _within(read_value(candidate.type, value), limits, origin, found)
        except BadValue as bad:
            # "randomize" and placeholders such as PARAM_INT_SEED mean what an empty seed means.
            if is_seed:
                return None
            found.problem(sentences(origin(quoted(short(value))), str(bad)))
    return None


def _of_the_toml(value: str | float) -> str:
    return message("The value in the TOML file is {value}.", value=value)


def _of_the_workflow(value: str | float) -> str:
    return message("The value in the workflow is {value}.", value=value)


def _of_the_server(value: str | float) -> str:
    return message("The server's own value is {value}.", value=value)


def _within(
    value: float, limits: Limits, origin: Callable[[str | float], str], found: FieldProblems
) -> object:
    for limit, beyond, told in (
        (limits.min, operator.lt, minimum),
        (limits.max, operator.gt, maximum),
    ):
        if limit is not None and beyond(value, limit):
            found.problem(sentences(origin(plain_number(value)), told(limit)))
            return limit
    return value


def _limits(server: Limits, type_: str, said: FieldConfig, found: FieldProblems) -> Limits:
    """The server's limits, narrowed by the author. They cannot be widened: the server would
    refuse."""
    if type_ not in ("INT", "FLOAT"):
        return server
    read = int if type_ == "INT" else float
    low, high = _narrowed(server.min, said.min, max), _narrowed(server.max, said.max, min)
    if said.min is not None and low != said.min:
        found.problem(
            message(
                "The author's minimum is {minimum}, but the server's is {lowest}.",
                minimum=said.min,
                lowest=low,
            )
        )
    if said.max is not None and high != said.max:
        found.problem(
            message(
                "The author's maximum is {maximum}, but the server's is {highest}.",
                maximum=said.max,
                highest=high,
            )
        )
    if low is not None and high is not None and low > high:
        found.problem(message("The minimum is above the maximum."))
        return server
    step = server.step if said.step is None else said.step
    return Limits(
        None if low is None else read(low),
        None if high is None else read(high),
        None if step is None else max(1, int(step)) if read is int else step,
        server.round,
    )


def _narrowed(
    server: float | None, author: float | None, pick: Callable[[list[float]], float]
) -> float | None:
    given = [one for one in (server, author) if one is not None]
    return pick(given) if given else None


def _kind(
    chosen: FieldKind, type_: str, limits: Limits, said: FieldConfig, found: FieldProblems
) -> FieldKind:
    """Return the author's widget if this field can have it, else the chosen one."""
    if said.widget is None:
        return KINDS["slider"] if chosen.name == "number" and limits.can_slide else chosen
    wanted = KINDS[said.widget]
    if chosen.file is not None and wanted.file is None:
        found.problem(
            message(
                "The TOML file asks for “{widget}”, but this field takes a file.",
                widget=said.widget,
            )
        )
        return chosen
    if type_ not in wanted.input_types and wanted is not chosen:
        found.problem(
            message(
                "The TOML file asks for “{widget}”, but this field is {type}.",
                widget=said.widget,
                type=type_,
            )
        )
        return chosen
    if said.widget == "slider" and (limits.min is None or limits.max is None):
        found.problem(message("A slider needs a minimum and a maximum."))
        return chosen
    return wanted


def _with_offered(
    built: Field, offered: tuple[Any, ...], said: FieldConfig, found: FieldProblems
) -> Field:
    """Compare the default with what the server offers. The author may allow the closest instead
    (`closest = true`)."""
    try:
        return replace(built, default=match_choice(built.default, offered))
    except BadValue:
        pass
    missing = replace(built, default_offered=False)
    best = closest(built.default, offered)
    if built.is_media or built.is_text:
        return missing
    if best is None or not said.closest:
        return missing  # missing.py says so
    used, wanted = (choice_labels((one,))[0][0] for one in (best, built.default))
    said_of_it = message(
        "Using {used}: {wanted} isn't installed in ComfyUI.", used=used, wanted=wanted
    )
    found.note(said_of_it, built.key, best)
    return replace(built, default=best)


def _tooltip(spec: InputSpec | None) -> str:
    tooltip = spec.options.get("tooltip") if spec else None
    return tooltip.strip() if isinstance(tooltip, str) else ""
