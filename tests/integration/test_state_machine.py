"""Any order of events keeps the promises: hypothesis looks for one that does not.

Three real runners halt between any two of their transactions while anything else happens: messages are lost,
doubled and late, workers die, stop, freeze and lose their connections, people say every verb, time passes.
After each event the rows must make sense; in the end, once the faults stop, every document must end.

HYPOTHESIS_PROFILE=night looks much longer, and elsewhere each time.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from structlog.testing import capture_logs
from tests.promises import (
    HISTORIES,
    IMPOSSIBLE,
    LEFT_OVER,
    RUNNABLE,
    SAVED_BY_OTHERS,
    SHOWN,
    UNLIKE_THE_CURSORS,
    rebuilt,
)
from tests.stepping import (
    LARGE,
    SMALL,
    STEPS,
    TENANT,
    Worker,
    World,
    failing,
    going_on,
    losing_connection,
)

from docmill.db.control import Verb
from docmill.domain.errors import Unavailable, WrongState
from docmill.domain.ids import dataset_id
from docmill.domain.reading_errors import DamagedFile
from docmill.domain.states import ENDED, QUEUE_OF_STAGE, EventKind, StageName, Status, TaskStatus
from docmill.services.documents import Document
from docmill.services.maintenance import discard_versions, erase_deleted

NIGHT = os.environ.get("HYPOTHESIS_PROFILE") == "night"

EXAMPLES = settings(
    max_examples=2000 if NIGHT else 25,
    stateful_step_count=60 if NIGHT else 30,
    derandomize=not NIGHT,
    database=None,
    deadline=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)

CONTENTS = (SMALL, LARGE)
DATASET = dataset_id(TENANT, "default")
PASSING = """UPDATE document_tasks SET lease_until = lease_until - make_interval(secs => :seconds),
  next_attempt_at = next_attempt_at - make_interval(secs => :seconds),
  dispatched_at = dispatched_at - make_interval(secs => :seconds)"""

FORGET_RESULTS = "DELETE FROM results WHERE version_id NOT IN (SELECT id FROM document_versions)"

HALTS = st.sampled_from([1, 2, 3, 5, 9, 30])  # how far a worker goes before something else happens
PAUSES = (0, 2, 2, 300, 700)  # seconds: a message is overdue, a retry, a lease
ERRORS = (Unavailable, Unavailable, DamagedFile, ZeroDivisionError)
WEIGHTS = {
    "upload": 1, "say": 4, "say_of_all": 1, "prioritize": 1, "reprocess": 2, "delete": 1,
    "deliver": 6, "lose_messages": 1,
    "work": 6, "kill": 2, "stop": 1, "cut_off": 2, "freeze": 4, "fail": 2,
    "recover": 5, "keep_house": 2, "hold": 2, "release": 3,
}  # fmt: skip
EVENTS = [event for event, weight in WEIGHTS.items() for _ in range(weight)]
ROUNDS = 8  # of what needs waiting: leases, retries
EVERYTHING = {(stage.value, number): 1 for stage in StageName for number in range(STEPS)}


EXPECTED = {
    Verb.PAUSE: {TaskStatus.PAUSED},
    Verb.RESUME: {TaskStatus.PENDING, TaskStatus.STARTED},
    Verb.CANCEL: {TaskStatus.CANCELLED},
    Verb.RETRY: {TaskStatus.PENDING, TaskStatus.STARTED},
}


@pytest.fixture
def world(fresh_database: str, tmp_path: Path) -> Iterator[World]:
    world = World(fresh_database, tmp_path)
    with capture_logs():  # thousands of lines that say what the history says
        yield world
    world.close()


@dataclass
class Seen:
    """What was true of a task a moment ago; none of it may go back."""

    fence: int = 0
    percent: float = 0.0
    done: Counter[str] = field(default_factory=Counter)


class Machine(RuleBasedStateMachine):
    """Everything that can happen to two documents and three workers."""

    world: ClassVar[World]

    def __init__(self) -> None:
        super().__init__()
        self.world.begin()
        self.seen: dict[UUID, Seen] = {}
        self.shown: dict[UUID, UUID | None] = {}

    def busy(self) -> list[Worker]:
        return [worker for worker in self.world.workers if worker.halted_at is not None]

    def idle(self) -> list[Worker]:
        return [worker for worker in self.world.workers if worker.halted_at is None]

    @initialize()
    def upload_both(self) -> None:
        for content in CONTENTS:
            self.world.upload(content)

    @rule(event=st.sampled_from(EVENTS), which=st.integers(0, 11), halts=HALTS)
    def happens(self, event: str, which: int, halts: int) -> None:
        """One rule, so that each event comes as often as it weighs; `which` chooses among its like."""
        getattr(self, event)(which, halts)

    # -- people

    def upload(self, which: int, _halts: int) -> None:
        self.world.upload(CONTENTS[which % 2])

    def say(self, which: int, _halts: int) -> None:
        """What the status says is allowed is allowed, and shows at once; the rest is refused."""
        verb = list(Verb)[which % len(Verb)]
        for before in self._documents()[which // 6 :][:1]:
            if getattr(before.state, f"can_{verb}"):
                after = self.world.steering.document(verb, TENANT, before.row.id)
                assert after.state.task_status in EXPECTED[verb]
            elif before.state.task_status not in EXPECTED[verb]:
                with pytest.raises(WrongState):
                    self.world.steering.document(verb, TENANT, before.row.id)

    def say_of_all(self, which: int, _halts: int) -> None:
        self.world.steering.dataset(list(Verb)[which % len(Verb)], TENANT, DATASET)

    def prioritize(self, which: int, _halts: int) -> None:
        for before in self._documents()[which % 2 :][:1]:
            self.world.steering.prioritize(TENANT, before.row.id, which % 10)

    def hold(self, which: int, _halts: int) -> None:
        """One stage, or all of them."""
        self.world.holds.hold(list(StageName)[which] if which < len(StageName) else None)

    def release(self, _which: int, _halts: int) -> None:
        for stage in (*StageName, None):
            self.world.holds.release(stage)

    def reprocess(self, which: int, _halts: int) -> None:
        for before in self._documents()[which % 2 :][:1]:
            with nullcontext() if before.row.status in ENDED else pytest.raises(WrongState):
                self.world.intake.again(TENANT, before.row.id)

    def delete(self, which: int, _halts: int) -> None:
        for before in self._documents()[which % 2 :][:1]:
            self.world.documents.delete(TENANT, before.row.id)
            self.world.execute(FORGET_RESULTS)
            tasks = {row.id for row in self.world.rows("SELECT id FROM document_tasks")}
            self.seen = {task: seen for task, seen in self.seen.items() if task in tasks}
            self.shown.pop(before.row.id)

    # -- messages

    def deliver(self, which: int, halts: int) -> None:
        """Any message, also late and out of order; every other one stays and comes once more."""
        messages, idle = self.world.mailbox.messages, self.idle()
        if not messages:
            self._find_work()
        if idle and messages:
            place = which % len(messages)
            stage, task = messages[place] if which % 2 else messages.pop(place)
            idle[0].take(stage, task)
            self._go_on(idle[0], halts)

    def _find_work(self) -> None:
        """What lost its message gets one, and what has ended begins again."""
        for document in self._documents():
            if document.row.status in ENDED:
                self.world.intake.again(TENANT, document.row.id)
        self.wait(2)
        self.world.recovery.sweep()

    def lose_messages(self, which: int, _halts: int) -> None:
        """The broker forgets some or all, and for a while it may not answer."""
        del self.world.mailbox.messages[: which + 1]
        self.world.mailbox.refusals = which // 3

    # -- workers

    def work(self, which: int, halts: int) -> None:
        """A worker goes on, and others stay frozen where they are."""
        for worker in self._one_busy(which):
            self._go_on(worker, halts)

    def kill(self, which: int, halts: int) -> None:
        for worker in self._one_busy(which):
            self._go_on(worker, halts - 1)
            worker.die()

    def stop(self, which: int, _halts: int) -> None:
        """Asked to stop, it lets go at its next step."""
        for worker in self._one_busy(which):
            worker.stopping = True

    def cut_off(self, which: int, halts: int) -> None:
        """A worker's connection breaks, before a transaction or between a commit and its answer."""
        for worker in self._one_busy(which):
            self._go_on(worker, halts - 1)
            if worker.halted_at == "transaction":
                worker.go_on(losing_connection if which % 2 else worker.lose_answer)

    def freeze(self, which: int, halts: int) -> None:
        """A worker stands still until its lease has ended, and another one takes its task over."""
        if self._one_busy(which):
            self.wait(700)
            self.world.recovery.sweep()
            self.deliver(which, halts)

    def fail(self, which: int, _halts: int) -> None:
        """A worker's stage raises an error at its next step."""
        for worker in self._one_busy(which):
            while worker.halted_at not in {"step", None}:
                worker.go_on(going_on)
            if worker.halted_at == "step":
                worker.go_on(failing(ERRORS[which // 3]()))

    def _one_busy(self, which: int) -> list[Worker]:
        if not self.busy():
            self.deliver(which, 1)
        busy = self.busy()
        return busy[which % len(busy) :][:1] if busy else []

    def _go_on(self, worker: Worker, halts: int) -> None:
        for _ in range(halts):
            if worker.halted_at is not None:
                worker.go_on(going_on)

    # -- what goes on by itself

    def recover(self, which: int, _halts: int) -> None:
        """Time passes; after a sweep no queue has fewer messages than documents that can run."""
        world, answering = self.world, self.world.mailbox.refusals <= 0
        self.wait(PAUSES[which % len(PAUSES)])
        world.recovery.sweep()
        for row in world.rows(RUNNABLE) if answering else []:
            assert world.mailbox.count(QUEUE_OF_STAGE[StageName(row.stage)]) >= row.count

    def wait(self, seconds: int) -> None:
        """The database's clock is the only one: moving all its times back is time that passes."""
        self.world.execute(PASSING, seconds=seconds)

    def keep_house(self, _which: int, _halts: int) -> None:
        discard_versions(self.world.engine, self.world.vectors)
        erase_deleted(self.world.engine, self.world.storage, self.world.vectors)

    # -- what must be true after each of them

    @invariant()
    def everything_fits(self) -> None:
        if self.world.is_changed():
            self.each_result_exists_once_and_only_what_the_cursor_says()
            self.only_the_owner_writes()
            self.fences_and_cursors_never_go_back()
            self.percent_never_goes_back_and_waiting_says_for_what()
            self.states_fit_together()
            self.readers_see_whole_versions_and_only_a_publication_changes_them()
            self.the_history_tells_the_state()

    def each_result_exists_once_and_only_what_the_cursor_says(self) -> None:
        wrong = self.world.rows(UNLIKE_THE_CURSORS)
        assert wrong == []

    def only_the_owner_writes(self) -> None:
        """Each result was saved by the task's owner of that moment, and one delivery had that fence."""
        wrong = self.world.rows(SAVED_BY_OTHERS)
        assert wrong == []

    def fences_and_cursors_never_go_back(self) -> None:
        for task in self.world.rows("SELECT id, fence FROM document_tasks"):
            seen = self.seen.setdefault(task.id, Seen())
            assert task.fence >= seen.fence
            seen.fence = task.fence
        for stage in self.world.rows("SELECT task_id, stage, done, cursor FROM stage_progress"):
            seen = self.seen[stage.task_id]
            assert stage.done == stage.cursor.get("next", 0) >= seen.done[stage.stage]
            seen.done[stage.stage] = stage.done

    def percent_never_goes_back_and_waiting_says_for_what(self) -> None:
        for document in self._documents():
            seen, state, status = self.seen[document.row.task_id], document.state, document.row.status
            assert state.percent_complete >= seen.percent
            seen.percent = state.percent_complete
            assert state.waiting is not None or status in {*ENDED, Status.RUNNING}

    def states_fit_together(self) -> None:
        wrong = self.world.rows(IMPOSSIBLE)
        assert wrong == []

    def readers_see_whole_versions_and_only_a_publication_changes_them(self) -> None:
        for row in self.world.rows(SHOWN):
            if row.active_version_id is not None:
                assert (row.results, row.blocks, row.entries) == (len(EVERYTHING), STEPS, STEPS)
            if row.active_version_id != self.shown.get(row.id):
                assert row.status == "succeeded"
            self.shown[row.id] = row.active_version_id

    def the_history_tells_the_state(self) -> None:
        for task in self.world.rows(HISTORIES):
            assert rebuilt(task.history) == (task.status, task.desired), task.history

    def teardown(self) -> None:
        """The faults stop: what is wanted ends by itself, and house-keeping leaves what readers see."""
        world = self.world
        world.mailbox.refusals = 0
        world.steering.dataset(Verb.RESUME, TENANT, DATASET)
        self.release(0, 0)
        for _ in range(ROUNDS):
            if self.busy() or any(document.row.status not in ENDED for document in self._documents()):
                self._let_everything_happen()
        assert {document.row.status for document in self._documents()} <= ENDED
        self.keep_house(0, 0)
        assert world.rows(LEFT_OVER) == []
        self.everything_fits()
        world.kinds.update(row.kind for row in world.rows("SELECT kind FROM document_task_events"))

    def _let_everything_happen(self) -> None:
        for worker in self.busy():
            while worker.halted_at is not None:
                worker.go_on(going_on)
        while self.world.mailbox.messages:
            self.world.workers[0].take(*self.world.mailbox.messages.pop(0))
            self._go_on(self.world.workers[0], 200)
        self.wait(700)
        self.world.recovery.sweep()

    def _documents(self) -> list[Document]:
        ids = self.world.rows("SELECT id FROM documents ORDER BY created_at")
        return [self.world.documents.get(TENANT, row.id) for row in ids]


@pytest.mark.timeout(36_000 if NIGHT else 180)
def test_no_order_of_events_breaks_a_promise(world: World) -> None:
    Machine.world = world
    run_state_machine_as_test(Machine, settings=EXAMPLES)
    if NIGHT:
        never = set(EventKind) - set(world.kinds)
        assert never <= {EventKind.YIELDED}, "nothing is proven of what never happened"
