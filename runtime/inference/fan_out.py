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
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from runtime.inference import backends
from runtime.inference.backends import Model, ModelRequest
from runtime.machine import threads
from tltpipe import executors, plain
from tltpipe.errors import DataError, ModelError, UsageError
from tltpipe.journal import Journal, alone
from tltpipe.progress import Progress
from tltpipe.workers import parallel_map

CHUNK = 64
"""Images to an entry of the journal, at least: rounded up to whole batches."""
WORTH_PACKING = 1 << 14
"""Bytes from which an array of bytes is compressed: label maps and masks take a hundredth then."""

Entry = TypeVar("Entry")


class Chunk(Protocol):
    """What a worker is given."""

    @property
    def number(self) -> int: ...


def wanted() -> bool:
    """Whether an executor was chosen that shares the work. Raises UsageError for one that there is not."""
    executor = executors.by_name()
    return executor is not None and (isinstance(executor, executors.Partial) or executor.workers() > 1)


def size(batch: int) -> int:
    """Images to a chunk."""
    return -(-CHUNK // batch) * batch


@dataclass(frozen=True)
class Packed:
    """An array as plain data. One of objects holds bytes, its ``parts``."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes = b""
    packed: bool = False
    parts: tuple[bytes, ...] = ()


def pack(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Packed]:
    return {name: pack_one(np.asarray(array)) for name, array in arrays.items()}


def unpack(packed: Mapping[str, Packed]) -> dict[str, NDArray[Any]]:
    return {name: unpack_one(each) for name, each in packed.items()}


def pack_one(array: NDArray[Any]) -> Packed:
    if array.dtype == object:
        return Packed("O", array.shape, parts=tuple(array.ravel().tolist()))
    data = array.tobytes()
    small = array.itemsize == 1 and len(data) >= WORTH_PACKING
    return Packed(array.dtype.str, array.shape, zlib.compress(data, 1) if small else data, small)


def unpack_one(packed: Packed) -> NDArray[Any]:
    if packed.dtype == "O":
        array = np.empty(packed.shape, object)
        for place, part in zip(np.ndindex(array.shape), packed.parts, strict=True):
            array[place] = part
        return array
    data = zlib.decompress(packed.data) if packed.packed else packed.data
    return np.frombuffer(bytearray(data), packed.dtype).reshape(packed.shape)


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
        return plain.identity(replace(self.request, key=None), self.path, state.st_size, state.st_mtime_ns)

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
                _opened[key] = backends.open(self.path, self.request)
        return _opened[key]


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
class Place:
    """Where the journal of the outputs at ``target`` is, and the ``inputs`` (files, folders) that workers read."""

    target: Path
    inputs: Sequence[Path]

    @property
    def folder(self) -> Path:
        return absolute(self.target).with_name(f".{self.target.name}.journal")


@contextmanager
def entries(
    function: Callable[[Journal, Any], int], chunks: Iterable[Chunk], kind: type[Entry], place: Place, identity: str,
    progress: Progress,
) -> Iterator[Iterator[tuple[int, Entry]]]:  # fmt: skip
    """The number of each chunk and what ``function`` notes of it, in order; chunks that a run which was killed has
    noted are not done again. The journal goes when the block has ended well: outputs are in their places then."""
    folder = place.folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with alone(folder):
        journal = Journal(folder, identity, folder.parent)
        if not journal.resumes((), place.inputs):
            journal.begin((), place.inputs, progress.note)
        try:
            yield _noted(function, chunks, kind, journal)
        except (DataError, ModelError, UsageError):  # it would be the same again
            journal.forget()
            raise
        journal.forget()


def _noted(
    function: Callable[[Journal, Any], int], chunks: Iterable[Chunk], kind: type[Entry], journal: Journal
) -> Iterator[tuple[int, Entry]]:
    for number in parallel_map(partial(_unless_noted, function, journal), chunks, resumable=True):
        yield number, journal.entry(number, kind)
    if (divided := executors.divided()) is not None:
        raise divided.part()


def _unless_noted(function: Callable[[Journal, Any], int], journal: Journal, chunk: Chunk) -> int:
    return chunk.number if journal.noted(chunk.number) else function(journal, chunk)


def absolute(path: Path) -> Path:
    """A worker may have been started in any folder."""
    return Path(os.path.abspath(path))
