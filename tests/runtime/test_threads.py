"""How many threads compute: what is chosen where they cost what, without looking at a clock."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping

import pytest

from runtime.machine import threads
from runtime.machine.threads import BLOCK, RECENT, ROUNDS, Threads

TRIAL = 2 * BLOCK * ROUNDS
"""Calls of a trial of two numbers."""


class Machine:
    """Calls take as long as ``costs`` says for the number of threads in effect; time passes only here."""

    def __init__(self, costs: Mapping[int, float], monkeypatch: pytest.MonkeyPatch) -> None:
        self.costs, self.now, self.used, self.said = dict(costs), 0.0, list[int](), list[str]()
        monkeypatch.setattr(threads.time, "perf_counter", lambda: self.now)
        self.threads = self.fresh()

    def fresh(self) -> Threads:
        return Threads(tuple(self.costs), self.used.append, say=self.said.append)

    def run(self, calls: int) -> list[int]:
        """The number of threads of each of so many calls."""
        counts = []
        for _ in range(calls):
            with self.threads.timed():
                counts.append(self.used[-1])
                self.now += self.costs[self.used[-1]]
        return counts


Make = Callable[[Mapping[int, float]], Machine]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Make:
    return lambda costs: Machine(costs, monkeypatch)


@pytest.mark.parametrize(("costs", "best"), [({2: 0.13, 1: 0.17}, 2), ({2: 0.6, 1: 0.17}, 1), ({2: 0.2, 1: 0.195}, 2)])
def test_the_faster_one_is_chosen_after_a_trial(machine: Make, costs: Mapping[int, float], best: int) -> None:
    on = machine(costs)
    assert on.run(TRIAL) == [2, 2, 2, 1, 1, 1] * ROUNDS
    assert on.threads.chosen == best
    assert on.run(20) == [best] * 20
    assert len(on.said) == 1
    assert on.said[0].startswith(f"computing with {best} thread")


def test_a_core_that_gets_busy_is_noticed(machine: Make) -> None:
    on = machine({2: 0.13, 1: 0.17})
    on.run(TRIAL + threads.PATIENCE[0])
    on.costs[2] = 0.6
    on.run(RECENT + TRIAL)
    assert on.threads.chosen == 1
    assert on.run(20).count(2) <= BLOCK  # a probe


def test_a_core_that_gets_free_is_noticed_by_a_probe(machine: Make) -> None:
    on = machine({2: 0.6, 1: 0.17})
    on.run(TRIAL + 1)
    on.costs[2] = 0.13
    counts = on.run(threads.PROBES[0] + BLOCK + TRIAL)
    assert on.threads.chosen == 2
    assert counts.count(1) > 40


def test_trials_and_probes_cost_little_where_nothing_changes(machine: Make) -> None:
    on = machine({2: 0.6, 1: 0.15})
    counts = on.run(4096)
    assert sum(on.costs[count] for count in counts) < 1.05 * 0.15 * len(counts)


def test_every_call_slower_is_no_reason_to_try_for_ever(machine: Make) -> None:
    on = machine({2: 0.13, 1: 0.17})
    on.run(TRIAL + threads.PATIENCE[0])
    on.costs = {2: 0.26, 1: 0.34}
    on.run(RECENT + BLOCK + TRIAL)
    assert on.run(60).count(1) <= BLOCK  # a probe


def test_a_choice_is_gone_on_with(machine: Make) -> None:
    on = machine({2: 0.6, 1: 0.17})
    on.run(TRIAL)
    state = on.threads.state()
    on.threads = on.fresh()
    on.threads.restore(state)
    assert on.run(20) == [1] * 20
    assert len(on.said) == 1


@pytest.mark.parametrize("state", [{}, {"chosen": 8, "usual": 0.1, "calls": 99}, {"chosen": 1, "usual": None}])
def test_a_choice_that_cannot_be_had_here_is_made_anew(machine: Make, state: Mapping[str, float]) -> None:
    on = machine({2: 0.6, 1: 0.17})
    on.threads.restore(state)
    assert on.run(TRIAL) == [2, 2, 2, 1, 1, 1] * ROUNDS


def test_one_number_is_not_measured(machine: Make) -> None:
    on = machine({4: 1.0})
    assert on.run(3) == [4] * 3
    assert on.threads.calls == 0


def test_numbers_to_choose_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(threads.VARIABLE, raising=False)
    cores = itertools.cycle([16, 2, 1, 16])
    monkeypatch.setattr(threads, "cpu_count", lambda: next(cores))
    assert [threads.counts() for _ in range(3)] == [(16, 8, 1), (2, 1), (1,)]
    assert threads.counts(shared_by=4) == (4,)
    assert threads.counts(5) == (5,)
    monkeypatch.setenv(threads.VARIABLE, "3")
    assert threads.counts() == (3,)
    assert threads.counts(5) == (5,)
