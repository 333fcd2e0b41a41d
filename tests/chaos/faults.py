"""Every kind of fault: what it strikes, and how often it is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.chaos import message_faults, model_faults, process_faults, server_faults
from tests.chaos.network_faults import Strike, between
from tests.proxy import Network

from docmill.domain.states import StageName


@dataclass(frozen=True, slots=True)
class Fault:
    """`strike` does it, returns when it is over, and tells whether it met anything.

    Faults with the same `target` never overlap. `weight`: how often it is drawn beside the others. `quick`:
    in the short run too.
    """

    kind: str
    target: str
    strike: Strike
    weight: int = 1
    quick: bool = False


_PROCESSES = (
    Fault("kill a worker process", "child", process_faults.kill_child, 4),
    Fault("kill the process that has a document", "child", process_faults.kill_owner, 4, quick=True),
    *(
        Fault(
            f"kill after a step of {stage}",
            "child",
            process_faults.kill_after_step(stage),
            2,
            quick=stage is StageName.EMBED,
        )
        for stage in StageName
    ),
    Fault("kill a worker", "worker", process_faults.kill_worker, 3, quick=True),
    Fault("kill every worker", "worker", process_faults.kill_every_worker),
    Fault("kill Beat", "beat", process_faults.kill_beat, quick=True),
    Fault("kill the API", "api", process_faults.kill_api),
    Fault("kill what forks them", "worker", process_faults.kill_fork_server),
    Fault("kill the supervisor", "worker", process_faults.kill_supervisor),
    Fault("stop a worker process beyond its lease", "child", process_faults.stop_child),
    Fault("stop a worker beyond its leases", "worker", process_faults.stop_worker),
    Fault("stop the main process of a worker", "worker", process_faults.stop_main),
    Fault("workers connected but deaf", "worker", process_faults.deafen),
    Fault("deploy a worker", "worker", process_faults.deploy_worker, quick=True),
    Fault("deploy everything", "worker", process_faults.deploy_everything),
    Fault("two Beats", "beat", process_faults.two_beats),
    Fault("a worker with a wrong clock", "clock", process_faults.wrong_clock, 2),
)
_SERVERS = (
    Fault("kill PostgreSQL", "database", server_faults.kill_database, 2, quick=True),
    Fault("kill a connection's process in PostgreSQL", "database", server_faults.kill_connection),
    Fault("no space for PostgreSQL", "database", server_faults.fill_database_disk, 2, quick=True),
    Fault("kill the broker", "broker", server_faults.kill_broker, 2),
    Fault("kill the broker, back empty", "broker", server_faults.kill_broker_empty, 2, quick=True),
    Fault("flush the broker", "broker", server_faults.flush_broker, 2, quick=True),
    Fault("cut every connection of the broker", "broker", server_faults.cut_broker_clients, quick=True),
    Fault("freeze the broker", "broker", server_faults.freeze_broker),
    Fault("no space for uploads", "storage", server_faults.fill_disk),
    Fault("no storage", "storage", server_faults.lose_storage, quick=True),
)
_MODEL = (
    Fault("the model answers 500", "model", model_faults.fail, 2, quick=True),
    Fault("the model is busy", "model", model_faults.be_busy),
    Fault("the model answers nonsense", "model", model_faults.talk_nonsense),
    Fault("the model hangs", "model", model_faults.hang),
    Fault("the model is slow", "model", model_faults.be_slow),
)
_NETWORK = tuple(
    Fault(
        f"network to the {server} {network.replace('_', ' ')}",
        server,
        between(server, network),
        quick=network is Network.RESETTING,
    )
    for server in ("database", "broker", "model")
    for network in Network
    if network is not Network.FINE
)
_MESSAGES = (
    Fault("messages doubled, old and of other stages", "messages", message_faults.duplicate, quick=True),
    Fault("messages late and in another order", "messages", message_faults.delay_and_shuffle, quick=True),
    Fault("messages lost", "messages", message_faults.lose),
)

FAULTS: Sequence[Fault] = (*_PROCESSES, *_SERVERS, *_MODEL, *_NETWORK, *_MESSAGES)
QUICK: Sequence[Fault] = tuple(fault for fault in FAULTS if fault.quick)
