"""Administrator page as HTML."""

from __future__ import annotations

import html
import platform
from collections.abc import Iterable
from importlib import metadata

from comfy.comfyui.servers.reports import Memory
from ui.languages.current import current_language
from ui.operator.overview import LackingWorkflow, Overview, RunLine, ServerLine
from ui.page.plain.inline import module_tag
from ui.page.plain.layout import link_to_app
from ui.settings.version import app_version

PATH = "/operator"
TOKENS = "All access tokens"
TITLE = "Servers and runs · ComfyForms"
HEADING = "Servers and runs"
_SERVERS = "Servers"
_ANSWERS = "Answers"
_AWAY = "Doesn't answer"
_DRAINED = "Draining"
_DRAIN = "Drain"
_TAKE_BACK = "Stop draining"
_FREE = "Free memory"
_RUNS = "Runs"
_PREVIEW = "Preview"
_NO_RUNS = "No waiting or active runs."
_LACKING = "Missing or replaced models and nodes"
_NOTHING_LACKS = "Every workflow has what it needs."
_NOT_KNOWN = "No server has reported its models and nodes."
_VERSIONS = "Versions"
_GB = 2**30


def page_body(now: Overview, why: str = "", *, has_tokens: bool = False) -> str:
    """Return the page's body. `why`: the reason for a failed action; `has_tokens`: users can have
    tokens, which have their own page."""
    tokens = f'<p><a href="{PATH[1:]}/tokens">{TOKENS}</a></p>' if has_tokens else ""
    return f"""<main class="operator">
<h1>{HEADING}</h1>
<p id="why" role="alert">{html.escape(why)}</p>
<div id="now" data-address="{PATH[1:]}">
{_section(_SERVERS, _servers(now.servers))}
{_section(_RUNS, _runs(now.runs))}
{_section(_LACKING, _lacking(now.lacking))}
{_section(_VERSIONS, _versions())}
</div>
{tokens}
{link_to_app()}
</main>
{module_tag("refreshing.js")}"""


def _section(title: str, body: str) -> str:
    return f'<section class="card"><h2>{title}</h2>{body}</section>'


def _servers(servers: Iterable[ServerLine]) -> str:
    return "".join(_server(at, one) for at, one in enumerate(servers))


def _server(at: int, line: ServerLine) -> str:
    server, report = line.server, line.report
    state, shade = (_ANSWERS, "up") if report.up else (_AWAY, "away")
    if server.drained and report.up:
        state, shade = _DRAINED, "drained"
    facts: list[str] = []
    if report.version:
        facts.append(f"ComfyUI {report.version}")
    if report.running is not None:
        facts.append(f"Queue: {report.running} running, {report.waiting} waiting")
    facts += [fact for one in report.memory if (fact := _memory(one))]
    items = "".join(f"<li>{html.escape(one)}</li>" for one in facts)
    name = server.url
    turn = (
        ("take-back", _TAKE_BACK, f"Stop draining {name}")
        if server.drained
        else ("drain", _DRAIN, f"Drain {name}")
    )
    free = ("free", _FREE, f"Free memory of {name}")
    buttons = "".join(_button(at, *one) for one in ((turn, free) if report.up else (turn,)))
    return f"""<article class="server">
<div><h3>{html.escape(name)}</h3>
<p class="{shade}">{state}</p><ul>{items}</ul></div>
<div class="buttons">{buttons}</div></article>"""


def _memory(one: Memory) -> str:
    if one.free is None or not one.total:
        return ""
    free, total = (current_language().number(amount / _GB, 1) for amount in (one.free, one.total))
    return f"Memory: {free} of {total}\u00a0GB free"


def _button(at: int, action: str, text: str, label: str) -> str:
    name = "drain" if action == "take-back" else action  # keeps the focus on the button
    return f"""<form method="post" action="{PATH[1:]}/servers/{at}/{action}">
<button type="submit" class="quiet" id="{name}-{at}" aria-label="{html.escape(label)}">{text}\
</button></form>"""


def _runs(runs: tuple[RunLine, ...]) -> str:
    if not runs:
        return f"<p>{_NO_RUNS}</p>"
    return f'<ul class="lines">{"".join(map(_run, runs))}</ul>'


def _run(run: RunLine) -> str:
    address = f"{PATH[1:]}/runs/{run.id}/preview?{run.preview}"
    image = f'<img src="{address}" alt="{_PREVIEW}">' if run.preview else ""
    details = " · ".join(html.escape(one) for one in (run.progress, run.server, run.since) if one)
    owner = html.escape(run.owner)
    return f"<li>{image}<b>{html.escape(run.workflow)}</b> · {owner}<br>{details}</li>"


def _lacking(workflows: tuple[LackingWorkflow, ...] | None) -> str:
    if not workflows:
        return f"<p>{_NOT_KNOWN if workflows is None else _NOTHING_LACKS}</p>"
    lines = (
        f"<li><b>{html.escape(one.title)}</b><br>{'<br>'.join(map(html.escape, one.lines))}</li>"
        for one in workflows
    )
    return f'<ul class="lines">{"".join(lines)}</ul>'


def _versions() -> str:
    told = {
        "ComfyForms": app_version(),
        "Gradio": metadata.version("gradio"),
        "Python": platform.python_version(),
    }
    return f"<p>{html.escape(' · '.join(f'{name} {one}' for name, one in told.items()))}</p>"
