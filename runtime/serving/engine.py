"""Images through one model, from the bytes to the answer, with a bound on how many are under way.

Decoding and what comes behind the model are done by a few threads, the model's calls by a single one: nothing of a
model is shared. It takes what waits as one batch, and waits for more only as long as it is told to.
"""

from __future__ import annotations

import logging
import math
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np

from runtime.inference.backends import Model
from runtime.inference.predictor import LoadedImage, restored, together
from runtime.serving import uploads
from runtime.serving.meters import Meters
from runtime.serving.models import Served
from runtime.serving.uploads import Upload
from runtime.tasks import Prediction
from tltpipe.errors import DataError, TltpipeError
from tltpipe.web.problems import RequestProblem

KEPT = 8
"""Thresholds for which a cascade is kept ready."""
RECENT = 0.9
"""Share of what was before in the mean time of an image."""


@dataclass(frozen=True)
class Asked:
    """An image to predict on, ``data`` as uploaded; objects from ``threshold`` on count."""

    name: str
    data: bytes
    threshold: float
    deadline: float
    """By ``time.monotonic``; what is not begun by then is not worth it any more."""


@dataclass(frozen=True)
class Outcome:
    """A prediction in pixels of the image as shown, and the milliseconds of its steps."""

    upload: Upload
    prediction: Prediction
    queue: float
    decode: float
    model: float


@dataclass
class Job:
    asked: Asked
    finish: Callable[[Outcome], bytes]
    """Makes the answer, in one of the threads that decode."""
    done: Future[bytes] = field(default_factory=Future)
    begun: float = field(default_factory=time.perf_counter)
    upload: Upload | None = None
    loaded: LoadedImage | None = None
    waited: float = 0.0
    decode: float = 0.0
    queued: float = 0.0


class Engine:
    """``batch`` images at most pass through ``served`` together; one that is alone waits ``wait`` seconds for others.

    ``places`` bounds the images that wait or are worked on, and ``pixels`` each of them. ``pool`` decodes, for other
    engines, too.
    """

    def __init__(
        self,
        served: Served,
        pool: ThreadPoolExecutor,
        meters: Meters,
        *,
        places: int,
        pixels: int,
        batch: int = 1,
        wait: float = 0.0,
    ) -> None:
        self.served, self.pool, self.meters = served, pool, meters
        self.places, self.pixels, self.batch, self.wait = places, pixels, batch, wait
        self.taken = 0
        self._lock = threading.Lock()
        self._waiting: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._held: Job | None = None
        self._models: dict[float, Model] = {}
        self._seconds = 0.0
        self._thread = threading.Thread(target=self._run, name=f"model {served.name}", daemon=True)
        meters.watch(served.name, lambda: self.taken)

    def warm(self) -> None:
        """Let the model predict on black images: its largest batch, then one, so that memory is that of later on."""
        height, width = self.served.model.input_size or (256, 256)
        for count in dict.fromkeys((self.batch, 1)):
            self.served.at(self.served.lowest)(np.zeros((count, height, width, 3), np.uint8))

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Answer what waits, and end the thread."""
        self._waiting.put(None)
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def take(self, count: int) -> None:
        """Places for ``count`` images. Raises RequestProblem, 429, where there are not so many."""
        with self._lock:
            if self.taken + count > self.places:
                seconds = max(1, math.ceil(self.taken * self._seconds))
                what = f"{self.taken} images are waiting for {self.served.name} already"
                hint = f"try again in {seconds} s" if count <= self.places else f"send at most {self.places} at once"
                raise RequestProblem(429, what, hint=hint, headers={"Retry-After": str(seconds)})
            self.taken += count

    def submit(self, job: Job) -> Future[bytes]:
        """The answer to ``job``, for which there is a place, which is free again with it."""
        self.pool.submit(self._decode, job)
        return job.done

    def _decode(self, job: Job) -> None:
        try:
            start = time.perf_counter()
            job.waited = start - job.begun
            _require_time(job)
            job.upload = uploads.read(job.asked.name, job.asked.data, pixels=self.pixels)
            job.loaded = self._loaded(job.upload)
            job.queued = time.perf_counter()
            job.decode = job.queued - start
        except Exception as error:
            self._end(job, error=error)
        else:
            self._waiting.put(job)

    def _loaded(self, upload: Upload) -> LoadedImage:
        try:
            return LoadedImage(upload.place.name, *self.served.model.load_image(upload.place))
        except DataError as error:
            raise RequestProblem(422, error.what, hint=error.hint) from error

    def _run(self) -> None:
        while (job := self._held or self._waiting.get()) is not None:
            self._held = None
            batch = [each for each in self._gathered(job) if self._in_time(each)]
            if batch:
                self._predict(batch)

    def _gathered(self, first: Job) -> list[Job]:
        """``first`` and what waits behind it, as far as it can be answered together."""
        batch, until = [first], time.monotonic() + self.wait
        while len(batch) < self.batch:
            try:
                job = self._waiting.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                break
            if job is None:
                self._waiting.put(None)  # for the loop to see, behind this batch
                break
            if self.served.cascade and job.asked.threshold != first.asked.threshold:
                self._held = job
                break
            batch.append(job)
        return batch

    def _in_time(self, job: Job) -> bool:
        try:
            _require_time(job)
        except RequestProblem as error:
            self._end(job, error=error)
            return False
        return True

    def _predict(self, batch: Sequence[Job]) -> None:
        start = time.perf_counter()
        try:
            model = self._at(batch[0].asked.threshold)
            images = [job.loaded.pixels for job in batch if job.loaded is not None]
            predicted = list(zip(batch, model(together(images, model)), strict=True))
        except Exception as error:
            if len(batch) == 1:
                self._end(batch[0], error=error)
                return
            for job in batch:  # one of them must not be the others' misfortune
                self._predict([job])
            return
        seconds = time.perf_counter() - start
        self.meters.batch(self.served.name, len(batch), seconds)
        self._seconds = RECENT * self._seconds + (1 - RECENT) * seconds / len(batch)
        for job, prediction in predicted:
            job.waited += start - job.queued
            self.meters.waited.labels(self.served.name).observe(job.waited)
            self.pool.submit(self._answer, job, prediction, seconds)

    def _at(self, threshold: float) -> Model:
        if threshold not in self._models:
            if len(self._models) >= KEPT:
                self._models.clear()
            self._models[threshold] = self.served.at(threshold)
        return self._models[threshold]

    def _answer(self, job: Job, prediction: Prediction, seconds: float) -> None:
        try:
            assert job.loaded is not None
            assert job.upload is not None
            lowest = 0.0 if self.served.cascade else job.asked.threshold
            whole = restored(prediction, job.loaded, self.served.presents, lowest)
            times = (1000 * each for each in (job.waited, job.decode, seconds))
            answer = job.finish(Outcome(job.upload, whole, *times))
        except Exception as error:
            self._end(job, error=error)
        else:
            self._end(job, answer=answer)

    def _end(self, job: Job, *, answer: bytes = b"", error: BaseException | None = None) -> None:
        """The place is free before the answer is out: who asks again at once finds it so."""
        with self._lock:
            self.taken -= 1
        job.upload = job.loaded = None
        with suppress(Exception):  # whoever waited has given up
            if error is None:
                job.done.set_result(answer)
            else:
                job.done.set_exception(error if isinstance(error, TltpipeError) else _fault(error))


def _fault(error: BaseException) -> RequestProblem:
    """For the log in full, for the client in words."""
    logging.getLogger(__name__).error("an image could not be predicted on", exc_info=error)
    return RequestProblem(500, "this is a fault of the program", hint="its log says more")


def too_late() -> RequestProblem:
    """For the caller to raise."""
    hint = "try again later, or start the server with a longer --timeout"
    return RequestProblem(504, "the answer took too long", hint=hint)


def _require_time(job: Job) -> None:
    if job.done.cancelled() or time.monotonic() > job.asked.deadline:
        raise too_late()
