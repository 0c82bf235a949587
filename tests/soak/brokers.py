"""Brokers that die, stand still, or have copies: what they confirmed is there, and what they did not comes again.

Each scenario has brokers of its own. While one is away the watcher's part is to try until it is confirmed, here as
there; the worker's to wait, or to end and be started again.
"""

import signal
import time
from collections.abc import Callable
from functools import partial

from streams.errors import BrokerError
from tests.kafka_cluster import Cluster, Node, running_cluster
from tests.soak.bench import Bench
from tests.soak.scenario import Row, scenario
from tests.soak.system import NotSettledError, System
from tests.soak.work import Step

RETRY_SECONDS = 1.0
TELL_SECONDS = 180.0
PAUSE_SECONDS = 40.0
"""Longer than a producer waits for a record to be confirmed (streams/producer.py), and than sessions last."""


Disturbance = Callable[[Bench, System, Cluster, int], None]


def insist(system: System, step: Step, seconds: float = TELL_SECONDS) -> None:
    """Send a step's records until the brokers have confirmed all, as the watcher does."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return system.tell(step)
        except BrokerError as error:
            if time.monotonic() > deadline:
                raise NotSettledError(f"not told within {seconds:g} s: {error}") from error
            time.sleep(RETRY_SECONDS)


def die(system: System, node: Node) -> None:
    """kill -9 a broker; counted."""
    system.kills += 1
    node.kill()


def play(bench: Bench, size: int, disturb: Disturbance) -> Row:
    """Tell each step, disturb the brokers while it is worked on, and wait until it has had its effect."""
    with (
        running_cluster(bench.ground.next_folder(f"{bench.name} brokers"), size) as cluster,
        bench.system("stepped", kafka=cluster.address, replication_factor=size) as system,
    ):
        system.may_end = True
        for name in ("sealer", "worker"):
            system.keep(name)
        for number, step in enumerate(system.steps):
            insist(system, step)
            time.sleep(bench.random.uniform(0, 2))
            disturb(bench, system, cluster, number)
            system.settle()
        return bench.judge(system).also(system.kills > 0, "no broker was disturbed")


def restart(bench: Bench, system: System, cluster: Cluster, _number: int) -> None:
    """Kill the only broker; start it again soon."""
    (node,) = cluster.nodes
    die(system, node)
    time.sleep(bench.random.uniform(0, 4))
    node.run()


def pause(_bench: Bench, system: System, cluster: Cluster, number: int) -> None:
    """Let the only broker stand still, twice in the run, for longer than anybody waits."""
    (node,) = cluster.nodes
    if number in (1, 3):
        system.kills += 1
        node.signal(signal.SIGSTOP)
        time.sleep(PAUSE_SECONDS)
        node.signal(signal.SIGCONT)


def one_of_three(_bench: Bench, system: System, cluster: Cluster, number: int) -> None:
    """Kill one broker, go on with two, then start it and take another in the next step."""
    node = cluster.nodes[number % len(cluster.nodes)]
    for other in cluster.nodes:
        if other.is_over:
            other.run()
    die(system, node)


def two_of_three(_bench: Bench, system: System, cluster: Cluster, number: int) -> None:
    """Kill two at once, now and then: nothing can be confirmed until one of them is back."""
    if number % 2:
        for node in cluster.nodes[:2]:
            die(system, node)
        time.sleep(5)
        for node in cluster.nodes[:2]:
            node.begin()
        for node in cluster.nodes[:2]:
            node.wait_ready()


for _name, _text, _size, _disturb in (
    ("broker kill -9", "the only broker is killed in every step and started again", 1, restart),
    ("broker paused", "the only broker stands still for longer than anybody waits", 1, pause),
    (
        "three brokers, one killed",
        "copies on three, two confirm: one is killed in every step, in turn",
        3,
        one_of_three,
    ),
    (
        "three brokers, two killed",
        "two of three are killed at once: nothing is confirmed until one is back",
        3,
        two_of_three,
    ),
):
    scenario(_name, _text)(partial(play, size=_size, disturb=_disturb))
