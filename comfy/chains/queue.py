"""The chains of everybody: each runs in a thread of its own, through the registry of runs, so that
people take turns whatever they have begun."""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass

from cachetools import FIFOCache

from comfy.base.errors import ChainNotFound, ComfyError, RunGoesOn, ServerUnreachable
from comfy.base.messages import message, message_to_json
from comfy.chains.chosen import check_steps
from comfy.chains.forms import ChainForm, ChainForms, ChainValues
from comfy.chains.keys import continued, step_key
from comfy.chains.model import ChainErrors
from comfy.chains.open_chain import ChainStanding, OpenChain, StepStanding
from comfy.chains.runner import ChainRunner, StepBegin
from comfy.chains.store import load_chain_values, save_chain
from comfy.form.fill import drawn_texts, literal_texts
from comfy.form.seeds import CountUp, next_seed
from comfy.groups.queue import GroupQueue
from comfy.launch.kept_uploads import kept_as_given
from comfy.launch.start import FieldErrors
from comfy.records.groups import Group
from comfy.records.record import Record
from comfy.runs.interface import Origin
from comfy.runs.limits import ChainLimits

_RECENT = 200  # that ended, of which pages are still told
_OF_PAGE = 3  # that ended before the page was there, and of which it is told
_ASK_AGAIN_AFTER = 5.0  # seconds until a server that is away is asked again


@dataclass(frozen=True, slots=True)
class StartedChain:
    """A chain that goes on, and what the fields of its form were: by key, its seeds as numbers."""

    id: str
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ChainPart:
    """What a run is of: `chain` is its name in the folder, `title` what people call it, `step` the
    title of the step, "" where that has other runs now."""

    chain: str
    title: str
    step: str


class ChainQueue(GroupQueue[OpenChain, ChainStanding]):
    """See `GroupQueue`; `recent` waits for no disk either. ChainNotFound wherever there is no such
    chain of this owner."""

    kind = "chain"
    keeps_none = message("Chains need cookies.")
    no_history = message("Chains need the history, which is turned off.")

    def __init__(
        self, forms: ChainForms, limits: ChainLimits | None = None, *, nobody: str = ""
    ) -> None:
        """`nobody`: as of `GroupQueue`."""
        super().__init__(forms.starter, limits or ChainLimits(), nobody)
        self._forms = forms
        self._ended = FIFOCache[str, OpenChain](_RECENT)

    # One chain

    def start(
        self,
        name: str,
        values: Mapping[str, object],
        origin: Origin,
        *,
        attended: bool = False,
    ) -> StartedChain:
        """Check the values of a chain's form, draw its seeds, keep the files, and start the chain.
        The caller of an `attended` chain waits for its end, so an owner without a cookie may start
        it.

        Raises FieldErrors, ChainErrors, WorkflowError, Overloaded, ServerUnreachable, ServerError,
        and ComfyError where there is no room for a file.
        """
        owner = origin.owner
        self._check_kept(owner, attended=attended)
        self._check_room(owner, origin.address)  # before any work for the chain
        form, drawn = self._checked(name, values, owner)
        title = message_to_json(form.chain.title)
        about = {"chain": name, "title": title, "address": origin.address}
        about["text_sources"] = [*origin.text_sources]
        group = Group(str(uuid.uuid4()), owner, "chain", time.time(), "running", about)
        chain = self._open_group(group)
        chain.begin(form)
        with self._counted(chain):
            self._keep(chain, drawn)
            self._let_run(chain)
        return StartedChain(chain.id, drawn)

    def vary(self, record: Record, address: str = "") -> StartedChain:
        """Start the chain once more that a run was started for, with the values of `values_of`, but
        with new seeds. Raises as that and `start`."""
        part = self.part_of(record)
        if part is None:
            raise self._not_found()
        had = self.values_of(record)
        drawn = [one.key for one in had.form.form.fields if one.widget == "seed"]
        values = kept_as_given({**had.values, **dict.fromkeys(drawn)}, self._starter.blobs)
        sources = self._opened(record.group, record.owner).text_sources
        origin = Origin(record.owner, address, text_sources=sources)
        return self.start(part.chain, values, origin)

    def stop(self, chain_id: str, owner: str) -> None:
        """End it: what runs is cancelled, and no other step is begun."""
        chain = self._opened(chain_id, owner)
        chain.stop()
        self._save(chain)

    def go_on(
        self,
        chain_id: str,
        owner: str,
        values: Mapping[str, object] | None = None,
        *,
        again: Collection[str] = (),
        text_sources: Collection[str] = (),
    ) -> StartedChain:
        """Let one run again that failed or was stopped, with these values of its form for the steps
        that are not done; with those that it had where there are none.

        Steps that are done keep their values and seeds, and are not run again unless they are given
        something else by one that is. The steps named in `again` count as not done; what is wrong
        with the names, FieldErrors say of "again". RunGoesOn with `again` while it goes on;
        ComfyError with values where all steps are done and none is named. Raises as `start`
        otherwise.
        """
        chain = self._opened(chain_id, owner)
        with chain.changing:  # whoever wants the same at once finds it going on
            self._opened(chain_id, owner)  # nor has it been deleted
            before = self._content(chain)
            if chain.state == "running" and again:
                raise RunGoesOn(
                    message("This chain is already running."), message("Wait for it to finish.")
                )
            if chain.state == "done" and not again and values is not None:
                self._checked(chain.chain, continued(before, values), owner)
                raise ComfyError(
                    message("All steps of this chain are done."),
                    message("Run a step again, or start the chain again."),
                )
            if chain.state == "running" or (chain.state == "done" and not again):
                return StartedChain(chain.id, before)
            self._check_room(chain.owner, chain.address, chain.id)
            mended = dict(before)
            if values is not None:
                mended = continued(before, values, chain.done.difference(again))
            form, drawn = self._checked(chain.chain, mended, owner)
            try:
                check_steps(again, [one.step.name for one in form.runs])
            except ChainErrors as problem:
                raise FieldErrors(form.form, {"again": str(problem)}) from problem
            with self._counted(chain):
                chain.add_text_sources(text_sources)
                self._keep(chain, drawn)
                chain.go_on(form, again)
                self._let_run(chain)
        self._save(chain)
        return StartedChain(chain.id, drawn)

    def form_values(
        self, chain_id: str, owner: str, values: Mapping[str, object], again: Collection[str]
    ) -> dict[str, object]:
        """The values by which a chain has its fields that `go_on` is to have these. Those that are
        given for steps that are done count here, though they change nothing. Raises as `go_on`."""
        chain = self._opened(chain_id, owner)
        had = self._content(chain)
        mended = continued(had, values, chain.done.difference(again))
        return continued(had, {**mended, **values})

    def delete(self, chain_id: str, owner: str) -> None:
        """Forget one, which is stopped first; its runs stay in the history."""
        chain = self._opened(chain_id, owner)
        with chain.changing:  # nobody lets it go on in between
            self._history().groups.delete(chain_id, owner)
            chain.delete()
            with self._lock:
                self._ended.pop(chain_id, None)
        self._listeners.call(owner)

    # Looking

    def get(self, chain_id: str, owner: str) -> ChainStanding:
        """How far one is."""
        return self._opened(chain_id, owner).standing

    def values(self, chain_id: str, owner: str) -> dict[str, object]:
        """Return the values of an owner's chain by key, with its seeds as numbers."""
        return load_chain_values(self._history(), chain_id, owner)

    def of(self, owner: str) -> tuple[ChainStanding, ...]:
        """Those of one owner, the newest first, without their results."""
        known = self._known(owner)
        return tuple((OpenChain(one) if isinstance(one, Group) else one).standing for one in known)

    def recent(self, owner: str) -> tuple[ChainStanding, ...]:
        """Those of one owner that go on, and the last that have ended since the program's start, or
        that somebody has looked up; the oldest first."""
        with self._lock:
            chains = [*self._open.values(), *self._ended.values()]
        own = {one.id: one.standing for one in chains if one.owner == owner and not one.deleted}
        return tuple(sorted(own.values(), key=lambda one: (one.created_at, one.id)))

    def look_up(self, owner: str) -> None:
        """See that `recent` has the last chains of this owner, also of before a restart."""
        if self._runs.history is None or owner == self._nobody:
            return
        for group in reversed(self._runs.history.groups.of(owner, "chain")[:_OF_PAGE]):
            if group.ended_at is not None:
                with suppress(ChainNotFound):  # deleted since
                    self._note(self._opened(group.id, owner))

    def groups_of(self, name: str, owner: str) -> tuple[str, ...]:
        """The groups of the runs that this chain has started for this owner."""
        groups = self._history().groups.of(owner, "chain")
        return tuple(one.id for one in groups if one.about.get("chain") == name)

    def part_of(self, record: Record) -> ChainPart | None:
        """Which chain and step a run was started for; None where it was started for none."""
        standing = self._chain_of(record)
        if standing is None:
            return None
        step = _step_of(standing, record)
        return ChainPart(standing.chain, standing.title, step.title if step else "")

    def values_of(self, record: Record) -> ChainValues:
        """What a run of a chain was made with. What neither the run nor what it was made from had
        is as the chain had it last.

        Raises ChainNotFound where it was started for none, and as `ChainForms.form`.
        """
        standing = self._chain_of(record)
        if standing is None:
            raise self._not_found()
        values = load_chain_values(self._history(), standing.id, record.owner)
        form = self._forms.form(standing.chain, record.owner, values)
        own: dict[str, object] = {}
        drawn = {step_key(one.step.name, key) for one in form.runs for key in drawn_texts(one.form)}
        for run in reversed(self._made_from(record, standing)):
            named = {one.step.name for one in form.runs if one.step.workflow == run.job.workflow}
            if step := _step_of(standing, run):
                named = {step.name}
            if len(named) == 1:  # else nobody can tell which step it was
                (name,) = named
                had = {**run.job.values, **run.job.inputs}
                own |= {step_key(name, key): one for key, one in had.items()}
        typed = literal_texts(drawn, own)
        form = self._forms.form(standing.chain, record.owner, {**values, **form.settable(typed)})
        values |= {one.key: typed[one.key] for one in form.form.fields if one.key in typed}
        return ChainValues(form, values, own)

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

    def _made_from(self, record: Record, standing: ChainStanding) -> list[Record]:
        """A run, then all of its chain that it was made from, the nearest first; what another chain
        had made before is this one's too."""
        found = [record]
        for run in found:
            known = {one.id for one in found}
            others = [one for one in self._forms.lineage(run).made_from if one.id not in known]
            own = (one for one in others if one.group == record.group or _step_of(standing, one))
            found += own
        return found

    def _take_up(self, group: Group) -> None:
        self._let_run(self._open_group(group))

    def _check_room(self, owner: str, address: str, but: str = "") -> None:
        with self._lock:
            self._check_room_locked(owner, address, but)

    def _checked(
        self, name: str, values: Mapping[str, object], owner: str
    ) -> tuple[ChainForm, dict[str, object]]:
        """The form of a chain with values that it takes, and these with its seeds drawn."""
        form = self._forms.form(name, owner, values)
        drawn = dict(values)
        for one in form.form.fields:
            seed = values.get(one.key)
            if one.widget == "seed" and (seed is None or isinstance(seed, CountUp)):
                drawn[one.key] = next_seed(one, seed, self._starter.rng)
        form = self._forms.form(name, owner, drawn)
        self._forms.check(form, owner)
        return form, drawn

    def _keep(self, chain: OpenChain, values: Mapping[str, object]) -> None:
        """Store a chain with its values, or replace what was stored."""
        with chain.saving:
            save_chain(self._history(), self._starter.blobs, chain.group, values)

    def _content(self, chain: OpenChain) -> dict[str, object]:
        """The values of a chain by key. ComfyError where a file is gone."""
        values = load_chain_values(self._history(), chain.id, chain.owner)
        return kept_as_given(values, self._starter.blobs)

    def _not_found(self) -> ComfyError:
        return ChainNotFound(message("This chain no longer exists."))

    def _make(self, group: Group) -> OpenChain:
        """See `GroupQueue`: with what its steps have made before."""
        chain = OpenChain(group)
        steps = chain.standing.steps
        records = self._history().get_many((run for one in steps for run in one.ended), chain.owner)
        for step in steps:
            for run in step.ended:
                if run in records:
                    chain.known(step.name, records[run])
        return chain

    def _note(self, chain: OpenChain) -> None:
        """Keep one in mind that has ended, unless it goes on again, or has a new thread."""
        with chain.lock, self._lock:
            if chain.state != "running" and chain.thread is None:
                self._open.pop(chain.id, None)
                if not chain.deleted:
                    self._ended[chain.id] = chain

    def _close_ended(self, chain: OpenChain) -> None:
        self._note(chain)
        self._listeners.call(chain.owner)

    # The thread of a chain

    def _run(self, chain: OpenChain) -> None:
        chain.join_cancelled()
        values = self._content(chain)
        form = self._form(chain, values)
        if form is None:
            return
        chain.begin(form)
        forms = {one.step.name: one.form for one in form.runs}
        sharers = chain.id if chain.owner == self._nobody else chain.owner  # strangers share none
        runner = ChainRunner(self._starter, chain.origin, sharers=sharers)

        def begun(one: StepBegin) -> None:
            chain.begun(one)
            self._save(chain)

        for end in runner.run(
            chain.id,
            form.runs,
            again=chain.again,
            begun=begun,
            wanted=lambda: chain.state == "running",
        ):
            if self._runs.closed:
                return
            chain.ended(end, forms[end.step])
            self._save(chain)
            if chain.is_over:
                return

    def _form(self, chain: OpenChain, values: Mapping[str, object]) -> ChainForm | None:
        """The chain's form; None where the program ends before the server is there. ChainErrors
        where it can no longer run with its choices."""
        while not self._closing.is_set() and not self._runs.closed and chain.state == "running":
            try:
                form = self._forms.form(chain.chain, chain.owner, values)
            except ServerUnreachable:
                self._closing.wait(_ASK_AGAIN_AFTER)
            else:
                form.check_choices()
                return form
        return None


def _step_of(standing: ChainStanding, record: Record) -> StepStanding | None:
    """The step that has this run."""
    return next((one for one in standing.steps if record.id in (*one.ended, *one.live)), None)
