"""Heading of a form: its title, sharing, and missing parts and how to get them; or the reason why
there is no form."""

from __future__ import annotations

import html
import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from typing import Any, Literal
from urllib.parse import quote

import gradio as gr

from comfy.base.errors import ComfyError
from comfy.base.messages import listed, message, plural, sentences
from comfy.base.wording import quoted, short
from comfy.form.describe import facts, made_kind
from comfy.form.missing_items import (
    TO_SWITCH_ON,
    Missing,
    MissingChoice,
    MissingClass,
    sentences_about,
)
from comfy.form.model import Field, Form, Idea
from comfy.library.private import MARK as OPENED_MARK
from comfy.requirements.known_packs import pack_name
from comfy.requirements.model import NodePack
from comfyforms.hooks import FormLink
from ui.documents.browser_values import Filled, number_rules, run_values, seed_rules
from ui.languages.current import all_translated, html_of, translated
from ui.page.covers import Example
from ui.page.form.first_values import FormSources
from ui.page.form.kinds.view import element_id
from ui.page.script_files import calls
from ui.web.responses import json_text

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
_RELOAD = message("Reload models")
_COPY_LINK = message("Copy download link")
_COPY_COMMANDS = message("Copy commands")
_BUILT_IN = message("part of ComfyUI")
_TO_INSTALL = message("Run this in ComfyUI's folder, then restart ComfyUI.")
_UNKNOWN_PACK = message("We don't know which pack these nodes come from.")
_TO_FIND = message("Find it, install it in ComfyUI, then restart ComfyUI.")
_SEARCH = message("Search the registry")
_SEARCH_PAGE = "https://registry.comfy.org/nodes?nodes_index%5Bquery%5D="
_TO_ASK = message("Ask your administrator to install what's missing.")
_TO_PUT = message("Put each file into its folder below models, then press “Reload models”.")
_TO_SEARCH = message("Search the web for files without a link.")
_DEMO = message(
    "The demo server can't run this workflow. To run it, start ComfyUI, then restart ComfyForms"
    " with {option}.",
    option="<code>--server http://&lt;address&gt;:8188</code>",
)
MissingKind = Literal["node", "paid", "model", "setting"]
# Parts of a title that stay on one line: the model behind what the workflow does, and "Z-Image".
_UNBROKEN = re.compile(r"\([^()]{1,24}\)|(?<!\S)\S{1,14}-\S{1,14}(?!\S)")
# Nodes that add room around an image, or make no image from it.
_OWN_SHAPE = re.compile(r"Pad(?![a-z])|Outpaint|3D|GLB|Splat")
_MOST_IDEAS = 6
_NOTE = message("Note")
_REMOVED_FOR_ONE = message("You can open its file again. Results made with it stay in the history.")


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
    why: str = ""
    pack: NodePack | None = None

    @property
    def line(self) -> str:
        name = self.name
        if self.place:
            name = message("{label} ({detail})", label=name, detail=self.place)
        source = self.pack.url if self.pack else self.address or translated(self.why)
        return " ".join(filter(None, (translated(_MISSING[self.kind]), translated(name), source)))


def why_not(missing: Iterable[Missing], flaws: Iterable[str] = ()) -> str:
    """Return why this workflow can't run; "" if it has no flaws and nothing is missing, or all
    missing parts can be replaced."""
    missing = tuple(missing)
    if all(one.can_be_replaced for one in missing):
        return next(iter(flaws), "")
    return _blocking(_items(missing))


def missing_card(missing: tuple[Missing, ...], *, demo: bool, folded: Collection[str] = ()) -> str:
    """Return the line with its dialog as HTML. `folded`: keys of the fields in collapsed sections.
    `demo`: the server is the stand-in. Its few models are too different
    to suggest one for another, and one workflow fails on purpose."""
    items = tuple(_items(missing))
    choices = [one for one in missing if isinstance(one, MissingChoice)]
    is_folded = bool(choices) and all(one.key in folded for one in choices)
    blocked = why_not(missing)
    summary = blocked or sentences(_counted(items), _choose(items, is_folded=is_folded))
    shown = (replace(item, close="") if demo and item.kind == "model" else item for item in items)
    reason = "" if demo else _reason(missing)
    known, unknown = _by_pack(shown)
    lines = "".join(f"<li{_mark(item)}>{_line(item)}</li>" for item in known)
    lines = (_of_unknown_pack(unknown) if unknown else "") + lines + _commands(known)
    lines += "" if demo else _next_step([item for item in known if item.kind == "model"])
    lines_to_copy = html.escape(
        "\n".join(filter(None, (*(item.line for item in items), translated(reason))))
    )
    hint = translated(_DEMO) if demo and blocked else html_of(reason)
    if reason:
        hint += f' <span class="for-administrators">{html_of(TO_SWITCH_ON)}</span>'
    ask = "" if demo else f'<p class="for-others">{html_of(_TO_ASK)}</p>'
    return (
        f'<div class="missing flow" data-icon="warning"><p>{html_of(summary)}</p>'
        f'<button type="button" class="quiet" popovertarget="missing-parts">{html_of(_DETAILS)}'
        f'</button><div id="missing-parts" class="missing-parts" popover role="dialog"'
        f' aria-label="{html_of(_TITLE)}"><h2 class="dialog-title">{html_of(_TITLE)}</h2>'
        f"{hint and f'<p>{hint}</p>'}{ask}<ul>{lines}</ul>"
        f'<div class="last flow"><button type="button" class="quiet" data-copy="{lines_to_copy}">'
        f"{html_of(_COPY)}</button>{_install_link(items)}"
        f"{'' if demo else _hiding(_RELOAD, 'reload')}{_hiding(_CLOSE)}</div></div></div>"
    )


def _hiding(words: str, style: str = "") -> str:
    """Return a button that closes the dialog."""
    return (
        f'<button type="button" class="quiet {style}" popovertarget="missing-parts"'
        f' popovertargetaction="hide">{html_of(words)}</button>'
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
        f'<span class="about aside"><code>{html.escape(one.name[:200])}</code> · '
        + "".join(f"{html_of(part)} · " for part in _details(one))
        + _link(f"{_SEARCH_PAGE}{quote(one.name[:100])}", html_of(_SEARCH))
        + "</span>"
        for one in nodes
    )
    return (
        f"<li><strong>{html_of(_UNKNOWN_PACK)}</strong>"
        f'<span class="about aside for-administrators">{html_of(_TO_FIND)}</span>{lines}</li>'
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
    may_be_off = (one for one in missing if isinstance(one, MissingClass) and one.may_be_off)
    return next((one.reason for one in may_be_off), "")


def _place(node: MissingClass) -> str:
    """Return where the user can get a node."""
    if not node.is_built_in:
        return node.pack
    if node.version:
        return message("saved with ComfyUI {version}", version=node.version)
    return "" if node.is_paid else _BUILT_IN


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
                close = close if pack is None else ""
                why = entry.reason if entry.is_built_in and not entry.may_be_off else ""
                yield _Item(kind, class_type, _place(entry), uses, close, why=why, pack=pack)
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
        return (
            f"<strong>{_link(item.pack.url, html.escape(pack_name(item.pack.id)))}</strong>"
            f'<span class="about aside"><code>{name}</code></span>'
        )
    about = " · ".join(map(html_of, filter(None, (item.place, *_details(item), item.why))))
    copy = _copy_button(item.address, _COPY_LINK) if item.address else ""
    return (
        f'<strong>{kind}</strong> <code>{name}</code><span class="about aside">{about}</span>{copy}'
    )


def _commands(items: Iterable[_Item]) -> str:
    """Return the line with the commands that install all packs; "" without a pack."""
    text = "\n".join(item.pack.command for item in items if item.pack is not None)
    shown = f'<code class="command">{html.escape(text)}</code>{_copy_button(text, _COPY_COMMANDS)}'
    return text and f'<li class="for-administrators">{html_of(_TO_INSTALL)}{shown}</li>'


def _next_step(models: Sequence[_Item]) -> str:
    """Return the line about getting all models; "" without a model. The script replaces it."""
    if not models:
        return ""
    search = "" if all(item.address for item in models) else _TO_SEARCH
    step = html_of(sentences(search, _TO_PUT))
    return f'<li class="for-administrators" data-model>{step}</li>'


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


@dataclass(frozen=True, slots=True)
class AuthorsImages:
    """Images from the author. `example`: an example result; `examples`: the places
    of fields' example files by key; `of_ideas`: the places of the images that ideas start with, by
    name; `covers`: the URLs of ideas' covers by name. Missing files have the value None."""

    example: Example
    examples: Mapping[str, str | None]
    of_ideas: Mapping[str, str | None]
    covers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sharing:
    """The user's options to share a workflow with all users or to remove it. `readers`: see
    `Forms.readers`; `removal`: the confirmation question, "" if removing
    isn't. `may_edit`: the user may edit the form.
    `links`: plugins' pages about it."""

    readers: str = ""
    removal: str = ""
    may_edit: bool = False
    links: Sequence[FormLink] = ()


def draw_heading(  # noqa: PLR0913 - everything that the page knows of a form
    name: str,
    form: Form,
    main: Sequence[Field],
    filled: Filled,
    images: AuthorsImages,
    sharing: Sharing,
    sources: FormSources,
) -> None:
    """Draw the title and notes; pass `filled` and the maximum file size to the script. Generate
    waits until the `main` fields are drawn."""
    data = f'data-workflow="{html.escape(name)}" data-largest="{sources.largest_file}"'
    if any(_OWN_SHAPE.search(node["class_type"]) for node in form.prompt.values()):
        data += " data-own-shape"
    title = _UNBROKEN.sub(r'<span class="unbroken">\g<0></span>', html_of(form.title))
    text = f"<h1 {data}>{title}</h1>"
    ideas = [
        {
            "label": idea.label,
            "cover": images.covers.get(idea.cover, ""),
            "values": _values_of(idea, images.of_ideas),
            "instead": {key: _authors_own(key, form, images) for key in idea.images},
        }
        for idea in form.ideas[:_MOST_IDEAS]
    ]
    given = (
        name,
        why_not(form.missing, form.flaws),
        bool(form.missing),
        number_rules(form.fields) | seed_rules(form.fields),
        filled.values,
        filled.authors,
        all_translated(ideas),
        asdict(images.example) | {"line": translated(facts(form))},
        made_kind(form.outputs) or "",
        _told_images(form),
        {key: translated(sentence) for key, sentence in filled.errors.items()},
        filled.held,
        [element_id(field) for field in main],
    )
    arguments = ", ".join(map(json_text, given))
    drawn = calls("form/form.js", f"drawn({arguments})")
    _draw_title(text, drawn, _offer_sharing(name, form.title, sharing))
    if form.description:
        gr.HTML(
            f"<p>{html_of(form.description)}</p>",
            elem_id="description",
            js_on_load=calls("fields/description.js", "mountDescription(element)"),
        )
    of_menu = (
        name,
        sharing.may_edit,
        not name.startswith(OPENED_MARK),
        [asdict(link) for link in sharing.links],
    )
    arguments = ", ".join(map(json_text, of_menu))
    gr.HTML(
        elem_id="form-menu",
        js_on_load=calls("form/menu.js", f"mountFormMenu(element, {arguments})"),
    )
    _draw_missing(name, form, sources)
    _draw_problems(form)


def _draw_missing(name: str, form: Form, sources: FormSources) -> None:
    if not form.missing:
        return
    folded = [one.key for one in form.fields if one.group == "advanced" and not one.section]
    missing = form.missing if sources.demo else sources.known_parts.missing(form.missing)
    card = missing_card(missing, demo=sources.demo, folded=folded)
    gr.HTML(
        f'<div role="note">{card}</div>',
        elem_classes="notice",
        elem_id="missing",
        js_on_load=calls(
            "models/missing_models.js",
            f"mountMissing(element, {json_text(name)}, {json_text(sources.demo)})",
        ),
    )


def _draw_problems(form: Form) -> None:
    """Draw the problems that the missing nodes and models don't explain already."""
    sentences = set(sentences_about(form.missing))
    if form.missing_prompt:  # shown in the place of the prompt
        sentences.add(form.missing_prompt.sentence)
    if problems := [problem for problem in form.problems if problem not in sentences]:
        items = "".join(f"<li>{html_of(problem)}</li>" for problem in problems)
        gr.HTML(
            f'<div role="note"><strong>{html_of(_NOTE)}</strong><ul>{items}</ul></div>',
            elem_classes="notice",
        )


def _draw_title(title: str, *scripts: str) -> None:
    gr.HTML(title, elem_id="heading", js_on_load=";".join(filter(None, scripts)))


def _offer_sharing(name: str, title: str, sharing: Sharing) -> str:
    """Return the script that adds the sharing options to the title; "" if this user has none."""
    is_own = name.startswith(OPENED_MARK)
    if not is_own and not sharing.removal:
        return ""
    about = translated(_REMOVED_FOR_ONE if is_own else sharing.removal)
    given = map(json_text, (name, title, is_own, translated(sharing.readers), about))
    return calls("form/workflows.js", f"mountSharing(element, {', '.join(given)})")


def images_field(form: Form) -> Field | None:
    """Return the main field that sets the number of images per run, if there is exactly one. In
    workflows that don't make images, it counts something else, such as frames."""
    if made_kind(form.outputs) != "image":
        return None
    counts = [field for field in form.fields if field.role == "count" and field.group == "main"]
    return counts[0] if len(counts) == 1 and counts[0].is_number else None


def _told_images(form: Form) -> dict[str, Any] | None:
    """Return what the script needs of the field for images per run, None without one."""
    field = images_field(form)
    if field is None:
        return None
    return {
        "key": field.key,
        "id": element_id(field),
        "label": translated(field.label),
        "help": translated(field.tooltip),
        "least": field.min or 1,
        "most": field.max,
    }


def _values_of(idea: Idea, places: Mapping[str, str | None]) -> dict[str, Any]:
    """Return an example's values in the browser's format; a missing image leaves its field
    unchanged."""
    there = {key: places.get(name) for key, name in idea.images.items()}
    return run_values(idea.values, {key: place for key, place in there.items() if place})


def _authors_own(key: str, form: Form, images: AuthorsImages) -> list[str]:
    """Return the places of a form's files that come from its author."""
    names = (idea.images[key] for idea in form.ideas if key in idea.images)
    places = (images.examples.get(key), *map(images.of_ideas.get, names))
    return [place for place in places if place]


def draw_problem(
    problem: ComfyError,
    *,
    will_pass: bool,
    name: str = "",
    title: str = "",
    sharing: Sharing | None = None,
) -> None:
    """Draw the reason why there is no form, below the title and the sharing options if they are
    known. `will_pass`: the page tries again by itself."""
    if title:
        offer = _offer_sharing(name, title, sharing) if sharing else ""
        _draw_title(f"<h1>{html_of(title)}</h1>", offer)
    what, hint = html_of(str(problem)), html_of(problem.hint)
    gr.HTML(
        f'<div role="alert" class="state-card" data-icon="warning"><strong>{what}</strong>'
        f'<p class="muted">{hint}</p></div>',
        elem_classes="notice",
        elem_id="no-form",
        js_on_load=calls("form/form.js", f"notDrawn({json.dumps(will_pass)})"),
    )
