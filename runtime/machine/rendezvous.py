"""How the nodes of a training meet, and how each learns what becomes of the others.

One process of each node, the one that starts its siblings, takes part for its node; where somebody else has started
all processes, each takes part for itself. They meet in PyTorch's store, which the first of them keeps: there each says
who it is, then once a second that it lives, and at last how it ended. Clocks of two machines are never compared.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

from runtime.machine.cluster import Cluster
from tltpipe.errors import HostError, TltpipeError, UsageError, from_exit_code
from tltpipe.preflight import node

Answer = TypeVar("Answer")

LOST = 60.0
"""Seconds without a sign of life after which a node counts as lost."""
BROKEN = 4.0
"""The same where a connection to some node has just broken."""
BEAT = 1.0
"""Seconds between two signs of life."""
REPORTED = 5.0
"""Seconds that a node waits for the lead to report what went wrong here, and the lead for the others to leave."""
EXCUSED = 30.0
"""Seconds that a node that cannot take part tries to say so: the lead may still be starting."""
AGAIN = "the same command on as many nodes goes on from the last checkpoint"
WAITING = 10.0
"""Seconds after which the lead says whom it waits for."""


@dataclass(frozen=True)
class Verdict:
    """How a training ended, by participant ``number``: with ``error``, which names its node, or well."""

    number: int
    error: TltpipeError | None

    @property
    def exit_code(self) -> int:
        return self.error.exit_code if self.error else 0


def join(where: Cluster, *, rank: int, world: int, backend: str, timeout: timedelta) -> None:
    """Join the process group in the store that torchrun keeps, which may still hold what an earlier start left there:
    PyTorch by itself would go by that."""
    from torch import distributed
    from torch._C._distributed_c10d import PrefixStore, TCPStore

    store = PrefixStore(
        f"group/{where.restart}",
        TCPStore(where.address, where.port, is_master=False, timeout=timeout),
    )
    distributed.init_process_group(backend, store=store, rank=rank, world_size=world, timeout=timeout)


@dataclass
class Rendezvous:
    """The part of this process, which is the first of its node, or one of several that ``where`` says were started.

    ``facts``, by their names, must be the same for all; ``timeout`` (seconds) is how long to wait until all are there.
    """

    where: Cluster
    facts: Mapping[str, str]
    timeout: float
    say: Callable[[str], None]
    verdict: Verdict | None = None
    stopping: bool = False
    """Somebody asks the lead to save and end."""
    hosts: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        each = self.where.processes or 1
        self.count, self.number = self.where.nodes * each, self.where.node * each + self.where.local
        self.is_lead = self.number == 0
        self.host = node.name()
        self.hosts[self.number] = self.host
        self.meeting = f"{self.where.address}:{self.where.port}"
        self._store: Any = None
        self._over, self._stop = threading.Event(), threading.Event()
        self._signs: dict[int, tuple[bytes, float]] = {}

    def name(self, number: int) -> str:
        """``node 1 of 2 (n2)``, or by its number where its host is not known yet."""
        each, variable = ("node", "NODE_RANK") if self.where.processes is None else ("process", "RANK")
        return f"{each} {number} of {self.count} ({self.hosts.get(number) or f'{variable} {number}'})"

    # ------------------------------------------------------------------------------------------------- at the start

    def gather(self) -> None:
        """Wait until all are there. Raises HostError for those who do not come, UsageError where facts differ."""
        deadline = time.monotonic() + self.timeout
        self._store = self._opened(deadline)
        try:
            self._meet(deadline)
        except RuntimeError:
            raise self._lost(0, "the connection to it broke") from None
        threading.Thread(target=self._live, name="say that this node lives", daemon=True).start()

    def _meet(self, deadline: float) -> None:
        own = json.dumps({"host": self.host, "process": os.getpid(), "facts": dict(self.facts)})
        there = self._store.compare_set(f"here/{self.number}", "", own).decode()
        if there != own:
            other = json.loads(there)["host"]
            self._store = None  # the one that came first may be well under way: it is left in peace
            what = f"{self.name(self.number)} is there twice: on {other} and on {self.host}"
            raise HostError(what, hint="each needs a number of its own; one that was lost starts again with all others")
        self._store.set(f"alive/{self.number}", "0")
        if self.is_lead:
            self._receive(deadline)
            self._store.set("all", json.dumps(self.hosts))
        else:
            self._wait_for_all(deadline)

    def _receive(self, deadline: float) -> None:
        said = time.monotonic() + WAITING
        missing = list(range(self.count))
        while missing := [number for number in missing if not self._arrived(number)]:
            self._require_no_verdict()
            names = ", ".join(self.name(number) for number in missing)
            if time.monotonic() >= deadline:
                here = ", ".join(self.hosts[number] for number in sorted(self.hosts))
                have = "have" if len(missing) > 1 else "has"
                raise HostError(
                    f"{names} {have} not arrived at {self.meeting} after {self.timeout:.0f} s; here: {here}",
                    hint="did this command start there, with the same MASTER_ADDR and MASTER_PORT, and does a firewall "
                    "let it through? --rendezvous-timeout waits longer",
                )
            if time.monotonic() >= said:
                self.say(f"waiting at {self.meeting} for {names}")
                said = deadline
            time.sleep(0.1)

    def _arrived(self, number: int) -> bool:
        """Whether that one is there; raises UsageError unless it has come for the same."""
        if not self._store.check([f"here/{number}"]):
            return False
        about = json.loads(self._store.get(f"here/{number}"))
        self.hosts[number] = about["host"]
        for label in dict.fromkeys([*self.facts, *about["facts"]]):
            mine, other = self.facts.get(label, "none"), about["facts"].get(label, "none")
            if mine != other:
                what = f"{label} differs: {other} on {self.name(number)}, {mine} on {self.name(0)}"
                raise UsageError(what, hint="start the same command, of the same installation, on every node")
        return True

    def _wait_for_all(self, deadline: float) -> None:
        """As the lead says; it waits no longer than this one does, but may have begun later."""
        while not self._store.check(["all"]):
            self._require_no_verdict()
            if time.monotonic() >= deadline + self.timeout:
                raise self._silent()
            time.sleep(0.1)
        self.hosts = {int(number): host for number, host in json.loads(self._store.get("all")).items()}

    def _require_no_verdict(self) -> None:
        """Raises what ended this training before it began."""
        self._read_verdict()
        if self.verdict is not None and self.verdict.error is not None:
            raise self.verdict.error

    def _opened(self, deadline: float) -> Any:
        from torch._C._distributed_c10d import PrefixStore, TCPStore

        hosts = self.is_lead and not self.where.hosted
        if not hosts:
            self._knock(deadline)
        try:
            store = TCPStore(
                self.where.address, self.where.port, is_master=hosts, wait_for_workers=False, multi_tenant=True,
                timeout=timedelta(seconds=max(10.0, self.timeout)),
            )  # fmt: skip
        except RuntimeError as failure:
            if not hosts:
                raise self._silent() from None
            used = "EADDRINUSE" in str(failure) or "in use" in str(failure)
            why = "this port is in use" if used else "this is no address of node 0"
            hint = "MASTER_PORT names another" if used else "MASTER_ADDR is the host name or address of node 0"
            raise HostError(f"{why} ({self.host})", where=self.meeting, hint=hint) from None
        return PrefixStore(f"tltpipe/{self.where.restart}", store)

    def _knock(self, deadline: float) -> None:
        """Wait for the store, which may be started later than this process."""
        while True:
            try:
                socket.create_connection((self.where.address, self.where.port), 5.0).close()
            except OSError as failure:
                if time.monotonic() >= deadline:
                    raise self._silent(failure.strerror) from None
                time.sleep(0.2)
            else:
                return

    def _silent(self, why: str | None = None) -> HostError:
        what = f"no answer from {self.meeting} after {self.timeout:.0f} s{f' ({why})' if why else ''}"
        return HostError(
            f"{what}; here: {self.name(self.number)}",
            hint="does node 0 run, is MASTER_ADDR its address, and does a firewall let this port through?",
        )

    # -------------------------------------------------------------------------------------------------- as it goes on

    def ask_to_stop(self) -> None:
        """Have the lead save and end; safe in a signal handler."""
        self._stop.set()

    def trouble(self, limit: float = LOST) -> TltpipeError | None:
        """What ended this training elsewhere; also that somebody has given no sign of life for ``limit`` seconds."""
        if self.verdict is not None:
            return self.verdict.error
        now = time.monotonic()
        quiet = {number: now - since for number, (_, since) in self._signs.items() if now - since > limit}
        if not quiet:
            return None
        number = max(quiet, key=lambda each: quiet[each])
        return self._lost(number, f"no sign of life for {quiet[number]:.0f} s")

    def _lost(self, number: int, why: str) -> HostError:
        return HostError(f"{self.name(number)} is lost: {why}", hint=AGAIN)

    def _live(self) -> None:
        """Once a second: say that this one lives, and read of the others. Ends with the connection."""
        count = 0
        others = [number for number in range(self.count) if number != self.number] if self.is_lead else [0]
        self._signs = {number: (b"", time.monotonic()) for number in others}
        while not self._over.wait(BEAT):
            count += 1
            try:
                self._store.set(f"alive/{self.number}", str(count))
                if self._stop.is_set():
                    self._store.set("stop", str(self.number))
                for number, sign in zip(
                    others, self._store.multi_get([f"alive/{number}" for number in others]), strict=True
                ):
                    if sign != self._signs[number][0]:
                        self._signs[number] = sign, time.monotonic()
                self.stopping = self.is_lead and self._store.check(["stop"])
                self._read_verdict()
            except RuntimeError:
                if not self._over.is_set() and self.verdict is None:
                    self.verdict = Verdict(0, self._lost(0, "the connection to it broke"))
                return

    def _read_verdict(self) -> None:
        if self.verdict is None and self._store.check(["verdict"]):
            self.verdict = self._parsed(self._store.get("verdict"))
            if self.is_lead:
                self._store.set("reported", "1")  # which it will do: it may be long before it can

    # ------------------------------------------------------------------------------------------------------ at the end

    def excuse(self, error: TltpipeError) -> None:
        """Say that this one does not come, and why. Raises HostError where nobody answers."""
        self._store = self._opened(time.monotonic() + self.timeout)
        self.publish(error)

    def publish(self, error: TltpipeError | None) -> Verdict:
        """Say how it ended here; returns what everybody goes by, which is what was said first."""
        told = None if error is None else (error.exit_code, error.what, str(error.where or ""), error.hint)
        mine, own = Verdict(self.number, error), json.dumps({"number": self.number, "error": told})
        first = self._answer(lambda: self._parsed(self._store.compare_set("verdict", "", own)))
        self.verdict = first or self.verdict or mine
        return mine if self.verdict.number == self.number else self.verdict

    def _answer(self, talk: Callable[[], Answer]) -> Answer | None:
        """What comes of ``talk`` with the store; None where there is none, or no more, or one that is cut off.

        That shows only after minutes, for which no node that is to end may wait.
        """
        answers: list[Answer] = []

        def ask() -> None:
            with suppress(RuntimeError, AttributeError):
                answers.append(talk())

        asking = threading.Thread(target=ask, name="ask the first node", daemon=True)
        asking.start()
        asking.join(2 * REPORTED)
        return next(iter(answers), None)

    def _parsed(self, text: bytes) -> Verdict:
        """An error that happened elsewhere names its node."""
        content = json.loads(text)
        if content["error"] is None:
            return Verdict(content["number"], None)
        code, what, where, hint = content["error"]
        place = self.name(content["number"])
        kind = from_exit_code(code)
        return Verdict(content["number"], kind(what, where=f"{place}: {where}" if where else place, hint=hint))

    def outcome(self) -> Verdict:
        """Wait for the verdict, for whoever is done and is not the lead."""
        while self.verdict is None:
            if lost := self.trouble():
                return Verdict(self.number, lost)
            time.sleep(0.1)
        return self.verdict

    def leave(self) -> bool:
        """Take leave, once the lead has said that it reports what there is to report; returns whether it has."""
        self._over.set()
        return bool(self._answer(self._left))

    def _left(self) -> bool:
        deadline = time.monotonic() + REPORTED
        if self.is_lead:
            self._store.set("reported", "1")
            lost = [number for number, (_, since) in self._signs.items() if time.monotonic() - since > BROKEN]
            others = len(self.hosts) - 1 - len(lost)
            while self._store.add("left", 0) < others and time.monotonic() < deadline:
                time.sleep(0.05)
            return True
        while not self._store.check(["reported"]) and time.monotonic() < deadline:
            time.sleep(0.05)
        done = bool(self._store.check(["reported"]))
        self._store.add("left", 1)
        return done
