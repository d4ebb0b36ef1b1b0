"""Form of a chain: a section for each step, with its visible fields and its inputs from other
steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import gradio as gr

from comfy.base.errors import ComfyError, ServerError, ServerUnreachable
from comfy.base.messages import message
from comfy.chains.forms import ChainForm, Feed, StepSection
from comfy.form.model import Field
from ui.gradio.internals import root_of
from ui.languages.current import html_of
from ui.page.covers import Example
from ui.page.form.first_values import FormSources, first_shown
from ui.page.form.heading import AuthorsImages, Sharing, draw_heading, draw_problem
from ui.page.form.kinds.view import Control
from ui.page.form.panel import (
    bind_generate,
    draw_fields,
    draw_group,
    keep_values,
    redraw_on_choice,
    visible,
    without_undrawn,
)
from ui.page.form.tools import bind_use, draw_model_pickers, draw_paid_notice, draw_tools
from ui.page.script_files import listener
from ui.web.responses import json_text
from ui.web.urls import cover_address

_REMOVAL = message("Results made with it stay in the history.")


def draw_chain(  # noqa: PLR0913 - what `gr.render` gives, and the page around it
    sources: FormSources,
    choice: dict[str, Any],
    opened: gr.JSON,
    generate: gr.Button,
    stage: gr.HTML,
    owner: Callable[[gr.Request], str],
    request: gr.Request,
) -> None:
    """Draw the form of the chosen chain and bind Generate to it; called inside `gr.render`."""
    name, person = str(choice["name"]), owner(request)
    sharing = Sharing(removal=_REMOVAL if sources.removal.may_remove(person, name) else "")
    try:
        chain = sources.library.chain_forms.form(name, person, choice["linked"] | choice["kept"])
        cover = sources.library.cover(name, person)
    except ComfyError as problem:
        titles = {one.name: one.title for one in sources.library.entries(person)}
        draw_problem(
            problem,
            will_pass=isinstance(problem, ServerUnreachable | ServerError),
            name=name,
            title=titles.get(name, ""),
            sharing=sharing,
        )
        return
    form = chain.form
    files = sources.copies.files_of(person, root_of(request))
    first = first_shown(sources.copies, form, choice, files)
    images = AuthorsImages(
        Example(cover_address(name, cover) if cover else ""), first.places, {}, {}
    )
    titles = _titles(chain)
    steps_of = {field.key: titles[one.step.name] for one in chain.sections for field in one.fields}
    order = visible(form, choice["unfolded"], steps_of)
    filled = without_undrawn(first.filled, order, choice)
    draw_heading(name, form, order.main, filled, images, sharing, sources)
    steps = (step.form for step in chain.plan.steps)
    draw_paid_notice(steps, person, sources.payment, has_account=sources.signs_in)
    scope = f"{name}/{choice['filling']}"
    draw = partial(draw_group, scope, values=first.values, unfolded=choice["unfolded"])
    controls = draw_fields(
        scope,
        form,
        first.values,
        order,
        choice["unfolded"],
        draw_main=partial(_draw_steps, chain, titles, draw),
    )
    keep_values(name, controls)
    own = {
        field.key for field in (*chain.switches, *(one.option for one in chain.sections)) if field
    }
    redraw_on_choice(tuple(one for one in controls if one.field.key not in own))
    for control in controls:
        if control.field.key in own:
            _redraw_when_other(control, first.values[control.field.key])
    draw_tools(sources, name, opened, controls, owner, missing=bool(form.missing))
    draw_model_pickers(name, controls)
    bind_generate(name, controls, generate, is_chain=True)
    bind_use(sources, controls, stage, owner)


def _draw_steps(
    chain: ChainForm,
    titles: Mapping[str, str],
    draw: Callable[[Sequence[Field]], Iterable[Control]],
    main: Sequence[Field],
) -> Iterator[Control]:
    """Draw the chain's switches, then a section with the `main` fields of each step."""

    def draw_those(of: Sequence[Field]) -> Iterable[Control]:
        keys = {field.key for field in of}
        return draw([field for field in main if field.key in keys])

    yield from draw_those(chain.switches)
    for section in chain.sections:
        with gr.Column(elem_classes="chain-step"):
            with gr.Row(elem_classes="chain-step-head"):
                gr.HTML(f"<h2>{html_of(titles[section.step.name])}</h2>")
                if section.option is not None:
                    yield from draw_those([section.option])
            if sentences := list(_given(section)):
                items = "".join(f"<p>{html_of(sentence)}</p>" for sentence in sentences)
                gr.HTML(items, elem_classes="caption")
            yield from draw_those(section.fields)


def _titles(chain: ChainForm) -> dict[str, str]:
    """Return the steps' headings by name."""
    numbers = {step.name: number for number, step in enumerate(chain.plan.steps, 1)}
    return {
        one.step.name: _heading(numbers.get(one.step.name), one.title) for one in chain.sections
    }


def _heading(number: int | None, title: str) -> str:
    """Return a step's title after its number among the steps that run, as the stage counts them. A
    skipped step has no number."""
    return title if number is None else message("{number}. {step}", number=number, step=title)


def _given(step: StepSection) -> Iterator[str]:
    """Return messages about the inputs that a step gets from other steps."""
    images = [
        feed for feed in step.feeds if feed.field.media == "image" and isinstance(feed.pick, int)
    ]
    steps = {feed.title for feed in images}
    alike = images if len(images) > 1 and len(steps) == 1 else []
    for title in steps if alike else ():
        yield message("The images come from “{step}”.", step=title)
    rest = [feed for feed in step.feeds if feed not in alike]
    if len(step.feeds) == 1 and isinstance(rest[0].pick, int):
        yield message("Uses the result of “{step}”.", step=rest[0].title)
        rest = []
    yield from map(_fed, rest)
    if step.runs > 1:
        yield message("This step runs {count} times.", count=step.runs)


def _fed(feed: Feed) -> str:
    named = {"field": feed.field.label, "step": feed.title}
    match feed.pick:
        case "each":
            return message("“{field}”: this step runs once for each result of “{step}”.", **named)
        case "all":
            return message("“{field}” gets all results of “{step}”.", **named)
    return message("“{field}” comes from “{step}”.", **named)


def _redraw_when_other(control: Control, drawn: object) -> None:
    """Redraw the form when a choice differs from the one it was drawn with, including after
    Reset."""
    component = control.components[0]
    component.change(  # type: ignore[attr-defined]
        None,
        component,
        js=listener("form/chain.js", f"switched({json_text(drawn)}, value)", "value"),
        api_visibility="private",
    )
