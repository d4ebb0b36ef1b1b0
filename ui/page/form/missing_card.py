"""What a server lacks for a workflow, on one card: folded, each file and each node once, with where
it belongs and where it is to be had."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby

from comfy.form.missing_items import Missing, MissingChoice, MissingClass
from comfy.wording import short

_MOST_USES = 3
_COUNTED = {
    "node": ("1 node", "{} nodes"),
    "model": ("1 model", "{} models"),
    "setting": ("1 setting", "{} settings"),
}
_MISSING = {"node": "Missing node:", "model": "Missing model:", "setting": "Missing setting:"}
_DEMO = (
    "The demo server only runs the demo workflows. To run this one, start ComfyUI, then restart"
    " ComfyForms with <code>--server http://&lt;address&gt;:8188</code>."
)


@dataclass(frozen=True, slots=True)
class _Item:
    """One line: what is missing, the word for such things, where it belongs, and more about it."""

    kind: str
    name: str
    place: str
    uses: tuple[str, ...]
    close: str
    address: str = ""

    @property
    def line(self) -> str:
        """For somebody who is sent the list."""
        said = f"{self.kind.capitalize()}: {self.name}"
        said += f" ({self.place})" if self.place else ""
        return f"{said} {self.address}".rstrip()


def why_not(missing: Iterable[Missing]) -> str:
    """Why this workflow cannot run, in one sentence; "" where nothing is missing or something else
    can be chosen."""
    missing = tuple(missing)
    if all(one.can_be_replaced for one in missing):
        return ""
    return f"This workflow can't run here. {_counted(_items(missing))}"


def missing_card(missing: tuple[Missing, ...], *, demo: bool) -> str:
    """The card as HTML; `demo`: the server is the stand-in, of whose few models none is like
    another, and one is there to fail."""
    items = tuple(_items(missing))
    blocked = why_not(missing)
    summary = blocked or f"{_counted(items)} {_choose(items)}"
    unfolded = " open" if len(items) == 1 else ""
    shown = (replace(item, close="") if demo and item.kind == "model" else item for item in items)
    lines = "".join(f"<li>{_line(item)}</li>" for item in shown)
    listed = html.escape("\n".join(item.line for item in items))
    hint = f"<p>{_DEMO}</p>" if demo and blocked else ""
    return (
        f'<details class="missing"{unfolded}><summary>{html.escape(summary)}</summary>'
        f"<ul>{lines}</ul>"
        f'<button type="button" class="quiet" data-copy="{listed}">Copy list</button></details>'
        f"{hint}"
    )


def _items(missing: Iterable[Missing]) -> Iterator[_Item]:
    """Nodes, then models, then other choices: each file once, whatever fields name it."""
    choices: list[MissingChoice] = []
    for one in missing:
        match one:
            case MissingClass(class_type, nodes, titles, close, pack):
                times = (f"used {len(nodes)} times",) if len(nodes) > 1 else ()
                place = "built into newer versions of ComfyUI" if one.is_built_in else pack
                uses = (*times, *map(short, titles))
                yield _Item("node", class_type, place, uses, close)
            case MissingChoice():
                choices.append(one)
    choices.sort(key=_kind_and_file)
    for (not_model, _), group in groupby(choices, key=_kind_and_file):
        same = list(group)
        yield _Item(
            "setting" if not_model else "model",
            same[0].file,
            next((one.folder for one in same if one.folder), ""),
            tuple(dict.fromkeys(one.label for one in same)),
            next((str(one.close) for one in same if one.close is not None), ""),
            next((one.address for one in same if one.address), ""),
        )


def _kind_and_file(one: MissingChoice) -> tuple[bool, str]:
    return not one.is_model, one.file.lower()


def _counted(items: Iterable[_Item]) -> str:
    """As "Missing: 6 nodes, 4 models."."""
    counts = Counter(item.kind for item in items)
    counted = (_COUNTED[kind][count > 1].format(count) for kind, count in counts.items())
    return f"Missing: {', '.join(counted)}."


def _choose(items: tuple[_Item, ...]) -> str:
    return "Choose another below." if len(items) == 1 else "Choose others below."


def _line(item: _Item) -> str:
    uses = ", ".join(item.uses[:_MOST_USES])
    more = len(item.uses) - _MOST_USES
    uses += f", +{more}" if more > 0 else ""
    similar = f"Similar: {short(item.close)}" if item.close else ""
    about = " · ".join(html.escape(part) for part in (item.place, uses, similar) if part)
    copy = (
        f' <button type="button" class="quiet" title="{html.escape(item.address)}"'
        f' data-copy="{html.escape(item.address)}">Copy download link</button>'
        if item.address
        else ""
    )
    said = f"<strong>{_MISSING[item.kind]}</strong> <code>{html.escape(item.name[:200])}</code>"
    return f'{said}<span class="about">{about}</span>{copy}'
