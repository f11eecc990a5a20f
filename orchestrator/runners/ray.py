"""ray: our programs on a Ray cluster that runs already. Those that fan out run here and hand their items to its nodes;
trainings run on the nodes themselves."""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from orchestrator.engine.ray import members
from orchestrator.engine.ray.settings import Ray
from orchestrator.engine.ray.world import World
from orchestrator.jobs import Job, Outcome, logs
from orchestrator.jobs.checks import Check, ill
from orchestrator.runners import Place, Placed
from orchestrator.runners.local import LocalRunner
from tltpipe import executors, ray_cluster
from tltpipe.errors import ConfigError, TltpipeError
from tltpipe.ray_cluster import Address

SETTINGS = Ray


def open(place: Place) -> RayRunner:
    return RayRunner(place)


class RayRunner(Placed):
    """The cluster that the settings name; connected to when the first training starts."""

    pretends = False
    allots_gpus = True

    def __init__(self, place: Place) -> None:
        super().__init__(place, contained=False)
        self.chosen: Ray = place.settings or Ray()
        self.executor: str | None = f"ray:{self.chosen.address or ''}{ray_cluster.MARK if self.chosen.trusted else ''}"
        self.local = LocalRunner(place)
        self._worlds: list[World] = []

    @property
    def address(self) -> Address:
        """Raises ConfigError where the settings name none."""
        if self.chosen.address is None:
            what = "the runner ray needs the address of a cluster"
            raise ConfigError(what, where="ray.address", hint="HOST:PORT, as `ray start --head` shows")
        return replace(ray_cluster.address(self.chosen.address), trusted=self.chosen.trusted)

    def checks(self) -> list[Check]:
        installed = importlib.util.find_spec("ray") is not None
        there = "installed" if installed else "not installed"
        return [Check("Ray", installed, there, hint='pip install "tltpipe[ray]"'), self._cluster()]

    def _cluster(self) -> Check:
        try:
            ray_cluster.require_trust(self.address)
            ray_cluster.require_answer(self.address)
        except TltpipeError as error:
            return Check("cluster", ok=False, found=error.what, hint=error.hint)
        return Check("cluster", ok=True, found=f"answers at {self.address}")

    def health(self, images: tuple[str, ...]) -> str | None:
        """Raises ConfigError where the settings are at fault, as ``address`` does."""
        ray_cluster.require_trust(self.address)
        return ill(self.checks()) or self.local.health(images)

    def image_id(self, image: str | None) -> str | None:  # noqa: ARG002 (the protocol's signature)
        return None

    def on_each_node(self, words: Sequence[str]) -> tuple[str, ...]:
        return members.on_each_node(ray_cluster.connect(self.address), words)

    def preview(self, job: Job) -> list[str]:
        place = self.chosen.address or "(ray.address is not set)"
        if job.fans_out:
            return [f"ray     its items go to the nodes of {place}"]
        nodes = f"{job.nodes} node{'' if job.nodes == 1 else 's'}"
        return [f"ray     on {nodes} of {place}"] if _on_nodes(job) else []

    def run(self, job: Job, say: Callable[[str], None]) -> Outcome:
        if not _on_nodes(job):
            own = {executors.VARIABLE: self.executor} if job.fans_out and self.executor else {}
            return self.local.run(replace(job, environment={**job.environment, **own}), say)
        start, ray = time.monotonic(), ray_cluster.connect(self.address)
        with logs.kept(self.place.logs, job, say) as log:
            world = World(ray, self.chosen, job, self.place.workspace, log)
            self._worlds.append(world)
            try:
                code = world.run()
            finally:
                self._worlds.remove(world)
        return Outcome(code, log.path, time.monotonic() - start, log.tail())

    def stop_all(self) -> None:
        """Ask all programs that run in other threads to end; who started them waits for it."""
        self.local.stop_all()
        for world in list(self._worlds):
            world.stopping = True


def _on_nodes(job: Job) -> bool:
    """Whether ``job`` is a training: it can be resumed, and has no items to hand out."""
    return bool(job.again) and not job.fans_out
