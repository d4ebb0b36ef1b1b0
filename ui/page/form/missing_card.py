"""Missing parts of a workflow: one line with a button, and a dialog with each node pack and file
once, its source, and what to do."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal
from urllib.parse import quote

from comfy.base.messages import listed, message, plural, sentences
from comfy.base.wording import quoted, short
from comfy.form.missing_items import MAY_BE_OFF, TO_SWITCH_ON, Missing, MissingChoice, MissingClass
from comfy.requirements.model import NodePack
from ui.languages.current import html_of, translated

BLOCKED = message("This workflow can't run here.")
_MOST_USES = 3
_MOST_NODES = 8
_MISSING = {
    "node": message("Missing node:"),
    "paid": message("Missing paid node:"),
    "model": message("Missing model:"),
    "setting": message("Missing setting:"),
}
_DETAILS, _CLOSE = message("Details"), message("Close")
_TITLE = message("What's missing")
_COPY = message("Copy list")
_COPY_LINK = message("Copy download link")
_COPY_COMMAND = message("Copy command")
_BUILT_IN = message("part of ComfyUI")
_OTHER_VERSION = message("part of another ComfyUI version")
_TO_INSTALL = message("Install this node pack in ComfyUI, then restart it.")
_UNKNOWN_PACK = message("Nodes of an unknown pack")
_TO_FIND = message("Find their node packs, install them in ComfyUI, then restart it.")
_SEARCH = message("Search the registry")
_SEARCH_PAGE = "https://registry.comfy.org/nodes?nodes_index%5Bquery%5D="
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
    """Return that this workflow can't run; "" if nothing is missing or all missing parts can be
    replaced."""
    return "" if all(one.can_be_replaced for one in missing) else BLOCKED


def _lines(items: Iterable[_Item], reason: str) -> tuple[str, ...]:
    lines = tuple(item.line for item in items)
    return (*lines, translated(reason)) if reason else lines


def missing_card(missing: tuple[Missing, ...], *, demo: bool, folded: Collection[str] = ()) -> str:
    """Return the line with its dialog as HTML. `folded`: keys of the fields in collapsed sections.
    `demo`: the server is the stand-in. Its few models are too different
    to suggest one for another, and one workflow fails on purpose."""
    items = tuple(_items(missing))
    choices = [one for one in missing if isinstance(one, MissingChoice)]
    is_folded = bool(choices) and all(one.key in folded for one in choices)
    blocked = bool(why_not(missing))
    summary = (
        _blocking(items)
        if blocked
        else sentences(_counted(items), _choose(items, is_folded=is_folded))
    )
    shown = (replace(item, close="") if demo and item.kind == "model" else item for item in items)
    reason = "" if demo else _reason(missing)
    known, unknown = _by_pack(shown)
    lines = "".join(f"<li{_mark(item)}>{_line(item)}</li>" for item in known)
    lines = (_of_unknown_pack(unknown) if unknown else "") + lines
    lines_to_copy = html.escape("\n".join(_lines(items, reason)))
    hint = translated(_DEMO) if demo and blocked else html_of(reason)
    if reason:
        hint += f' <span class="for-administrators">{html_of(TO_SWITCH_ON)}</span>'
    return (
        f'<div class="missing"><p>{html_of(summary)}</p>'
        f'<button type="button" class="quiet" popovertarget="missing-parts">{html_of(_DETAILS)}'
        f'</button><div id="missing-parts" class="missing-parts" popover role="dialog"'
        f' aria-label="{html_of(_TITLE)}"><h2>{html_of(_TITLE)}</h2>'
        f"{hint and f'<p>{hint}</p>'}<ul>{lines}</ul>"
        f'<div class="last"><button type="button" class="quiet" data-copy="{lines_to_copy}">'
        f"{html_of(_COPY)}</button>{_install_link(items)}"
        f'<button type="button" class="quiet" popovertarget="missing-parts"'
        f' popovertargetaction="hide">{html_of(_CLOSE)}</button></div></div></div>'
    )


def _by_pack(items: Iterable[_Item]) -> tuple[list[_Item], list[_Item]]:
    """Return the items with one for all nodes of a pack, and the nodes of unknown packs."""
    packs: dict[str, list[_Item]] = {}
    others, unknown = [], []
    for item in items:
        if item.pack is not None:
            packs.setdefault(item.pack.id, []).append(item)
        elif item.kind == "node" and not item.place:
            unknown.append(item)
        else:
            others.append(item)
    known = []
    for nodes in packs.values():
        names = [one.name for one in nodes]
        more = [f"+{len(names) - _MOST_NODES}"] if len(names) > _MOST_NODES else []
        known.append(replace(nodes[0], name=listed([*names[:_MOST_NODES], *more])))
    return [*known, *others], unknown


def _of_unknown_pack(nodes: Iterable[_Item]) -> str:
    """Return the line of all nodes without a known pack, each with a link to search for it."""
    lines = "".join(
        f'<span class="about"><code>{html.escape(one.name[:200])}</code> · '
        + "".join(f"{html_of(part)} · " for part in _details(one))
        + _link(f"{_SEARCH_PAGE}{quote(one.name[:100])}", html_of(_SEARCH))
        + "</span>"
        for one in nodes
    )
    return (
        f"<li><strong>{html_of(_UNKNOWN_PACK)}</strong>"
        f'<span class="about">{html_of(_TO_FIND)}</span>{lines}</li>'
    )


def _details(item: _Item) -> Iterator[str]:
    """Yield the item's uses and the most similar name, without empty ones."""
    more = len(item.uses) - _MOST_USES
    if uses := listed([*item.uses[:_MOST_USES], *([f"+{more}"] if more > 0 else [])]):
        yield uses
    if item.close:
        yield message("Similar: “{name}”", name=short(item.close))


def _reason(missing: Iterable[Missing]) -> str:
    """Return why nodes of ComfyUI itself are missing; "" if only the version can be the reason."""
    may_be_off = any(isinstance(one, MissingClass) and one.may_be_off for one in missing)
    return MAY_BE_OFF if may_be_off else ""


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


def _blocking(items: Iterable[_Item]) -> str:
    """Format like "Can't run here: 1 paid node and 3 models are missing."."""
    counts = Counter(item.kind for item in items)
    parts = [_number_of(kind, count, others="paid" in counts) for kind, count in counts.items()]
    things = parts[-1]
    if parts[:-1]:
        things = message("{first} and {last}", first=listed(parts[:-1]), last=parts[-1])
    if counts.total() == 1:
        return message("Can't run here: {things} is missing.", things=things)
    return message("Can't run here: {things} are missing.", things=things)


def _counted(items: Iterable[_Item]) -> str:
    """Format like "Missing: 6 nodes, 4 models."."""
    counts = Counter(item.kind for item in items)
    counted = listed(_number_of(kind, count) for kind, count in counts.items())
    return message("Missing: {things}.", things=counted)


def _number_of(kind: MissingKind, count: int, *, others: bool = False) -> str:
    match kind:
        case "node" if others:
            return plural("{count} other node", "{count} other nodes", count=count)
        case "node":
            return plural("{count} node", "{count} nodes", count=count)
        case "paid":
            return plural("{count} paid node", "{count} paid nodes", count=count)
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
    kind, name = html_of(_MISSING[item.kind]), html.escape(item.name[:400])
    if item.pack is not None:
        command = item.pack.command
        return (
            f"<strong>{_link(item.pack.url, html.escape(item.pack.id))}</strong>"
            f'<span class="about">{html_of(_TO_INSTALL)}</span>'
            f'<span class="about"><code>{name}</code></span>'
            f'<span class="for-administrators"><code class="command">{html.escape(command)}</code>'
            f"{_copy_button(command, _COPY_COMMAND)}</span>"
        )
    about = " · ".join(map(html_of, filter(None, (item.place, *_details(item)))))
    copy = _copy_button(item.address, _COPY_LINK) if item.address else ""
    return f'<strong>{kind}</strong> <code>{name}</code><span class="about">{about}</span>{copy}'


def _link(address: str, words: str) -> str:
    """Return a link that opens a new tab. `words`: as HTML."""
    page = html.escape(address)
    return f'<a href="{page}" target="_blank" rel="noopener noreferrer">{words}</a>'


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
