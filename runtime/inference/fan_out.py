"""Predictions by the workers of an executor (``tltpipe.executors``), chunk by chunk, with the bytes of one process.

A worker notes what came of a chunk in a journal beside the outputs; one process reads the entries in order and puts
together what is made of all images. A chunk is a whole number of batches, so that each image is in the batch that it
would be in anyway. And the number of threads that compute is the same in every worker, however many there are: sums of
another number differ in their last bits. It is that of ``--threads`` or OMP_NUM_THREADS, else 1, for workers share the
cores; one process with that number gives the same bytes, while one that chooses among several may differ in those bits.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Generic, NoReturn, Protocol, TypeVar

from runtime.inference import backends
from runtime.inference.backends import Device, Model, ModelRequest
from runtime.machine import threads
from tltpipe import executors, plain
from tltpipe.errors import DataError, ModelError, UsageError
from tltpipe.journal import PATIENCE, Journal, alone, chunk_size, is_ours
from tltpipe.progress import Progress
from tltpipe.workers import parallel_map

CHUNK = 64
"""Images to an entry of the journal, at least: rounded up to whole batches."""


class Numbered(Protocol):
    """What a worker is given."""

    @property
    def number(self) -> int: ...


Given = TypeVar("Given", bound=Numbered)
Entry = TypeVar("Entry")


def size(images: int, batch: int) -> int:
    """How many of ``images`` are in a chunk."""
    return -(-chunk_size(images, CHUNK) // batch) * batch


@dataclass(frozen=True)
class Opening:
    """How workers open the model ``path``: as the process that started them does, but for the threads."""

    path: Path
    request: ModelRequest
    variable: str | None = field(default_factory=lambda: os.environ.get(threads.VARIABLE))
    """OMP_NUM_THREADS there: PyTorch reads it when it is imported, and its kernels then do not forget it."""

    def identity(self) -> str:
        """Changes with what could change a prediction."""
        state = self.path.stat()
        settings = replace(self.request, key=None), self.variable
        return plain.identity(settings, self.path, state.st_size, state.st_mtime_ns)

    def model(self) -> Model:
        """The model, opened once in this process. Raises as ``backends.open`` does."""
        key = self.identity()
        if key not in _opened:
            if len(_opened) == MODELS:
                _opened.clear()
            if self.variable is None:
                os.environ.pop(threads.VARIABLE, None)
            else:
                os.environ[threads.VARIABLE] = self.variable
            with redirect_stderr(io.StringIO()):  # its warnings were shown already, where it was opened first
                _opened[key] = backends.open(self.path, replace(self.request, device=_given(self.request.device)))
        return _opened[key]


def _given(device: Device) -> Device:
    """``device`` in a worker: where an executor gave it one GPU, that is the first one there."""
    gpus = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    return replace(device, index=0) if device.index and gpus and "," not in gpus else device


MODELS = 2
"""So many stay open in a worker: those of a cascade."""
_opened: dict[str, Model] = {}


def for_workers(request: ModelRequest) -> ModelRequest:
    """``request`` with one number of threads, picklable."""
    recipe = request.recipe and replace(request.recipe, schedule=_no_training)
    return replace(request, recipe=recipe, threads=threads.counts(request.threads)[-1])


def _no_training(_steps: int, _processes: int) -> NoReturn:
    raise NotImplementedError("a recipe for predicting has no learning rates")


@dataclass(frozen=True)
class Work(Generic[Given, Entry]):
    """Predicting on many images: a worker makes what ``function`` does of each of ``chunks``, of type ``kind``.

    Its journal is beside ``target``. ``inputs`` are the files and folders that workers read, and ``identity`` changes
    with anything else that could change a byte of an entry. Where workers write other files, ``stands`` says whether
    they are still as it left them: a chunk that is noted is done again where they are not.
    """

    function: Callable[[Given], Entry]
    chunks: Iterable[Given]
    kind: type[Entry]
    target: Path
    inputs: Sequence[Path]
    identity: str
    device: Device
    stands: Callable[[Given, Entry], bool] | None = None

    @contextmanager
    def entries(self, progress: Progress) -> Iterator[Iterator[tuple[int, Entry]]]:
        """The number of each chunk and what came of it, in order; what an earlier run has noted is not done again.

        The journal goes when the block has ended well. Raises ``Part`` where this run was to do a part.
        """
        journal, divided = self._journal(), executors.divided()
        journal.folder.parent.mkdir(parents=True, exist_ok=True)
        with alone(journal.folder, patience=PATIENCE if divided else 0) as hold:
            held = replace(journal, hold=hold)
            if not held.resumes((), self.inputs):
                held.begin((), self.inputs, progress.note)
            if divided is None:
                try:
                    yield ((number, held.entry(number, self.kind)) for number in self._numbers(held))
                except (DataError, ModelError, UsageError):  # it would be the same again
                    held.abandon(())
                    raise
                held.guard()
                held.forget()
                return
        with progress.bar("predict", total=None, unit="chunks") as bar:
            for _ in self._numbers(journal):
                bar.advance()
        raise divided.part()

    def is_left(self) -> bool:
        """Whether the journal is of this very work: an earlier run has left it."""
        return self._journal().resumes((), self.inputs)

    def _journal(self) -> Journal:
        return Journal(journal_of(self.target), self.identity, absolute(self.target).parent)

    def _numbers(self, journal: Journal) -> Iterator[int]:
        task = partial(_noted, self.function, self.stands, self.kind, journal)
        gpu, needed = self.device.index is not None, [*self.inputs, journal.page]
        return parallel_map(task, self.chunks, resumable=True, gpu=gpu, reads=needed)


def _noted(
    function: Callable[[Given], Entry], stands: Callable[[Given, Entry], bool] | None, kind: type[Entry],
    journal: Journal, chunk: Given,
) -> int:  # fmt: skip
    """In a worker: the number of ``chunk``, of which the journal has an entry then."""
    if stands and journal.noted(chunk.number) and not stands(chunk, journal.entry(chunk.number, kind)):
        journal.note(chunk.number, function(chunk))
    return journal.once(chunk.number, lambda: function(chunk))


def shared(target: Path | None, work: Callable[[], Work[Given, Entry]]) -> Work[Given, Entry] | None:
    """The ``work`` with this ``target`` where an executor was chosen that shares it, or an earlier run with one left it
    behind; else None. Raises UsageError for an executor that there is not."""
    executor = executors.by_name()
    if executor is not None:
        return work() if isinstance(executor, executors.Partial) or executor.workers() > 1 else None
    if target is None or not is_ours(journal_of(target)):
        return None
    left = work()
    return left if left.is_left() else None


def journal_of(target: Path) -> Path:
    """The journal beside ``target``."""
    return absolute(target).with_name(f".{target.name}.journal")


def absolute(path: Path) -> Path:
    """A worker may have been started in any folder."""
    return Path(os.path.abspath(path))
