"""Queue of all users' chains. Each chain has its own thread; the runs of all users take turns."""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from comfy.base.errors import ChainNotFound, ComfyError, RunGoesOn, ServerUnreachable
from comfy.base.messages import message, message_to_json
from comfy.chains.forms import ChainForm, ChainForms, ChainPlan, chain_form
from comfy.chains.model import (
    ChainErrors,
    ChainValues,
    StepKey,
    check_steps,
    continued,
    parse_values,
    text_values,
)
from comfy.chains.open_chain import (
    ChainSummary,
    ChainWatch,
    OpenChain,
    load_chain_values,
    save_chain,
)
from comfy.chains.runner import ChainRunner, StepBegin
from comfy.form.fill import drawn_texts, literal_texts
from comfy.groups.queue import GroupQueue
from comfy.launch.start import FieldErrors
from comfy.launch.uploads import Upload, kept_as_given
from comfy.records.database import Within, no_more
from comfy.records.groups import Group
from comfy.records.record import Record
from comfy.runs.interface import Origin
from comfy.runs.limits import ChainLimits

_RECALLED = 3  # chains per user from before a restart that pages show
_ASK_AGAIN_AFTER = 5.0  # seconds until the next request to an unreachable server


@dataclass(frozen=True, slots=True)
class RecordedValues:
    """Values that a chain's run was made with. `values` fill in its `form`, with stored files.
    `own` has the values that this run and its source runs had."""

    form: ChainForm
    values: ChainValues
    own: ChainValues


def _recorded_values(
    forms: ChainForms, summary: ChainSummary, last_values: ChainValues, record: Record
) -> RecordedValues:
    """Return the form and values that a chain's run was made with. Values that neither the run nor
    its sources had are the chain's last ones, `last_values`. Raises the errors of
    `ChainForms.plan`."""
    plan = forms.plan(summary.workflow, record.owner, last_values)
    own: dict[StepKey, object] = {}
    for run in reversed(_made_from(forms, record, summary)):
        if step := _step_name(summary, plan, run):
            had = {**run.job.values, **run.job.inputs}
            own |= {StepKey(step, key): value for key, value in had.items()}
    drawn = {StepKey(step.name, key) for step in plan.steps for key in drawn_texts(step.form)}
    typed = literal_texts(drawn, own)
    settable = {**last_values, **plan.settable(typed)}
    form = chain_form(forms.plan(summary.workflow, record.owner, settable, plan))
    keys = (StepKey.parse(item.key) for item in form.form.fields)
    values = {**last_values, **{key: typed[key] for key in keys if key in typed}}
    return RecordedValues(form, values, own)


def _made_from(forms: ChainForms, record: Record, summary: ChainSummary) -> list[Record]:
    """Return a run and its source runs in the chain, nearest first. Runs that the chain reused from
    another chain are included."""
    records = [record]
    for run in records:
        known = {source.id for source in records}
        sources = [source for source in forms.lineage(run).made_from if source.id not in known]
        records += (
            source
            for source in sources
            if source.group == record.group or summary.step_of(source.id)
        )
    return records


def _step_name(summary: ChainSummary, plan: ChainPlan, run: Record) -> str:
    """Return the name of the step that a run belongs to, or "" if that is unclear."""
    if step := summary.step_of(run.id):
        return step.name
    names = {step.name for step in plan.steps if step.step.workflow == run.job.workflow}
    return names.pop() if len(names) == 1 else ""


class ChainQueue(GroupQueue[OpenChain, ChainSummary]):
    """See `GroupQueue`. Methods raise ChainNotFound if the owner has no such chain."""

    kind = "chain"
    keeps_none = message("Batches and chains need cookies.")

    def __init__(
        self, forms: ChainForms, limits: ChainLimits | None = None, *, nobody: str = ""
    ) -> None:
        super().__init__(forms.starter, limits or ChainLimits(), nobody)
        self._forms = forms

    # Start, stop and resume

    def start(
        self, name: str, values: Mapping[str, object], origin: Origin, *, attended: bool = False
    ) -> ChainSummary:
        """Start the chain `name` with values from JSON. Raises the errors of `ChainForms.plan` and
        `start_plan`."""
        self._check_start(origin, attended=attended)  # before planning, in case it is refused
        plan = self._forms.plan(name, origin.owner, parse_values(values))
        return self.start_plan(plan, origin, attended=attended)

    def start_plan(self, plan: ChainPlan, origin: Origin, *, attended: bool) -> ChainSummary:
        """Check a plan, draw its seeds, store its files, and start it.

        The caller of an `attended` chain waits for its end, so an owner without a cookie may start
        it. Raises FieldErrors, ChainErrors, Overloaded, ServerUnreachable, ServerError, and
        ComfyError if there is no room for a file.
        """
        self._check_start(origin, attended=attended)
        drawn = self._forms.with_seeds(plan)
        self._forms.check(drawn, plan.values, origin)
        return self.start_checked(drawn, origin)

    def start_checked(
        self,
        plan: ChainPlan,
        origin: Origin,
        chain_id: str = "",
        *,
        again: Collection[str] = (),
        watch: ChainWatch | None = None,
    ) -> ChainSummary:
        """Start a plan with checked values, as the chain with this id, which it may replace, or as
        a new one.

        The steps named in `again` run although they are done. `watch` follows the chain.
        """
        chain_id = chain_id or str(uuid.uuid4())
        title = message_to_json(plan.chain.title)
        about = {"chain": plan.name, "title": title, "address": origin.address}
        about["text_sources"] = [*origin.text_sources]
        group = Group(chain_id, origin.owner, "chain", time.time(), "running", about)
        chain = self._open_group(group)
        chain.watch = watch
        chain.begin(plan)
        with self._counted(chain):
            chain.press(self._kept(chain, plan, partial(origin.at_start, chain_id)), again)
            self._let_run(chain)
        return chain.summary

    def vary(self, record: Record, address: str = "") -> ChainSummary:
        """Start a run's chain again with new seeds. Raises like `values_of` and `start`."""
        had = self.values_of(record)
        seeds = {StepKey.parse(one.key): None for one in had.form.form.fields if one.is_seed}
        values = kept_as_given({**had.values, **seeds}, self._starter.blobs)
        sources = self._opened(record.group, record.owner).text_sources
        origin = Origin(record.owner, address, text_sources=sources)
        self._check_start(origin, attended=False)
        drawn = self._forms.with_seeds(self._forms.plan(had.form.plan.name, record.owner, values))
        self._forms.check(drawn)
        return self.start_checked(drawn, origin)

    def go_on(
        self,
        chain_id: str,
        owner: str,
        values: Mapping[str, object] | None = None,
        *,
        again: Collection[str] = (),
        text_sources: Collection[str] = (),
    ) -> ChainSummary:
        """Resume a failed or stopped chain, with values from JSON for the steps that aren't done.
        Without `values` all steps keep theirs.

        Steps that are done keep their values and seeds, and run again only if other steps give them
        something else. The steps named in `again` count as not done; FieldErrors report wrong names
        by the key "again". Raises RunGoesOn if the chain runs and `again` isn't empty, ComfyError
        if there are values but all steps are done, and the errors of `start`.
        """
        with self._changing(chain_id, owner) as chain, chain.changing:  # one caller at a time
            return self._go_on(chain, values, again, text_sources)

    def _go_on(
        self,
        chain: OpenChain,
        values: Mapping[str, object] | None,
        again: Collection[str],
        text_sources: Collection[str],
    ) -> ChainSummary:
        self._opened(chain.id, chain.owner)  # raises if it was deleted in the meantime
        before = self._content(chain)
        given = None if values is None else parse_values(values)
        if given is not None:
            self._check_fields(chain, self._form_values(chain, before, given, again), given)
        if chain.state == "running" and again:
            raise RunGoesOn(
                message("This chain is already running."), message("Wait for it to finish.")
            )
        if chain.state == "done" and not again and given is not None:
            self._checked(chain, continued(before, given))
            raise ComfyError(
                message("All steps of this chain are done."),
                message("Run a step again, or start the chain again."),
            )
        if chain.state == "running" or (chain.state == "done" and not again):
            return chain.summary
        self._check_room(chain.person, chain.id)
        current = before
        if given is not None:
            current = continued(before, given, chain.done.difference(again))
        drawn = self._checked(chain, current)
        try:
            check_steps(again, [step.name for step in drawn.steps])
        except ChainErrors as problem:
            form = chain_form(drawn).form
            raise FieldErrors(form, {"again": str(problem)}) from problem
        with self._counted(chain):
            chain.add_text_sources(text_sources)
            chain.go_on(self._kept(chain, drawn), again)
            self._let_run(chain)
        self._save(chain)
        return chain.summary

    def form_values(
        self, chain_id: str, owner: str, values: Mapping[str, object], again: Collection[str]
    ) -> dict[str, object]:
        """Return the values that decide the form in which `go_on` reads these values. Values of
        steps that are done count here, although they change nothing. Raises the errors of `go_on`.
        """
        chain, given = self._opened(chain_id, owner), parse_values(values)
        return text_values(self._form_values(chain, self._content(chain), given, again))

    # Look up

    def values(self, chain_id: str, owner: str) -> dict[str, object]:
        """Return a chain's values by the text of their keys, seeds as numbers."""
        return text_values(load_chain_values(self._runs.history, chain_id, owner))

    def look_up(self, owner: str) -> None:
        """Make `recent` include the owner's last chains from before a restart."""
        if owner == self._nobody:
            return
        for group in reversed(self._runs.history.groups.of(owner, "chain")[:_RECALLED]):
            if group.ended_at is not None:
                with suppress(ChainNotFound):  # deleted since
                    chain = self._opened(group.id, owner)
                    if chain.summary.finished and not chain.disowned:
                        self._remember(chain)

    def groups_of(self, name: str, owner: str) -> tuple[str, ...]:
        """Return the ids of the owner's chains with this name in the folder."""
        groups = self._runs.history.groups.of(owner, "chain")
        return tuple(one.id for one in groups if one.about.get("chain") == name)

    def chain_of(self, record: Record) -> ChainSummary | None:
        """Return the chain of a run, or None if it belongs to no chain."""
        if not record.group:
            return None
        group = self._runs.history.groups.get(record.group, record.owner)
        if group is None or group.kind != "chain":
            return None
        with self._lock:
            live = self._open.get(group.id)
        return (live or OpenChain(group)).summary

    def values_of(self, record: Record) -> RecordedValues:
        """Return the form and values that a chain's run was made with. Values that neither the run
        nor its sources had are the chain's last ones.

        Raises ChainNotFound if the run belongs to no chain, and the errors of `ChainForms.plan`.
        """
        summary = self.chain_of(record)
        if summary is None:
            raise self._not_found()
        last_values = load_chain_values(self._runs.history, summary.id, record.owner)
        return _recorded_values(self._forms, summary, last_values, record)

    # Inside

    def _take_up(self, chain: OpenChain) -> None:
        self._let_run(chain)

    def _check_fields(self, chain: OpenChain, values: ChainValues, given: ChainValues) -> None:
        """Raise FieldErrors for given values without a field in the chain."""
        plan = self._forms.plan(chain.workflow, chain.owner, values)
        plan.check_choices()
        if errors := {str(key): error for key, error in plan.unknown(given).items()}:
            raise FieldErrors(chain_form(plan).form, errors, errors)

    def _checked(self, chain: OpenChain, values: ChainValues) -> ChainPlan:
        """Plan a chain with these values and new seeds. Raises the errors of `ChainForms.plan` and
        `ChainForms.check`."""
        plan = self._forms.with_seeds(self._forms.plan(chain.workflow, chain.owner, values))
        self._forms.check(plan)
        return plan

    def _form_values(
        self, chain: OpenChain, before: ChainValues, given: ChainValues, again: Collection[str]
    ) -> dict[StepKey, object]:
        current = continued(before, given, chain.done.difference(again))
        return continued(before, {**current, **given})

    def _kept(self, chain: OpenChain, plan: ChainPlan, within: Within = no_more) -> ChainPlan:
        """Store a chain with a plan's values, and return the plan with the stored files."""
        with chain.saving:
            save_chain(self._runs.history, self._starter.blobs, chain.group, plan.values, within)
        files = (key for key, value in plan.values.items() if isinstance(value, Upload))
        content = self._content(chain)
        return plan.with_files({key: content[key] for key in files})

    def _content(self, chain: OpenChain) -> dict[StepKey, object]:
        """Return a chain's values. Raises ComfyError if a file was deleted."""
        values = load_chain_values(self._runs.history, chain.id, chain.owner)
        return kept_as_given(values, self._starter.blobs)

    def _not_found(self) -> ComfyError:
        return ChainNotFound(message("This chain no longer exists."))

    def _make(self, group: Group) -> OpenChain:
        return OpenChain(group)

    def _restore(self, group: Group) -> OpenChain:
        """See `GroupQueue`: include the results of its steps."""
        chain = OpenChain(group)
        ended = ((step.name, run) for step in chain.summary.steps for run in step.ended)
        for step, record in self._runs.history.each(ended, chain.owner):
            if record is not None:
                chain.known(step, record)
        return chain

    def _close_ended(self, chain: OpenChain) -> None:
        super()._close_ended(chain)
        if chain.watch is not None:
            chain.watch(None)

    # Thread of a chain

    def _run(self, chain: OpenChain) -> None:
        chain.join_cancelled()
        plan = chain.take_plan() or self._stored_plan(chain)
        if plan is None:
            return
        chain.begin(plan)
        forms = {step.name: step.form for step in plan.steps}
        # Users without a cookie share no runs.
        sharers = chain.id if chain.owner == self._nobody else chain.owner
        runner = ChainRunner(self._starter, chain.origin, sharers=sharers)
        for event in runner.run(
            chain.id,
            plan.steps,
            again=chain.again,
            watch=chain.watch,
            wanted=lambda: chain.is_running and not chain.disowned,
        ):
            if isinstance(event, StepBegin):
                chain.begun(event)
                self._save(chain)
                continue
            if self._runs.closed or chain.disowned:
                return
            self._check_database(event.outcome)
            chain.ended(event, forms[event.step])
            self._save(chain)
            if chain.watch is not None:
                chain.watch(event)
            if chain.is_over:
                return

    def _stored_plan(self, chain: OpenChain) -> ChainPlan | None:
        """Plan a chain after a restart, when its server answers; None if the app stops first.
        Raises ChainErrors if it can't run with its choices any more."""
        values = self._content(chain)
        while not self._closing.is_set() and not self._runs.closed and chain.state == "running":
            try:
                plan = self._forms.plan(chain.workflow, chain.owner, values)
            except ServerUnreachable:
                self._closing.wait(_ASK_AGAIN_AFTER)
            else:
                plan.check_choices()
                return plan
        return None
