"""Shared lock for a form's seeds: all random, or all fixed. Each seed stays a field of its own
under Advanced."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import gradio as gr

from comfy.base.messages import message
from comfy.form.model import Field
from ui.documents.browser_values import seed_parts
from ui.page.form.kinds.seed import LOCKED_MODES
from ui.page.form.kinds.view import Control
from ui.page.script_files import listener


def seeds_under_lock(fields: Iterable[Field]) -> list[Field]:
    """Return the seeds of a form that has several; otherwise none."""
    seeds = [field for field in fields if field.is_seed]
    return seeds if len(seeds) > 1 else []


def draw_lock(seeds: Iterable[Field], values: dict[str, Any], scope: str) -> gr.Radio:
    """Draw the lock with the seeds' mode; unset if they differ."""
    modes = {seed_parts(values[field.key])[1] for field in seeds}
    return gr.Radio(
        LOCKED_MODES,  # users want increasing numbers for one seed at a time
        value=modes.pop()
        if len(modes) == 1 and modes <= {mode for _, mode in LOCKED_MODES}
        else None,
        label=message("Seeds"),
        elem_id="seeds",
        key=f"{scope}/seeds",
        interactive=True,
    )


def bind_lock(lock: gr.Radio, fields: Iterable[Field], controls: Iterable[Control]) -> None:
    """Let the lock set all seeds, and show their mode. `fields`: the seeds in the form's order, in
    which runs report theirs."""
    by_key = {control.field.key: control for control in controls}
    seeds = [by_key[field.key] for field in fields]
    parts = [component for control in seeds for component in control.components]
    limits = json.dumps([[control.field.min or 0, control.field.max] for control in seeds])
    lock.input(
        None,
        [lock, *parts],
        parts,
        js=listener("form/seeds.js", f"setSeeds({limits}, mode, values)", "mode, ...values"),
        api_visibility="private",
    )
    modes = [control.components[1] for control in seeds]
    gr.on(
        [mode.change for mode in modes],  # type: ignore[attr-defined]
        None,
        modes,
        lock,
        js=listener("form/seeds.js", "lockOf(modes)", "...modes"),
        api_visibility="private",
    )


def bind_seed(seed: Control) -> None:
    """Set a form's only seed to the last run's when the user fixes it, as the lock does for
    several."""
    text, mode = seed.components
    mode.input(  # type: ignore[attr-defined]
        None,
        [mode, text],
        text,
        js=listener("form/seeds.js", "setSeed(mode, typed)", "mode, typed"),
        api_visibility="private",
    )
