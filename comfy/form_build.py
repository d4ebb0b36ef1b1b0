"""Third stage of a form: one exposed candidate becomes a field with default, limits and choices."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, cast

from comfy.form_config import FieldConfig
from comfy.form_exposure import Exposed
from comfy.form_fields import MEDIA_WIDGETS, Field, Widget
from comfy.form_types import BadValue, match_choice, read_value
from comfy.form_widgets import can_slide, choose_widget, limits_of
from comfy.labels import choice_labels, closest
from comfy.trace import Trace

# Which values a widget named in a toml can hold; the others make no sense there.
WIDGETS_OF_TYPE: dict[str, frozenset[str]] = {
    "INT": frozenset({"number", "slider", "seed"}),
    "FLOAT": frozenset({"number", "slider"}),
    "STRING": frozenset({"text", "textarea", "image", "mask", "audio", "video", "file"}),
    "BOOLEAN": frozenset({"checkbox"}),
    "COMBO": frozenset({"dropdown", "text", "image", "mask", "audio", "video", "file"}),
}


@dataclass
class Findings:
    """Sentences collected while fields are built: what will not work, and what is merely worth knowing."""

    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def build_field(exposed: Exposed, label: str, trace: Trace, found: Findings) -> Field:
    """The finished field. Wrong or unavailable values stay in it, and are reported in `found`."""
    candidate = exposed.candidate
    said = exposed.said or FieldConfig(candidate.key)
    visible = exposed.exposure.group != "hidden"
    spec = candidate.spec
    limits = _limits(exposed, said, label, found)
    widget = _widget(choose_widget(candidate, trace), limits, said, candidate.type, label, found)
    media = widget in MEDIA_WIDGETS
    offered = None if spec is None else spec.choices
    built = Field(
        key=candidate.key,
        node=candidate.node,
        input=candidate.input,
        label=label,
        type=candidate.type,
        widget=widget,
        group=exposed.exposure.group,
        default=_default(exposed, said, label, found if visible else Findings()),
        **limits,
        choices=choice_labels(offered) if offered is not None and widget == "dropdown" else None,
        tooltip=said.help or _tooltip(exposed),
        required=media if said.required is None else said.required,
        source=exposed.source,
        targets=tuple((one.node, one.input) for one in (candidate, *exposed.also)),
        section=exposed.section,
    )
    return built if offered is None else _with_offered(built, offered, said, found if visible else Findings())


def _default(exposed: Exposed, said: FieldConfig, label: str, found: Findings) -> Any:
    """The author's value as the server's type; a value of the wrong kind stays as it is and is a problem."""
    candidate = exposed.candidate
    if candidate.spec is None:
        return candidate.value
    if said.default is not None:
        try:
            return read_value(candidate.type, said.default)
        except BadValue as bad:
            found.problems.append(f"The toml's default for {label} is not usable: it {bad}")
    if candidate.value is None:
        return candidate.spec.options.get("default")
    try:
        return read_value(candidate.type, candidate.value)
    except BadValue as bad:
        found.problems.append(f"{label} is {_short(candidate.value)} in the workflow, but it {bad}")
        return candidate.value


def _limits(exposed: Exposed, said: FieldConfig, label: str, found: Findings) -> dict[str, Any]:
    """The server's limits, narrowed by the author. They cannot be widened: the server would refuse."""
    server = limits_of(exposed.candidate)
    if exposed.candidate.type not in ("INT", "FLOAT"):
        return server
    read = int if exposed.candidate.type == "INT" else float
    low, high = _narrowed(server["min"], said.min, max), _narrowed(server["max"], said.max, min)
    for name, wanted, got in (("min", said.min, low), ("max", said.max, high)):
        if wanted is not None and got != wanted:
            found.problems.append(f"The toml's {name} for {label} is {wanted}, but the server stops at {got}.")
    if low is not None and high is not None and low > high:
        found.problems.append(f"The toml leaves no value for {label}: its min is above its max.")
        return server
    step = server["step"] if said.step is None else said.step
    return {
        "min": None if low is None else read(low),
        "max": None if high is None else read(high),
        "step": None if step is None else max(1, int(step)) if read is int else step,
        "round": server["round"],
    }


def _narrowed(server: Any, author: Any, pick: Any) -> Any:
    given = [one for one in (server, author) if one is not None]
    return pick(given) if given else None


def _widget(
    chosen: Widget, limits: dict[str, Any], said: FieldConfig, type_: str, label: str, found: Findings
) -> Widget:
    if said.widget is None:
        slides = chosen == "number" and can_slide(limits["min"], limits["max"], limits["step"])
        return "slider" if slides else chosen
    if said.widget not in WIDGETS_OF_TYPE.get(type_, frozenset({chosen})):
        found.problems.append(f"The toml's widget “{said.widget}” cannot hold {label}, which is {type_}.")
        return chosen
    if said.widget == "slider" and (limits["min"] is None or limits["max"] is None):
        found.problems.append(f"The toml's slider for {label} needs a min and a max.")
        return chosen
    return cast(Widget, said.widget)


def _with_offered(built: Field, offered: tuple[Any, ...], said: FieldConfig, found: Findings) -> Field:
    """Compare the default with what the server offers. The author may allow the closest instead (`closest = true`)."""
    try:
        return replace(built, default=match_choice(built.default, offered))
    except BadValue:
        pass
    missing = replace(built, default_offered=False)
    best = closest(built.default, offered)
    if built.is_media or built.widget == "text":
        return missing
    if best is None:
        found.problems.append(f"{built.label} is {_short(built.default)}, but this server has nothing to choose from.")
        return missing
    if said.closest:
        found.notes.append(
            f"{built.label}: this server has no {_short(built.default)}, {_short(best)} is used instead."
        )
        return replace(built, default=best)
    lacks = f"{built.label} is {_short(built.default)}, which this server does not have"
    found.problems.append(f"{lacks}. The closest it has is {_short(best)}.")
    return missing


def _tooltip(exposed: Exposed) -> str:
    spec = exposed.candidate.spec
    tooltip = spec.options.get("tooltip") if spec else None
    return tooltip.strip() if isinstance(tooltip, str) else ""


def _short(value: object) -> str:
    text = " ".join(str(value)[:200].split())
    return f"“{text if len(text) <= 60 else text[:59] + '…'}”"
