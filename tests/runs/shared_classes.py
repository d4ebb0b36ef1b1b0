"""What several threads use: which classes, which locks they have, and what is written without one."""

from __future__ import annotations

# The classes whose methods are called by more than one thread, and the locks that each has.
SHARED = {
    ("comfy/runs/shared.py", "ThreadState"): {"_lock"},
    ("comfy/callbacks.py", "Callbacks"): {"_lock"},
    ("comfy/runs/run_events.py", "RunEvents"): {"_lock"},
    ("comfy/runs/run_events.py", "FrameRelay"): set(),
    ("comfy/runs/latest_state.py", "LatestState"): {"_changed"},
    ("comfy/runs/fair_queue.py", "FairQueue"): {"_lock"},
    ("comfy/runs/durations.py", "Durations"): {"_lock"},
    ("comfy/runs/registry.py", "LocalRunRegistry"): {"_lock"},
    ("comfy/runs/run.py", "LocalRun"): {"_lock"},
    ("comfy/runs/execution.py", "Execution"): set(),
    ("comfy/runs/attempt.py", "Attempt"): set(),
    ("comfy/servers/server.py", "EndedPrompts"): {"_lock"},
    ("comfy/servers/server.py", "ComfyServer"): {"_lock"},
    ("comfy/runs/download.py", "ResultDownloader"): {"_lock"},
    ("comfy/servers/needs.py", "Needs"): set(),
    ("comfy/servers/pool.py", "ServerPool"): set(),
    ("comfy/client/client.py", "Client"): {"_lock"},
    ("comfy/client/sessions.py", "IdleSessions"): {"_lock"},
    ("comfy/client/event_stream.py", "EventStream"): {"_lock"},
    ("comfy/protocol/parse.py", "WarnOnce"): {"_lock"},
    ("comfy/records/blobs.py", "BlobStore"): {"_lock"},
    ("comfy/records/store.py", "RunStore"): {"_writing"},
    ("comfy/records/webhooks.py", "WebhookStore"): set(),
    ("comfy/services/catalogue.py", "CatalogueCache"): {"_lock"},
    ("comfy/services/group_queue.py", "GroupQueue"): {"_lock"},
    ("comfy/services/batch_queue.py", "BatchQueue"): {"_lock"},
    ("comfy/services/chain_queue.py", "ChainQueue"): {"_lock"},
    ("comfy/services/group_queue.py", "OpenGroup"): {"lock"},
    ("comfy/services/open_batch.py", "OpenBatch"): {"lock"},
    ("comfy/services/open_chain.py", "OpenChain"): {"lock"},
    ("comfy/services/once.py", "LiveTasks"): set(),
    ("comfy/workflow/folder.py", "WorkflowFolder"): {"_reading"},
    ("comfy/workflow/private.py", "PrivateWorkflows"): {"_lock"},
    ("comfy/chains/folder.py", "ChainFolder"): {"_reading"},
    ("comfy/webhooks/waiting.py", "Webhooks"): {"_lock"},
    ("ui/accounts/openid_people.py", "OpenIDPeople"): {"_database"},
    ("ui/accounts/store.py", "SignInStore"): {"_memory"},
    ("ui/accounts/users.py", "UsersFile"): set(),
    ("ui/api/relay.py", "RelaySession"): {"_lock"},
    ("ui/page/plain/account.py", "_NewTokens"): {"_lock"},
    ("ui/routes/groups/grids.py", "Drawing"): {"_lock"},
    ("ui/routes/run_socket.py", "RunSession"): {"remembering"},
    ("ui/web/log_limit.py", "LogLimit"): {"_lock"},
    ("ui/web/rates.py", "Rate"): {"_lock"},
}
# Fields that are written without a lock, each with the only thread that writes it and why others may
# read it.
ONE_WRITER = {
    ("Attempt", "_stream"): "the run's own thread; nobody else looks at it",
    ("Attempt", "_told"): "the run's own thread; nobody else looks at it",
    (
        "Execution",
        "_attempt",
    ): "the run's own thread; whoever stops the run says so first, and each attempt looks for that",
    ("Execution", "_moves"): "the run's own thread; nobody else looks at it",
    ("Execution", "_may_retry"): "the run's own thread; nobody else looks at it",
    ("LocalRun", "_server"): "the run's own thread; nobody else looks at it",
    ("Needs", "_judged"): "any; two that judge at once come to the same",
    ("LocalRun", "_record"): "the run's own thread; a frozen value that is replaced as a whole",
    (
        "LocalRun",
        "_leaving",
    ): "whoever ends the program, to True once; read after the run was stopped",
    ("ResultDownloader", "problem"): "the run's own thread; nobody else looks at it",
    ("LocalRun", "recorded"): "the run's own thread, to False once; read after its end",
    (
        "LatestState",
        "_callbacks",
    ): "the run's own thread, once it is finished: no state comes after",
    (
        "FrameRelay",
        "_has_verdict",
    ): "the reading thread, under the lock of its events; the run's own once that has ended",
    (
        "FrameRelay",
        "_is_over",
    ): "the reading thread, under the lock of its events; the run's own once that has ended",
    (
        "RunStore",
        "_unerased",
    ): "any; to True once something is deleted, to False before that is erased",
    ("RunStore", "_misread"): "any, to True; two at once say the same twice",
    (
        "UsersFile",
        "users",
    ): "whoever looks once a second; a mapping that is replaced as a whole",
    ("RelaySession", "_has_metadata"): "the event loop; nobody else looks at it",
    ("RunSession", "changed"): "the event loop; others have it set there",
    ("RunSession", "frames_changed"): "the event loop; others have it set there",
    ("UsersFile", "_seen"): "whoever looks once a second; nobody else looks at it",
    ("LiveTasks", "_live"): "whoever began them; others look at a copy that is made in one step",
}
# Where a field of one of them is written by somebody else, and why that may be.
FROM_OUTSIDE = {
    ("comfy/client/client.py", "forked._sessions"): "nobody else has the copy yet",
    ("comfy/client/client.py", "forked._when_unreachable"): "nobody else has the copy yet",
    ("comfy/runs/cancellation.py", "self._client.timeout"): "the copy is this one's",
    ("comfy/services/group_queue.py", "one.thread"): "under its lock",
}
# Methods that are called with this lock held; their callers are looked at as well.
CALLED_WITH_LOCK = {
    ("RunEvents", "_take"): "_lock",
    ("FairQueue", "_take_out"): "_lock",
    ("FairQueue", "_remove"): "_lock",
    ("FairQueue", "_order"): "_lock",
    ("FairQueue", "_hand_over"): "_lock",
    ("FairQueue", "_line_up"): "_lock",
    ("FairQueue", "_arrive"): "_lock",
    ("LocalRunRegistry", "_check_limits"): "_entrance",
    ("IdleSessions", "_wait_locked"): "_lock",
    ("OpenBatch", "_end"): "lock",
    ("OpenBatch", "_note"): "lock",
    ("RunStore", "_forget"): "_writing",
    ("OpenChain", "_end"): "lock",
    ("OpenChain", "_fail"): "lock",
    ("OpenChain", "_set"): "lock",
}
# Fields whose class has a lock of its own: `update` and the like are methods of it. To put another
# one in its place is a write as any.
OWN_LOCK = {
    "_latest": "LatestState",
    "_durations": "Durations",
    "_callbacks": "Callbacks",
    "_listeners": "Callbacks",
    "_kept": "BlobStore",
    "files": "BlobStore",
    "store": "WebhookStore",
    "_when_unreachable": "Callbacks",
    "_wake": "Event",
    "_recheck": "Event",
    "_changed": "Event",
    "_some_ended": "Event",
}
# Fields whose class has none: each call of them holds this lock of their owner.
GUARDED = {("LocalRunRegistry", "_limiter"): "_entrance", ("RunEvents", "_relay"): "_lock"}
# The locks that the event loop takes, each with what is called under it that is no method of a
# list, dict and the like: all of it works in memory.
LOCKS_OF_THE_LOOP: dict[tuple[str, str], set[str]] = {
    ("LocalRunRegistry", "_lock"): {"self._check_open", "time.monotonic"},
    ("LocalRun", "_lock"): {"time.monotonic"},
    ("FairQueue", "_lock"): {
        "Counter",
        "_Waiting",
        "_to_the_end",
        "_to_the_front",
        "self._arrive",
        "self._hand_over",
        "self._line_up",
        "self._order",
        "self._remove",
        "self._take_out",
        "people.setdefault(waiting.owner, deque()).appendleft",
        "waiting.candidates",  # compares a prompt with catalogues that are known
    },
    ("Durations", "_lock"): {"statistics.fmean", "RunTotals"},
    ("LatestState", "_changed"): {
        "change",
        "partial",
        "stamped",
        "self._changed.wait_for",
        "TimeoutError",
    },
    ("ThreadState", "_lock"): {"change"},
    ("Callbacks", "_lock"): set(),
    ("SignInStore", "_memory"): {"replace", "set"},
    ("Rate", "_lock"): set(),
    ("RelaySession", "_lock"): set(),
    ("RunSession", "remembering"): set(),
    ("Webhooks", "_lock"): set(),
    ("LogLimit", "_lock"): set(),
    ("GroupQueue", "_lock"): {"self._check_room_locked"},
    ("BatchQueue", "_lock"): {"self._check_room_locked"},
    ("ChainQueue", "_lock"): {"self._check_room_locked"},
    ("OpenGroup", "lock"): set(),
    ("OpenBatch", "lock"): {
        *("BatchSummary", "Group", "_varied", "message_from_json", "message_to_json", "sentences"),
        *("live.keys", "records.keys", "set", "str", "time.time", "self._end", "self._note"),
        *("self._rows.copy", "self._rows.count", "self._rows.places", "self._rows.set"),
        *("self._rows.tell", "self._rows.to_json", "self._rows.tried"),
    },
    ("OpenChain", "lock"): {
        *("ChainStanding", "Group", "StepStanding", "_STEPS.dump_python", "_made", "_told", "_why"),
        *("message_to_json", "sentences", "replace", "time.time"),
        *("all", "dict.fromkeys", "frozenset", "isinstance", "str"),
        *("self._end", "self._fail", "self._set", "self.begin", "self.known"),
        "self.stop",  # cancels runs: at once
    },
}
