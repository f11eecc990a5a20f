"""docker: jobs in containers of a local Docker engine, one container a job, gone when the job is."""

from __future__ import annotations

import queue
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from orchestrator.engine import containers, engine, gpus, login, pull
from orchestrator.jobs import Job, Outcome, logs
from orchestrator.jobs.checks import Check, ill
from orchestrator.jobs.mounts import link_mounts
from orchestrator.runners import Place, Placed
from tltpipe.errors import HostError, Interrupted

GRACE_SECONDS = 30.0
"""How long an interrupted job may take to end by itself (it finishes its step and its files)."""
PASSING_SECONDS = 0.2
"""Of a line that is rewritten over and over, one state in this time is passed on."""


def open(place: Place) -> DockerRunner:
    return DockerRunner(place)


class DockerRunner(Placed):
    """The workspace is ``/workspace``; files belong to the caller; secrets reach argv inside the container only."""

    pretends = False
    allots_gpus = True
    executor: str | None = None

    def __init__(self, place: Place) -> None:
        super().__init__(place, contained=True)

    @cached_property
    def client(self) -> Any:
        """The engine; raises HostError."""
        return engine.connect()

    @cached_property
    def about(self) -> dict[str, Any]:
        """What the engine says of itself."""
        return dict(self.client.info())

    def checks(self) -> list[Check]:
        return self._checks(self.place.images)

    def _checks(self, images: tuple[str, ...]) -> list[Check]:
        """Also whether images that are not here could be pulled: better told now than hours later."""
        needs = {image: self.place.needs[image] for image in images if image in self.place.needs}
        found = list(gpus.checks(needs))
        try:
            with engine.answering():
                version = self.about.get("ServerVersion", "?")
                found += [Check("engine", ok=True, found=f"{version} at {engine.address()}"), self._gpu()]
                found += self._launcher()
                found += [check for image in images for check in self._image(image)]
                return list(dict.fromkeys(found))  # images of one registry share its log-in
        except HostError as missing:
            return [*found, Check("engine", ok=False, found=str(missing), hint=missing.hint)]

    def health(self, images: tuple[str, ...]) -> str | None:
        return ill(self._checks(images))

    def image_id(self, image: str | None) -> str | None:
        if image is None:
            return None
        with engine.answering():
            return pull.identity(self.client, image)

    def run(self, job: Job, say: Callable[[str], None]) -> Outcome:
        if job.image is None:
            raise HostError("a container needs an image, and the toolkit names none", hint="give one with --image")
        start = time.monotonic()
        with engine.answering():
            pull.need(self.client, job.image, say)
            with logs.kept(self.place.logs, job, say) as log:
                self._refuse_concurrent_job(job)
                status = self._perform(job, log)
        return Outcome(status, log.path, time.monotonic() - start, log.tail())

    def _gpu(self) -> Check:
        runtime = "nvidia" in self.about.get("Runtimes", {})
        found = "the engine has the nvidia runtime" if runtime else "the engine has no nvidia runtime"
        hint = "NVIDIA's programs need one: install the NVIDIA Container Toolkit"
        return Check("GPU", ok=runtime, found=found, hint=hint, needed=False)

    def _launcher(self) -> Iterator[Check]:
        """What is read of the launcher's file, and whether what jobs write will be the caller's."""
        path, user = self.place.launcher.path, self.place.launcher.options.user
        if path is None:
            return
        own = containers.Caller.current(rootless=self._rootless)
        owner = "" if user is None else f", as user {user[0]}:{user[1]}"
        found = f"{path}, mounts: {len(self.place.launcher.mounts)}{owner}"
        hint = f"files that jobs write will not be yours ({own.uid}:{own.gid}); leave out DockerOptions.user"
        yield Check("mounts file", user in (None, (own.uid, own.gid)), found, hint, needed=False)

    @property
    def _rootless(self) -> bool:
        return any("rootless" in option for option in self.about.get("SecurityOptions") or ())

    def _image(self, image: str) -> Iterator[Check]:
        """Whether ``image`` is here; one that can be pulled when it is needed is no fault."""
        digest = pull.identity(self.client, image)
        if digest is not None:
            yield Check("image", ok=True, found=f"{image}, {digest.removeprefix('sha256:')[:12]}")
            return
        needs = self.place.needs.get(image)
        if needs is not None and needs.login:
            yield login.check(login.host_of(image))
        obstacle = pull.obstacle(self.client, image)
        if obstacle is not None:
            found = str(obstacle)  # with the file that is at fault, if one is
            yield Check("image", ok=False, found=found, hint=obstacle.hint)
            return
        hint = "it is pulled when first needed"
        yield Check("image", ok=False, found=f"{image} is not here", hint=hint, needed=False)
        yield from self._room(image)

    def _room(self, image: str) -> Iterator[Check]:
        """Whether the engine has the disk space that NVIDIA asks for, where it is on this machine's disk."""
        root = Path(self.about.get("DockerRootDir") or "/nowhere")
        needs = self.place.needs.get(image)
        if needs is not None and root.is_dir():
            free = shutil.disk_usage(root).free / 10**9
            found, hint = f"{free:.0f} GB free; NVIDIA asks for {needs.room} GB", "remove images: docker image prune"
            yield Check("disk of the engine", free >= needs.room, found, hint, needed=False)

    def _labels(self, job: Job) -> dict[str, str]:
        return {"tltpipe.job": job.name, "tltpipe.workspace": str(self.place.workspace)}

    def _refuse_concurrent_job(self, job: Job) -> None:
        """Raises HostError while a container of this job still works in this workspace: two would spoil its files.

        What a killed tltpipe left behind and has ended since is removed.
        """
        wanted = [f"{name}={value}" for name, value in self._labels(job).items()]
        for container in self.client.containers.list(all=True, filters={"label": wanted}):
            if container.status in ("running", "paused", "restarting"):
                hint = f"wait for it, or end it: docker rm --force {container.name}"
                raise HostError(f"a container of an earlier {job.name} is still at work: {container.name}", hint=hint)
            self._remove(container.name)

    def _perform(self, job: Job, log: logs.JobLog) -> int:
        from docker.errors import APIError

        launcher = self.place.launcher.options
        caller = containers.Caller.current(rootless=self._rootless, chosen=launcher.user)
        wanted = containers.gpu_options(self.place.gpu_request, runtimes=self.about.get("Runtimes", {}), gpus=job.gpus)
        mounts = (*(job.mounts or self.mounts()), *link_mounts(self.place.workspace, self.at))
        chosen = containers.options(
            job,
            caller=caller,
            gpus=wanted,
            mounts=mounts,
            labels=self._labels(job),
            folder=self.at(self.place.workspace),
            launcher=launcher,
        )
        held = containers.secrets_of(job)
        archive = containers.secret_archive(held, caller) if held else None
        while True:
            try:
                return self._contain(chosen, archive, log, job)
            except APIError as refusal:
                words = engine.explanation(refusal)
                instead = containers.fallback_options(chosen, words, gpu_request=self.place.gpu_request)
                if instead is None:
                    raise _refused(words, job) from refusal
                chosen, note = instead
                log.line(note)

    def _contain(self, chosen: containers.Options, archive: bytes | None, log: logs.JobLog, job: Job) -> int:
        """One container from creation to removal; raises the SDK's APIError when it cannot be started."""
        name = f"tltpipe-{job.name}-{secrets.token_hex(4)}"
        try:
            container = self.client.containers.create(name=name, **chosen)
            if archive is not None:
                container.put_archive("/", archive)
            output = _Output(container.attach(stream=True, demux=True), log)
            container.start()
            try:
                output.follow()
            except KeyboardInterrupt:
                _stop(container, output)
                raise Interrupted(f"{job.argv[0]} was interrupted", where=log.path) from None
            return self._status(container, log)
        finally:
            self._remove(name)

    def _status(self, container: Any, log: logs.JobLog) -> int:
        status = int(container.wait(timeout=engine.TIMEOUT_SECONDS)["StatusCode"])
        container.reload()
        if container.attrs["State"].get("OOMKilled"):
            log.line("note: the container was killed because it ran out of memory")
        return status

    def _remove(self, name: str) -> None:
        """Remove the container called ``name``, running or not; nothing if there is none."""
        from docker.errors import APIError, NotFound

        try:
            self.client.api.remove_container(name, force=True, v=True)
        except NotFound:
            return
        except APIError as refusal:
            if refusal.status_code != 409:  # 409: its removal is under way
                raise


class _Output:
    """Reads a container's output in a thread, so that Ctrl-C finds the reader undisturbed."""

    def __init__(self, stream: Any, log: logs.JobLog) -> None:
        self.log = log
        self.lines: queue.Queue[tuple[str, bool] | None] = queue.Queue(maxsize=10_000)
        self.passed = 0.0
        threading.Thread(target=self._read, args=(stream,), daemon=True).start()

    def follow(self, seconds: float | None = None) -> bool:
        """Pass lines on to the log until the output ends (True), or for ``seconds`` (False if it has not ended)."""
        end = None if seconds is None else time.monotonic() + seconds
        while True:
            try:
                line = self.lines.get(timeout=None if end is None else max(0.0, end - time.monotonic()))
            except queue.Empty:
                return False
            if line is None:
                return True
            self._pass_on(*line)

    def _pass_on(self, text: str, passing: bool) -> None:
        if passing:
            now = time.monotonic()
            if now - self.passed < PASSING_SECONDS:
                return
            self.passed = now
        self.log.line(text)

    def _read(self, stream: Any) -> None:
        splitters = containers.Splitter(), containers.Splitter()  # standard output, standard error
        try:
            for chunks in stream:
                for splitter, chunk in zip(splitters, chunks, strict=True):
                    for line in splitter.feed(chunk or b""):
                        self.lines.put(line)
        except Exception as broken:
            self.lines.put((f"note: the engine stopped passing on output: {broken}", False))
        for splitter in splitters:
            for line in splitter.close():
                self.lines.put(line)
        self.lines.put(None)


def _stop(container: Any, output: _Output) -> None:
    """Ask for an end and wait for it; a second Ctrl-C, or patience at its end, leaves the rest to the removal.

    Python can lose a first SIGINT inside a destructor, so it is asked once more.
    """
    from docker.errors import APIError

    for patience in (GRACE_SECONDS / 3, GRACE_SECONDS * 2 / 3):
        try:
            container.kill(signal="SIGINT")
            if output.follow(patience):
                return
        except (APIError, KeyboardInterrupt):  # APIError: it has ended already
            return


def _refused(words: str, job: Job) -> HostError:
    """The engine would not start the container."""
    if "executable file not found" in words or ("no such file or directory" in words and str(job.argv[0]) in words):
        hint = "is it the image of this toolkit? --image and --toolkit must fit"
        return HostError(f"the image {job.image} has no {job.argv[0]}", hint=hint)
    gpu = any(part in words for part in ("select device driver", "nvidia", "unknown or invalid runtime"))
    hint = "install the NVIDIA Container Toolkit, or set gpu_request: none" if gpu else "`docker info` may tell more"
    return HostError(f"the engine refused to start {job.argv[0]}: {words}", hint=hint)
