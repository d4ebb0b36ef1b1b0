"""Queue of all users' chains. Each chain has its own thread; the runs of all users take turns."""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection, Mapping
from contextlib import suppress
from functools import partial

from cachetools import FIFOCache

from comfy.base.errors import ChainNotFound, ComfyError, RunGoesOn, ServerUnreachable
from comfy.base.messages import message, message_to_json
from comfy.chains.chain_form import chain_form
from comfy.chains.chosen import check_steps
from comfy.chains.forms import ChainForms
from comfy.chains.keys import ChainValues, StepKey, continued, parse_values, text_values
from comfy.chains.model import ChainErrors
from comfy.chains.open_chain import ChainStanding, ChainWatch, OpenChain
from comfy.chains.plan import ChainPlan, StartedChain
from comfy.chains.recorded import ChainPart, RecordedValues, recorded_values
from comfy.chains.runner import ChainRunner, StepBegin
from comfy.chains.store import load_chain_values, save_chain
from comfy.groups.queue import GroupQueue
from comfy.launch.kept_uploads import kept_as_given
from comfy.launch.start import FieldErrors
from comfy.launch.uploads import Upload
from comfy.records.database import Within, no_more
from comfy.records.groups import Group
from comfy.records.record import Record
from comfy.runs.interface import Origin
from comfy.runs.limits import ChainLimits

_RECENT = 200  # finished chains that pages still show
_RECALLED = 3  # chains per user from before a restart that pages show
_ASK_AGAIN_AFTER = 5.0  # seconds until the next request to an unreachable server


class ChainQueue(GroupQueue[OpenChain, ChainStanding]):
    """See `GroupQueue`. `recent` doesn't read the database either. Methods raise ChainNotFound if
    the owner has no such chain."""

    kind = "chain"
    keeps_none = message("Batches and chains need cookies.")
    no_history = message("Batches and chains need the history, which is turned off.")

    def __init__(
        self, forms: ChainForms, limits: ChainLimits | None = None, *, nobody: str = ""
    ) -> None:
        """See `GroupQueue`."""
        super().__init__(forms.starter, limits or ChainLimits(), nobody)
        self._forms = forms
        self._ended = FIFOCache[str, OpenChain](_RECENT)

    # Start, stop and resume

    def start(
        self, name: str, values: Mapping[str, object], origin: Origin, *, attended: bool = False
    ) -> StartedChain:
        """Start the chain `name` with values from JSON. Raises the errors of `ChainForms.plan` and
        `start_plan`."""
        self._check_start(origin, attended=attended)  # before planning, in case it is refused
        plan = self._forms.plan(name, origin.owner, parse_values(values))
        return self.start_plan(plan, origin, attended=attended)

    def start_plan(
        self, plan: ChainPlan, origin: Origin, *, attended: bool = False
    ) -> StartedChain:
        """Check a plan, draw its seeds, store its files, and start it.

        The caller of an `attended` chain waits for its end, so an owner without a cookie may start
        it. Raises FieldErrors, ChainErrors, Overloaded, ServerUnreachable, ServerError, and
        ComfyError if there is no room for a file.
        """
        self._check_start(origin, attended=attended)
        drawn = self._forms.with_seeds(plan)
        self._forms.check(drawn, plan.values, origin)
        return self.start_checked(drawn, origin, str(uuid.uuid4()))

    def start_checked(
        self,
        plan: ChainPlan,
        origin: Origin,
        chain_id: str,
        *,
        again: Collection[str] = (),
        watch: ChainWatch | None = None,
    ) -> StartedChain:
        """Start a plan with checked values, as the chain with this id, which it may replace.

        The steps named in `again` run although they are done. `watch` follows the chain.
        """
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
        return StartedChain(chain.id, text_values(plan.values))

    def vary(self, record: Record, address: str = "") -> StartedChain:
        """Start a run's chain again with new seeds. Raises like `values_of` and `start`."""
        part = self.part_of(record)
        if part is None:
            raise self._not_found()
        had = self.values_of(record)
        seeds = {StepKey.parse(one.key): None for one in had.form.form.fields if one.is_seed}
        values = kept_as_given({**had.values, **seeds}, self._starter.blobs)
        sources = self._opened(record.group, record.owner).text_sources
        origin = Origin(record.owner, address, text_sources=sources)
        self._check_start(origin, attended=False)
        drawn = self._forms.with_seeds(self._forms.plan(part.chain, record.owner, values))
        self._forms.check(drawn)
        return self.start_checked(drawn, origin, str(uuid.uuid4()))

    def stop(self, chain_id: str, owner: str) -> None:
        """Cancel the chain's runs and start no other step."""
        with self._changing(chain_id, owner) as chain:
            chain.stop()
            self._save(chain)
            if chain.moved:
                self._cancel_runs(chain.group)

    def go_on(
        self,
        chain_id: str,
        owner: str,
        values: Mapping[str, object] | None = None,
        *,
        again: Collection[str] = (),
        text_sources: Collection[str] = (),
    ) -> StartedChain:
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
    ) -> StartedChain:
        """See `go_on`."""
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
            return StartedChain(chain.id, text_values(before))
        self._work.check(chain.person, self._group_limits.check, chain.id)
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
        return StartedChain(chain.id, text_values(drawn.values))

    def form_values(
        self, chain_id: str, owner: str, values: Mapping[str, object], again: Collection[str]
    ) -> dict[str, object]:
        """Return the values that decide the form in which `go_on` reads these values. Values of
        steps that are done count here, although they change nothing. Raises the errors of `go_on`.
        """
        chain, given = self._opened(chain_id, owner), parse_values(values)
        return text_values(self._form_values(chain, self._content(chain), given, again))

    def delete(self, chain_id: str, owner: str) -> None:
        """Stop and forget the chain; its runs stay in the history."""
        with self._changing(chain_id, owner) as chain, chain.changing:  # no resume in between
            self._history().groups.delete(chain_id, owner)
            chain.delete()
            if chain.moved:
                self._cancel_runs(chain.group)
            with self._lock:
                self._ended.pop(chain_id, None)
        self._listeners.call(owner)

    # Look up

    def get(self, chain_id: str, owner: str) -> ChainStanding:
        """Return a chain's progress."""
        return self._opened(chain_id, owner).standing

    def values(self, chain_id: str, owner: str) -> dict[str, object]:
        """Return a chain's values by the text of their keys, seeds as numbers."""
        return text_values(load_chain_values(self._history(), chain_id, owner))

    def of(self, owner: str) -> tuple[ChainStanding, ...]:
        """Return all chains of an owner, newest first, without their results."""
        known = self._known(owner)
        return tuple((OpenChain(one) if isinstance(one, Group) else one).standing for one in known)

    def recent(self, owner: str) -> tuple[ChainStanding, ...]:
        """Return an owner's running chains, the last ones that finished since the app started, and
        those from `look_up`; oldest first."""
        with self._lock:
            unfinished = [*self._open.values(), *self._elsewhere.values()]
            chains = [*unfinished, *self._ended.values()]
        own = {one.id: one.standing for one in chains if one.owner == owner and not one.deleted}
        return tuple(sorted(own.values(), key=lambda one: (one.created_at, one.id)))

    def look_up(self, owner: str) -> None:
        """Make `recent` include the owner's last chains from before a restart."""
        if self._runs.history is None or owner == self._nobody:
            return
        for group in reversed(self._runs.history.groups.of(owner, "chain")[:_RECALLED]):
            if group.ended_at is not None:
                with suppress(ChainNotFound):  # deleted since
                    self._note(self._opened(group.id, owner))

    def groups_of(self, name: str, owner: str) -> tuple[str, ...]:
        """Return the ids of the owner's chains with this name in the folder."""
        groups = self._history().groups.of(owner, "chain")
        return tuple(one.id for one in groups if one.about.get("chain") == name)

    def part_of(self, record: Record) -> ChainPart | None:
        """Return the chain and step of a run, or None if it belongs to no chain."""
        standing = self._chain_of(record)
        if standing is None:
            return None
        step = standing.step_of(record.id)
        return ChainPart(standing.workflow, standing.title, step.title if step else "")

    def values_of(self, record: Record) -> RecordedValues:
        """Return the form and values that a chain's run was made with. Values that neither the run
        nor its sources had are the chain's last ones.

        Raises ChainNotFound if the run belongs to no chain, and the errors of `ChainForms.plan`.
        """
        standing = self._chain_of(record)
        if standing is None:
            raise self._not_found()
        last_values = load_chain_values(self._history(), standing.id, record.owner)
        return recorded_values(self._forms, standing, last_values, record)

    # Inside

    def _chain_of(self, record: Record) -> ChainStanding | None:
        if not record.group or self._runs.history is None:
            return None
        group = self._runs.history.groups.get(record.group, record.owner)
        if group is None or group.kind != "chain":
            return None
        with self._lock:
            live = self._open.get(group.id)
        return (live or OpenChain(group)).standing

    def _take_up(self, chain: OpenChain) -> None:
        self._let_run(chain)

    def _remember(self, chain: OpenChain) -> None:
        with self._lock:
            self._ended[chain.id] = chain

    def _forget_ended(self, group_id: str) -> str | None:
        with self._lock:
            chain = self._ended.pop(group_id, None)
        return None if chain is None else chain.owner

    def _check_fields(self, chain: OpenChain, values: ChainValues, given: ChainValues) -> None:
        """Raise FieldErrors for given values without a field in the chain."""
        plan = self._forms.plan(chain.chain, chain.owner, values)
        plan.check_choices()
        if errors := {str(key): error for key, error in plan.unknown(given).items()}:
            raise FieldErrors(chain_form(plan).form, errors, errors)

    def _checked(self, chain: OpenChain, values: ChainValues) -> ChainPlan:
        """Plan a chain with these values and new seeds. Raises the errors of `ChainForms.plan` and
        `ChainForms.check`."""
        plan = self._forms.with_seeds(self._forms.plan(chain.chain, chain.owner, values))
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
            save_chain(self._history(), self._starter.blobs, chain.group, plan.values, within)
        files = (key for key, value in plan.values.items() if isinstance(value, Upload))
        content = self._content(chain)
        return plan.with_files({key: content[key] for key in files})

    def _content(self, chain: OpenChain) -> dict[StepKey, object]:
        """Return a chain's values. Raises ComfyError if a file was deleted."""
        values = load_chain_values(self._history(), chain.id, chain.owner)
        return kept_as_given(values, self._starter.blobs)

    def _not_found(self) -> ComfyError:
        return ChainNotFound(message("This chain no longer exists."))

    def _make(self, group: Group) -> OpenChain:
        """See `GroupQueue`: include the results of its steps."""
        chain = OpenChain(group)
        steps = chain.standing.steps
        records = self._history().get_many((run for one in steps for run in one.ended), chain.owner)
        for step in steps:
            for run in filter(records.get, step.ended):
                chain.known(step.name, records[run])
        return chain

    def _note(self, chain: OpenChain) -> None:
        """Remember a finished chain, unless it was resumed."""
        with chain.lock:
            if chain.state != "running" and chain.thread is None and not chain.disowned:
                if not chain.deleted:
                    self._remember(chain)
                self._close(chain)

    def _close_ended(self, chain: OpenChain) -> None:
        self._note(chain)
        self._listeners.call(chain.owner)
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

        def begun(begin: StepBegin) -> None:
            chain.begun(begin)
            self._save(chain)

        for end in runner.run(
            chain.id,
            plan.steps,
            again=chain.again,
            watch=chain.watch,
            begun=begun,
            wanted=lambda: chain.state == "running" and not chain.disowned,
        ):
            if self._runs.closed or chain.disowned:
                return
            self._check_database(end.outcome)
            chain.ended(end, forms[end.step])
            self._save(chain)
            if chain.watch is not None:
                chain.watch(end)
            if chain.is_over:
                return

    def _stored_plan(self, chain: OpenChain) -> ChainPlan | None:
        """Plan a chain after a restart, when its server answers; None if the app stops first.
        Raises ChainErrors if it can't run with its choices any more."""
        values = self._content(chain)
        while not self._closing.is_set() and not self._runs.closed and chain.state == "running":
            try:
                plan = self._forms.plan(chain.chain, chain.owner, values)
            except ServerUnreachable:
                self._closing.wait(_ASK_AGAIN_AFTER)
            else:
                plan.check_choices()
                return plan
        return None
