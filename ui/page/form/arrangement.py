"""Order of a form's visible fields on the page: the main ones, then the collapsed sections."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from comfy.base.messages import message
from comfy.form.model import Field
from ui.page.form.seeds import seeds_under_lock

_ADVANCED = message("Advanced")


@dataclass(frozen=True, slots=True)
class Section:
    """Collapsed fields under one title. `name`: the author's heading, None for Advanced."""

    name: str | None
    fields: tuple[Field, ...]

    @property
    def title(self) -> str:
        """Return the heading with the number of fields."""
        detail = len(self.fields)
        return message("{label} ({detail})", label=self.name or _ADVANCED, detail=detail)


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Visible fields: `main`, `seeds` that share one lock, and `sections`, which include those
    seeds."""

    main: tuple[Field, ...]
    seeds: tuple[Field, ...]
    sections: tuple[Section, ...]


def arrangement_of(shown: Sequence[Field]) -> Arrangement:
    """Arrange visible fields as the page shows them."""
    seeds = seeds_under_lock(shown)
    main = [field for field in shown if field.group == "main" and field not in seeds]
    rest = [field for field in shown if field.group != "main"]
    rest += [field for field in seeds if field.group == "main"]
    return Arrangement(tuple(_helped_once(main)), tuple(seeds), tuple(_sections(rest)))


def _helped_once(fields: Iterable[Field]) -> Iterable[Field]:
    """Remove the help of texts that repeats an earlier text's help, such as the help of several
    prompts."""
    helped = set()
    for field in fields:
        is_text = field.widget in ("text", "textarea")
        yield replace(field, tooltip="") if is_text and field.tooltip in helped else field
        if is_text:
            helped.add(field.tooltip)


def _sections(rest: Sequence[Field]) -> Iterable[Section]:
    for name in dict.fromkeys(field.section for field in rest):
        yield Section(name, tuple(field for field in rest if field.section == name))
