"""How nodes meet and part: two parts of one training in this process, in a real store of PyTorch's."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import pytest
from faults import Record

from runtime.machine import rendezvous
from runtime.machine.cluster import Cluster
from runtime.machine.rendezvous import Rendezvous
from tltpipe.errors import DataError, HostError, TltpipeError, UsageError

pytestmark = pytest.mark.torch

pytest.importorskip("torch")

FACTS = {"tltpipe": "0.1.0", "--epochs": "3"}
Part = Callable[..., Rendezvous]


@pytest.fixture
def part(monkeypatch: pytest.MonkeyPatch) -> Iterator[Part]:
    """Makes the part of a node, which all meet at one free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    monkeypatch.setattr(rendezvous, "BEAT", 0.1)
    made: list[Rendezvous] = []

    def make(node: int, *, facts: Mapping[str, str] = FACTS, timeout: float = 30.0, nodes: int = 2) -> Rendezvous:
        monkeypatch.setenv("TLTPIPE_NODE", f"n{node + 1}")
        made.append(Rendezvous(Cluster(nodes, node, port=port), facts, timeout, lambda _: None))
        return made[-1]

    yield make
    for each in reversed(made):
        each._over.set()


def gathered(*parts: Rendezvous) -> dict[int, TltpipeError | None]:
    """What came of it for each, at the same time."""
    outcomes: dict[int, TltpipeError | None] = {}

    def gather(each: Rendezvous) -> None:
        try:
            each.gather()
        except TltpipeError as error:
            each.publish(error)
            outcomes[id(each)] = error
        else:
            outcomes[id(each)] = None

    threads = [threading.Thread(target=gather, args=(each,)) for each in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {number: outcomes[id(each)] for number, each in enumerate(parts)}


def until(true: Callable[[], Any], seconds: float = 10.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def test_who_does_not_come_is_named(part: Part, record_fault: Record) -> None:
    fault = record_fault(
        "training", "a node does not come, with --rendezvous-timeout 1", "it is named on all nodes, exit code 6"
    )
    outcome = gathered(part(0, nodes=3, timeout=1.0), part(2, nodes=3, timeout=20.0))
    fault.over()
    assert isinstance(outcome[0], HostError)
    assert "node 1 of 3 (NODE_RANK 1)" in outcome[0].what
    assert outcome[0].what.endswith("after 1 s; here: n1, n3")
    assert outcome[1] is not None  # which is told at once, long before its own time is over
    assert (outcome[1].exit_code, outcome[1].where) == (6, "node 0 of 3 (NODE_RANK 0)")


def test_who_cannot_come_says_why(part: Part) -> None:
    lead, other = part(0), part(1, timeout=5.0)
    excuse = threading.Thread(target=other.excuse, args=(HostError("8 GPUs asked for, 4 found"),))
    excuse.start()
    [error] = gathered(lead).values()
    excuse.join()
    assert isinstance(error, HostError)
    assert str(error) == "node 1 of 2 (NODE_RANK 1): 8 GPUs asked for, 4 found"


def test_nobody_answers(part: Part) -> None:
    node = part(1, timeout=0.5)
    [error] = gathered(node).values()
    assert isinstance(error, HostError)
    assert f"no answer from {node.meeting} after 0 s" in error.what
    assert "node 1 of 2 (n2)" in error.what


def test_the_port_of_another_program(part: Part) -> None:
    lead = part(0)
    with ExitStack() as stack:
        other = stack.enter_context(socket.socket())
        other.bind(("0.0.0.0", lead.where.port))
        other.listen()
        [error] = gathered(lead).values()
    assert isinstance(error, HostError)
    assert (error.where, "in use" in error.what) == (lead.meeting, True)


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"--epochs": "4"}, "--epochs differs: 4 on node 1 of 2 (n2), 3 on node 0 of 2 (n1)"),
        ({"tltpipe": "0.0.9"}, "tltpipe differs: 0.0.9 on node 1 of 2 (n2), 0.1.0 on node 0 of 2 (n1)"),
        ({"--elastic": "True"}, "--elastic differs: True on node 1 of 2 (n2), none on node 0 of 2 (n1)"),
    ],
)
def test_nodes_that_were_started_for_something_else(
    part: Part, facts: dict[str, str], told: str, record_fault: Record
) -> None:
    fault = record_fault(
        "training", "another version or option on one node", "one sentence with both values, exit code 2 on all"
    )
    outcome = gathered(part(0), part(1, facts=FACTS | facts))
    fault.over()
    assert isinstance(outcome[0], UsageError)
    assert outcome[0].what == told
    assert outcome[1] is not None
    assert outcome[1].exit_code == 2


def test_a_second_node_of_one_number_leaves_the_others_in_peace(part: Part) -> None:
    lead, one = part(0), part(1)
    gathered(lead, one)
    other = part(1)
    other.host = "n3"
    [error] = gathered(other).values()
    assert isinstance(error, HostError)
    assert error.what.endswith("is there twice: on n2 and on n3")
    assert lead.trouble() is None
    assert one.trouble() is None
    lead._read_verdict()
    assert lead.verdict is None


def test_what_goes_wrong_on_one_node_is_told_by_the_first(part: Part) -> None:
    lead, other = part(0), part(1)
    assert gathered(lead, other) == {0: None, 1: None}
    assert lead.trouble() is None
    other.publish(DataError("damaged", where="/data/a.jpg", hint="replace it"))
    trouble = until(lead.trouble)
    assert (trouble.exit_code, str(trouble)) == (3, "node 1 of 2 (n2): /data/a.jpg: damaged")
    assert trouble.hint == "replace it"
    assert other.leave()  # the lead tells it
    assert lead.publish(HostError("later")).exit_code == 3
    assert lead.leave()


def test_who_asks_for_an_end_and_how_all_learn_of_it(part: Part) -> None:
    lead, other = part(0), part(1)
    gathered(lead, other)
    assert not lead.stopping
    other.ask_to_stop()
    until(lambda: lead.stopping)
    lead.publish(None)
    assert other.outcome().exit_code == 0
    leaving = threading.Thread(target=lead.leave)
    leaving.start()
    assert other.leave()
    leaving.join()


def test_a_node_without_a_sign_of_life_is_lost(part: Part) -> None:
    lead, other = part(0), part(1)
    gathered(lead, other)
    until(lambda: lead._signs[1][0] not in (b"", b"0"))
    other._over.set()  # as a node that was killed, or cut off
    assert lead.trouble() is None
    trouble = until(lambda: lead.trouble(1.0))
    assert isinstance(trouble, HostError)
    assert "node 1 of 2 (n2) is lost" in trouble.what


def test_the_first_node_is_lost_with_its_store(part: Part) -> None:
    lead, other = part(0), part(1)
    gathered(lead, other)
    lead._over.set()
    lead._store = None
    trouble = until(other.trouble, rendezvous.LOST)
    assert (trouble.exit_code, "node 0 of 2 (n1) is lost" in trouble.what) == (6, True)


def test_the_first_node_is_lost_while_others_are_awaited(part: Part) -> None:
    lead, other = part(0, nodes=3), part(1, nodes=3)
    stores = [lead._opened(time.monotonic() + 10)]
    outcomes: list[dict[int, TltpipeError | None]] = []
    waiting = threading.Thread(target=lambda: outcomes.append(gathered(other)))
    waiting.start()
    until(lambda: stores[0].check(["here/1"]))
    stores.clear()
    waiting.join(rendezvous.LOST)
    [outcome] = outcomes
    assert str(outcome[0]) == "node 0 of 3 (NODE_RANK 0) is lost: the connection to it broke"


def test_a_node_that_was_cut_off_ends_without_an_answer(part: Part, monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def silent(*_: object) -> None:
        over.wait()
        raise RuntimeError("connection timed out")

    monkeypatch.setattr(rendezvous, "REPORTED", 0.1)
    node, error = part(1), HostError("node 0 is lost")
    node._store = SimpleNamespace(compare_set=silent, check=silent)
    began = time.monotonic()
    assert (node.publish(error).error, node.leave()) == (error, False)
    assert time.monotonic() - began < 3
    over.set()
