"""Elastic servers on the administrator's page."""

from __future__ import annotations

import html
import time
from collections import Counter
from collections.abc import Sequence

from comfy.base.messages import message
from comfyforms.plugins.scaling.scaler import ScaleStatus
from ui.documents.headlines import elapsed_words
from ui.languages.current import html_of
from ui.operator.frame import lines, section

_SCALES = message("Elastic servers")
_NO_DATABASE = message("The database doesn't answer.")
_LEFT_OVER = message("Not in the settings anymore. Stop its servers yourself.")


def scales_section(scales: Sequence[ScaleStatus] | None) -> str:
    """Return the section about elastic servers. `scales`: None while the database is away."""
    return section(_SCALES, _scales(scales))


def _scales(scales: Sequence[ScaleStatus] | None) -> str:
    if scales is None:
        return f"<p>{html_of(_NO_DATABASE)}</p>"
    return lines((_scale(one), "") for one in scales)


def _scale(scale: ScaleStatus) -> str:
    """Return a scale's servers and failures as HTML."""
    counts = Counter(row.state for row in scale.servers)
    facts = [message("Up: {count} of {most}", count=counts["up"], most=scale.most)]
    if counts["starting"]:
        facts.append(message("Starting: {count}", count=counts["starting"]))
    if counts["stopping"]:
        facts.append(message("Stopping: {count}", count=counts["stopping"]))
    told = [f"<b>{html.escape(scale.name)}</b> · {' · '.join(map(html_of, facts))}"]
    if not scale.is_known:
        names = ", ".join(row.url or row.id for row in scale.servers)
        told.append(f"{html_of(_LEFT_OVER)} {html.escape(names)}")
    for command, problem in scale.problems:
        since = message("{time} ago", time=elapsed_words(time.time() - problem.at))
        failed = message("The command “{command}” failed.", command=command)
        told.append(f"{html_of(failed)} {html.escape(problem.text)} · {html_of(since)}")
    return "<br>".join(told)
