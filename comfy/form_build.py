"""Third stage of a form: one exposed candidate becomes a field with default, limits and choices."""

from __future__ import annotations

import operator
from dataclasses import dataclass, field, replace
from typing import Any, cast

from comfy.form_config import FieldConfig
from comfy.form_exposure import Exposed
from comfy.form_fields import MEDIA_WIDGETS, Field, Widget
from comfy.form_types import BadValue, match_choice, read_value
from comfy.form_widgets import can_slide, choose_widget, limits_of
from comfy.labels import choice_labels, closest, plain_number, short
from comfy.object_info import InputSpec
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

    def about(self, label: str) -> Sentences:
        """Collect sentences that start with this label."""
        return Sentences(self, label)


@dataclass(frozen=True)
class Sentences:
    """What is found about one field: the ends of sentences that start with its label."""

    findings: Findings
    label: str

    def problem(self, rest: str) -> None:
        """Something that will not work."""
        self.findings.problems.append(f"{self.label} {rest}")

    def note(self, rest: str) -> None:
        """Something worth knowing."""
        self.findings.notes.append(f"{self.label} {rest}")


def build_field(exposed: Exposed, label: str, trace: Trace, findings: Findings) -> Field:
    """The finished field. Wrong or unavailable values stay in it, and are reported in `findings`."""
    candidate, spec = exposed.candidate, exposed.candidate.spec
    said = exposed.said or FieldConfig(candidate.key)
    author = "its toml" if exposed.source == "toml" else "the workflow"
    shown = exposed.exposure.group != "hidden"
    found = (findings if shown else Findings()).about(label)
    limits = _limits(limits_of(candidate, trace), candidate.type, said, found, author)
    widget = _widget(choose_widget(candidate, trace), candidate.type, limits, said, found)
    offered = None if spec is None else spec.choices
    built = Field(
        key=candidate.key,
        node=candidate.node,
        input=candidate.input,
        label=label,
        type=candidate.type,
        widget=widget,
        group=exposed.exposure.group,
        default=_default(exposed, said, widget, limits, found),
        **limits,
        choices=choice_labels(offered) if offered is not None and widget == "dropdown" else None,
        tooltip=said.help or _tooltip(spec),
        required=widget in MEDIA_WIDGETS if said.required is None else said.required,
        source=exposed.source,
        targets=tuple((one.node, one.input) for one in (candidate, *exposed.also) if one.takes == candidate.takes),
        section=exposed.section,
        height=said.height,
    )
    return built if offered is None else _with_offered(built, offered, said, found)


def _default(exposed: Exposed, said: FieldConfig, widget: Widget, limits: dict[str, Any], found: Sentences) -> Any:
    """The first usable of the author's, the workflow's and the server's value, within the limits.

    None if there is none: an empty number, and for a seed a random one.
    """
    candidate = exposed.candidate
    if candidate.spec is None or (widget == "seed" and candidate.value is None and said.default is None):
        return candidate.value
    offers = (
        ("its toml", said.default),
        ("the workflow", candidate.value),
        ("the server", candidate.spec.options.get("default")),
    )
    for source, value in offers:
        if value is None:
            continue
        try:
            return _within(read_value(candidate.type, value), limits, source, found)
        except BadValue as bad:
            # "randomize" and placeholders such as PARAM_INT_SEED mean what an empty seed means.
            if widget == "seed":
                return None
            found.problem(f"is {short(value)} in {source}, but it {bad}")
    return None


def _within(value: Any, limits: dict[str, Any], source: str, found: Sentences) -> Any:
    for limit, beyond, word in ((limits["min"], operator.lt, "least"), (limits["max"], operator.gt, "most")):
        if limit is not None and beyond(value, limit):
            found.problem(f"is {plain_number(value)} in {source}, but must be at {word} {plain_number(limit)}.")
            return limit
    return value


def _limits(server: dict[str, Any], type_: str, said: FieldConfig, found: Sentences, author: str) -> dict[str, Any]:
    """The server's limits, narrowed by the author. They cannot be widened: the server would refuse."""
    if type_ not in ("INT", "FLOAT"):
        return server
    read = int if type_ == "INT" else float
    low, high = _narrowed(server["min"], said.min, max), _narrowed(server["max"], said.max, min)
    for name, wanted, got in (("min", said.min, low), ("max", said.max, high)):
        if wanted is not None and got != wanted:
            found.problem(f"has the {name} {wanted} in {author}, but the server stops at {got}.")
    if low is not None and high is not None and low > high:
        found.problem(f"has a min above its max in {author}.")
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


def _widget(chosen: Widget, type_: str, limits: dict[str, Any], said: FieldConfig, found: Sentences) -> Widget:
    if said.widget is None:
        slides = chosen == "number" and can_slide(limits["min"], limits["max"], limits["step"])
        return "slider" if slides else chosen
    if chosen in MEDIA_WIDGETS and said.widget not in MEDIA_WIDGETS:
        found.problem(f"cannot be shown as {said.widget}, as its toml says: it takes a file.")
        return chosen
    if said.widget not in WIDGETS_OF_TYPE.get(type_, frozenset({chosen})):
        found.problem(f"cannot be shown as {said.widget}, as its toml says: it is {type_}.")
        return chosen
    if said.widget == "slider" and (limits["min"] is None or limits["max"] is None):
        found.problem("needs a min and a max to be a slider, as its toml says.")
        return chosen
    return cast(Widget, said.widget)


def _with_offered(built: Field, offered: tuple[Any, ...], said: FieldConfig, found: Sentences) -> Field:
    """Compare the default with what the server offers. The author may allow the closest instead (`closest = true`)."""
    try:
        return replace(built, default=match_choice(built.default, offered))
    except BadValue:
        pass
    missing = replace(built, default_offered=False)
    best = closest(built.default, offered)
    if built.is_media or built.widget == "text":
        return missing
    if best is None or not said.closest:
        return missing  # missing.py says so
    found.note(f"is {short(best)}, because this server does not have {short(built.default)}.")
    return replace(built, default=best)


def _tooltip(spec: InputSpec | None) -> str:
    tooltip = spec.options.get("tooltip") if spec else None
    return tooltip.strip() if isinstance(tooltip, str) else ""
