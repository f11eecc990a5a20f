"""Models that are being served: their engines, and what becomes of the images of a request."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import orjson

from runtime.serving import answers
from runtime.serving.bodies import Picture
from runtime.serving.engine import Asked, Engine, Job, Outcome, too_late
from runtime.serving.keeping import Keep
from runtime.serving.limits import Limits
from runtime.serving.meters import Meters
from runtime.serving.models import Served
from tltpipe.errors import TltpipeError
from tltpipe.machine import cpu_count
from tltpipe.web.problems import RequestProblem, problem


@dataclass(frozen=True)
class Batching:
    """``images`` pass through a model together at most; one alone waits ``wait`` seconds for others."""

    images: int = 8
    wait: float = 0.0


@dataclass(frozen=True)
class Choice:
    """What a request asks for: answers of ``engine`` with scores from ``threshold`` on, of ``classes`` (None: all),
    ``drawn`` or as JSON."""

    engine: Engine
    threshold: float
    classes: frozenset[str] | None
    drawn: bool = False


class Service:
    """Answers for ``served``, the first of which is meant where a request names none."""

    def __init__(
        self, served: Sequence[Served], limits: Limits, batching: Batching, *, keep: Keep | None = None
    ) -> None:
        self.limits, self.keep, self.meters = limits, keep, Meters()
        self.pool = ThreadPoolExecutor(cpu_count(), "images")
        places = max(limits.queue + batching.images, limits.images)
        self.engines = {
            each.name: Engine(
                each, self.pool, self.meters, places=places, pixels=limits.pixels,
                batch=batching.images, wait=batching.wait,
            )
            for each in served
        }  # fmt: skip
        self.ready = False

    @contextmanager
    def running(self) -> Iterator[None]:
        """Ready within the block; what is under way at its end is answered."""
        for engine in self.engines.values():
            engine.warm()
            engine.start()
        self.ready = True
        try:
            yield
        finally:
            self.ready = False
            for engine in self.engines.values():
                engine.stop()
            self.pool.shutdown(wait=False, cancel_futures=True)

    def drain(self) -> None:
        """Take no more requests; those under way are answered."""
        self.ready = False

    def choice(self, model: str | None, threshold: float | None, classes: str | None, *, drawn: bool = False) -> Choice:
        """Raises RequestProblem, 422, for a model or a class that is not served."""
        name = next(iter(self.engines)) if model is None else model
        engine = self.engines.get(name)
        if engine is None:
            raise RequestProblem(422, f'no model is called "{name}"', hint=f"served: {', '.join(self.engines)}")
        served = engine.served
        chosen = None if classes is None else frozenset(filter(None, map(str.strip, classes.split(","))))
        if chosen == frozenset():
            raise RequestProblem(422, "classes names no class", hint="without it, objects of all are answered")
        if unknown := sorted((chosen or frozenset()) - {*served.classes}):
            raise RequestProblem(422, f'no class is called "{unknown[0]}"', hint=f"known: {', '.join(served.classes)}")
        usual = served.usual if drawn else served.lowest
        return Choice(engine, usual if threshold is None else threshold, chosen, drawn)

    async def predict(self, pictures: Sequence[Picture], choice: Choice) -> list[bytes]:
        """The answer for each. Raises RequestProblem: that of the first that has none, 429 and 504."""
        choice.engine.take(len(pictures))
        deadline = time.monotonic() + self.limits.timeout
        waiting = [asyncio.wrap_future(choice.engine.submit(self._job(each, choice, deadline))) for each in pictures]
        done, late = await asyncio.wait(waiting, timeout=self.limits.timeout)
        for each in late:
            each.cancel()
        failed = [(at, error) for at, each in enumerate(waiting) if each in done and (error := each.exception())]
        if failed:
            raise _named(*failed[0], pictures)
        if late:
            raise too_late()
        return [each.result() for each in waiting]

    def _job(self, picture: Picture, choice: Choice, deadline: float) -> Job:
        asked = Asked(picture.name, picture.data, choice.threshold, deadline)
        return Job(asked, partial(self._finish, picture, choice))

    def _finish(self, picture: Picture, choice: Choice, outcome: Outcome) -> bytes:
        begun, served = time.perf_counter(), choice.engine.served
        content = answers.drawn(served, outcome, choice.classes) if choice.drawn else b""
        if not content or self.keep is not None:
            told = answers.answer(served, outcome, picture.name, choice.classes)
            told["timings_ms"]["post"] = round(1000 * (time.perf_counter() - begun), 3)
            text = orjson.dumps(told)
            if self.keep is not None:
                self.keep(picture.data, outcome.upload.format, text)
            content = content or text
        return content


def _named(at: int, error: BaseException, pictures: Sequence[Picture]) -> BaseException:
    """``error``, with which of several images it is of."""
    if len(pictures) == 1 or not isinstance(error, TltpipeError):
        return error
    said = problem(error)
    name = f"image {at + 1}" + (f" ({pictures[at].name})" if pictures[at].name else "")
    return RequestProblem(said.status, f"{name}: {said.detail}", hint=said.hint, headers=said.headers)
