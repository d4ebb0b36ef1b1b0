"""Card with a workflow's missing parts: collapsed, each file and node once, with its folder and
source."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal

from comfy.base.messages import listed, message, plural, sentences
from comfy.base.wording import quoted, short
from comfy.form.missing_items import MAY_BE_OFF, Missing, MissingChoice, MissingClass
from comfy.requirements.model import NodePack
from ui.languages.current import html_of, translated

_MOST_USES = 3
_MISSING = {
    "node": message("Missing node:"),
    "paid": message("Missing paid API node:"),
    "model": message("Missing model:"),
    "setting": message("Missing setting:"),
}
_COPY = message("Copy list")
_COPY_LINK = message("Copy download link")
_COPY_COMMAND = message("Copy command")
_BUILT_IN = message("part of ComfyUI")
_OTHER_VERSION = message("part of another ComfyUI version")
_TO_SWITCH_ON = message("Start it without this option, or update it.")
_DEMO = message(
    "The demo server only runs the demo workflows. To run this one, start ComfyUI, then restart"
    " ComfyForms with {option}.",
    option="<code>--server http://&lt;address&gt;:8188</code>",
)

MissingKind = Literal["node", "paid", "model", "setting"]


@dataclass(frozen=True, slots=True)
class _Item:
    """Line of the card: the missing part, its category, its folder or its node pack, and a
    note."""

    kind: MissingKind
    name: str
    place: str
    uses: tuple[str, ...]
    close: str
    address: str = ""
    pack: NodePack | None = None

    @property
    def line(self) -> str:
        """Return the line for sharing as text."""
        name = self.name
        if self.place:
            name = message("{label} ({detail})", label=name, detail=self.place)
        source = self.pack.command if self.pack else self.address
        return " ".join(filter(None, (translated(_MISSING[self.kind]), translated(name), source)))


def why_not(missing: Iterable[Missing]) -> str:
    """Return why this workflow can't run, in one sentence; "" if nothing is missing or all missing
    parts can be replaced."""
    missing = tuple(missing)
    if all(one.can_be_replaced for one in missing):
        return ""
    return sentences(message("This workflow can't run here."), _counted(_items(missing)))


def _lines(items: Iterable[_Item], reason: str) -> tuple[str, ...]:
    lines = tuple(item.line for item in items)
    return (*lines, translated(reason)) if reason else lines


def missing_card(missing: tuple[Missing, ...], *, demo: bool, folded: Collection[str] = ()) -> str:
    """Return the card as HTML. `folded`: keys of the fields in collapsed sections. `demo`: the
    server is the stand-in. Its few models are too different
    to suggest one for another, and one workflow fails on purpose."""
    items = tuple(_items(missing))
    blocked = why_not(missing)
    choices = [one for one in missing if isinstance(one, MissingChoice)]
    is_folded = bool(choices) and all(one.key in folded for one in choices)
    summary = translated(blocked or sentences(_counted(items), _choose(items, is_folded=is_folded)))
    unfolded = " open" if len(items) == 1 else ""
    shown = (replace(item, close="") if demo and item.kind == "model" else item for item in items)
    lines = "".join(f"<li{_mark(item)}>{_line(item)}</li>" for item in shown)
    reason = "" if demo else _reason(missing)
    lines_to_copy = html.escape("\n".join(_lines(items, reason)))
    hint = translated(_DEMO) if demo and blocked else html_of(reason)
    return (
        f'<details class="missing"{unfolded}><summary>{html.escape(summary)}</summary>'
        f"<ul>{lines}</ul>"
        f'<button type="button" class="quiet" data-copy="{lines_to_copy}">'
        f"{html_of(_COPY)}</button>{_install_link(items)}</details>"
        f"{hint and f'<p>{hint}</p>'}"
    )


def _reason(missing: Iterable[Missing]) -> str:
    """Return why nodes of ComfyUI itself are missing and what to do; "" if only the version can be
    the reason."""
    may_be_off = any(isinstance(one, MissingClass) and one.may_be_off for one in missing)
    return sentences(MAY_BE_OFF, _TO_SWITCH_ON) if may_be_off else ""


def _place(node: MissingClass) -> str:
    """Return where the user can get a node."""
    if not node.is_built_in:
        return node.pack
    if node.version:
        return message("saved with ComfyUI {version}", version=node.version)
    if node.may_be_off:
        return "" if node.is_paid else _BUILT_IN
    return _OTHER_VERSION


def _items(missing: Iterable[Missing]) -> Iterator[_Item]:
    """Return nodes, then models, then other choices: each file once, no matter how many fields use
    it."""
    choices: list[MissingChoice] = []
    for entry in missing:
        match entry:
            case MissingClass(class_type, nodes, titles, close):
                times = (_used(len(nodes)),) if len(nodes) > 1 else ()
                uses = (*times, *(quoted(short(title)) for title in titles))
                kind: MissingKind = "paid" if entry.is_paid else "node"
                pack = entry.node_pack
                yield _Item(kind, class_type, _place(entry), uses, close, pack=pack)
            case MissingChoice():
                choices.append(entry)
    choices.sort(key=_kind_and_file)
    for (not_model, _), group in groupby(choices, key=_kind_and_file):
        same = list(group)
        yield _Item(
            "setting" if not_model else "model",
            same[0].file,
            next((entry.folder for entry in same if entry.folder), ""),
            tuple(dict.fromkeys(entry.label for entry in same)),
            next((str(entry.close) for entry in same if entry.close is not None), ""),
            next((entry.address for entry in same if entry.address), ""),
        )


def _kind_and_file(choice: MissingChoice) -> tuple[bool, str]:
    return not choice.is_model, choice.file.lower()


def _counted(items: Iterable[_Item]) -> str:
    """Format like "Missing: 6 nodes, 4 models."."""
    counts = Counter(item.kind for item in items)
    counted = listed(_number_of(kind, count) for kind, count in counts.items())
    return message("Missing: {things}.", things=counted)


def _number_of(kind: MissingKind, count: int) -> str:
    match kind:
        case "node":
            return plural("{count} node", "{count} nodes", count=count)
        case "paid":
            return plural("{count} paid API node", "{count} paid API nodes", count=count)
        case "model":
            return plural("{count} model", "{count} models", count=count)
        case "setting":
            return plural("{count} setting", "{count} settings", count=count)


def _used(times: int) -> str:
    return message("used {count} times", count=times)


def _choose(items: tuple[_Item, ...], *, is_folded: bool) -> str:
    match len(items) == 1, is_folded:
        case True, True:
            return message("Choose another under Advanced.")
        case False, True:
            return message("Choose others under Advanced.")
        case True, False:
            return message("Choose another below.")
    return message("Choose others below.")


def _mark(item: _Item) -> str:
    """Return the attribute by which the script finds and replaces the lines of models."""
    return " data-model" if item.kind == "model" else ""


def _line(item: _Item) -> str:
    more = len(item.uses) - _MOST_USES
    uses = listed([*item.uses[:_MOST_USES], *([f"+{more}"] if more > 0 else [])])
    similar = message("Similar: “{name}”", name=short(item.close)) if item.close else ""
    place = html_of(item.place)
    if item.pack is not None:
        page = html.escape(item.pack.url)
        place = f'<a href="{page}" target="_blank" rel="noopener noreferrer">{place}</a>'
    others = (html_of(part) for part in (uses, similar) if part)
    about = " · ".join(filter(None, (place, *others)))
    copy = _copy_button(item.address, _COPY_LINK) if item.address else ""
    if item.pack is not None:
        command = item.pack.command
        copy = f'<code class="command">{html.escape(command)}</code>'
        copy += _copy_button(command, _COPY_COMMAND)
    kind, name = html_of(_MISSING[item.kind]), html.escape(item.name[:200])
    return f'<strong>{kind}</strong> <code>{name}</code><span class="about">{about}</span>{copy}'


def _copy_button(text: str, label: str) -> str:
    copied = html.escape(text)
    return (
        f' <button type="button" class="quiet" title="{copied}" data-copy="{copied}">'
        f"{html_of(label)}</button>"
    )


def _install_link(items: Iterable[_Item]) -> str:
    """Return the link to the page where administrators install node packs. The style sheet hides it
    from other users."""
    if all(item.pack is None for item in items):
        return ""
    words = html_of(message("Missing models and nodes"))
    return f' <a class="for-administrators" href="operator/missing">{words}</a>'
