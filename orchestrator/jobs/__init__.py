"""A job is data before it is an action.

A *request* is what a stage asks for; a toolkit spells it as argv; the result is a ``Job`` that any runner can
perform and that serialises to JSON (secrets excepted) for ``--dry-run``, receipts and golden files.
Paths in a request are host paths; the toolkit turns each into what the job will see, through ``At``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

At = Callable[[Path], str]
"""How a place spells a host path for the job that runs there."""


@dataclass(frozen=True)
class Augment:
    """Offline augmentation of the KITTI folder ``dataset`` by ``spec`` into ``output``.

    The rest is what only our own program can: the older ``arithmetic`` "tlt2", antialiasing, leaving out pictures that
    cannot be read, going on where a class is lost.
    """

    dataset: Path
    spec: Path
    output: Path
    arithmetic: str = "tao5"
    antialias: bool = False
    skip_bad: bool = False
    allow_loss: bool = False


@dataclass(frozen=True)
class Convert:
    """KITTI to TFRecords by ``spec``; ``prefix`` is the text that shard names are appended to.

    ``allow_loss``: going on where a class is lost, which NVIDIA's program always does.
    """

    network: str
    spec: Path
    prefix: Path
    allow_loss: bool = False


@dataclass(frozen=True)
class Train:
    """Train ``network`` by ``spec`` into ``results``; ``resume``: a checkpoint and the first epoch (from 1) to run.

    ``weights``: a model to start from. ``fresh``: whatever a program finds in ``results`` is not to be gone on with.
    ``options``: long flags without their dashes, each with its value (True: none),
    that only our own program knows.
    """

    network: str
    spec: Path
    results: Path
    gpus: int = 1
    resume: tuple[Path, int] | None = None
    weights: Path | None = None
    fresh: bool = False
    options: Mapping[str, str | bool] = field(default_factory=dict)
    nodes: int = 1
    """Machines, each with so many ``gpus``."""


@dataclass(frozen=True)
class Evaluate:
    """Measure ``model`` on the validation data of ``spec``; our own program leaves tables and pictures below
    ``results``."""

    network: str
    spec: Path
    model: Path
    results: Path | None = None
    class_maps: tuple[Path, ...] = ()
    """COCO files whose order and ids of classes and images results have; only our own programs know these."""
    boxes: Path | None = None
    """COCO results of a detector, on whose boxes a network is measured that is shown one object at a time; only our own
    programs know such networks."""
    boxes_threshold: float | None = None


@dataclass(frozen=True)
class Infer:
    """Find objects on ``images`` (one file or a folder): drawn pictures to ``drawn``, KITTI lines to ``labels``."""

    network: str
    spec: Path
    model: Path
    images: Path
    drawn: Path
    labels: Path
    threshold: float = 0.3
    more: tuple[Path, ...] = ()
    """Further files and folders, beside ``images``."""
    own_spec: bool = False
    """The model says itself what it needs to be used."""
    extras: Path | None = None
    """Folder for a contact sheet and COCO results."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Only our own programs know these: device, batch_size."""
    class_maps: tuple[Path, ...] = ()
    """COCO files whose ids of classes and images the results have."""
    first: Path | None = None
    """A model whose objects are cropped for ``model``; only our own programs know such cascades."""
    cutouts: Path | None = None
    """Folder for the classes of a label map, cut out of each image; for our own programs alone."""


@dataclass(frozen=True)
class Prune:
    """Cut filters out of ``model`` into the file ``output``, by NVIDIA's rule; ``force``: over one that is there."""

    network: str
    model: Path
    output: Path
    threshold: float = 0.1
    criterion: str = "union"
    granularity: int = 8
    minimum: int = 16
    normalizer: str = "max"
    excluded: tuple[str, ...] = ()
    force: bool = False


@dataclass(frozen=True)
class Export:
    """``model`` for other runtimes, into the file ``output``; ``calibration``: pictures that int8 is measured on.

    ``options`` only our own programs know; ``force``: over a file that is there.
    """

    network: str
    spec: Path
    model: Path
    output: Path
    format: str
    data_type: str = "fp32"
    calibration: Path | None = None
    batches: int = 10
    batch_size: int = 16
    options: Mapping[str, str] = field(default_factory=dict)
    force: bool = False


@dataclass(frozen=True)
class Secret:
    """A place in argv where the runner puts the value of ``Job.secrets[name]`` at the last moment.

    One that is ``optional`` and was not given is left out, with the flag before it.
    """

    name: str
    optional: bool = False


@dataclass(frozen=True)
class Program:
    """One of our own programs with its command line, in which paths are of the host: for a stage that has no request
    of its own here. NVIDIA's have no such program."""

    name: str
    words: tuple[str | Path | Secret, ...] = ()


Request = Augment | Convert | Train | Evaluate | Infer | Prune | Export | Program


@dataclass(frozen=True)
class Mount:
    """A host folder that the job sees at ``target``."""

    source: Path
    target: str
    read_only: bool = False


@dataclass(frozen=True)
class Job:
    """What is to run. ``secrets`` never appear in repr, JSON, logs or a container's configuration.

    ``files``: the text of the spec files it reads, by the path the job sees; they exist already where a runner needs
    them and are here to be shown.
    """

    name: str
    argv: tuple[str | Secret, ...]
    image: str | None = None
    mounts: tuple[Mount, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    gpus: int = 0
    files: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)
    nodes: int = 1
    """Machines that it takes, each with so many ``gpus``."""
    again: tuple[str | Secret, ...] = ()
    """The command line that resumes what one that was killed has done; empty where the program cannot."""
    fans_out: bool = False
    """Whether the program hands its items to the executor that ``TLTPIPE_EXECUTOR`` names."""
    inputs: str = ""
    """What changes with the data that it reads; "" where that is not known."""


def without_missing(argv: tuple[str | Secret, ...], given: Mapping[str, str]) -> tuple[str | Secret, ...]:
    """``argv`` without the optional secrets that nobody gave, and without the flags before them."""
    gone = {at for at, word in enumerate(argv) if isinstance(word, Secret) and word.optional and word.name not in given}
    return tuple(word for at, word in enumerate(argv) if at not in gone and at + 1 not in gone)


MASK = "****"


def shown(argv: tuple[str | Secret, ...]) -> list[str]:
    """argv with a mask in the place of every secret: what may be printed and kept."""
    return [MASK if isinstance(word, Secret) else word for word in argv]


def describe(job: Job) -> dict[str, Any]:
    """The job as JSON types, secrets masked."""
    mounts = [{"source": str(m.source), "target": m.target, "read_only": m.read_only} for m in job.mounts]
    return {
        "name": job.name,
        "argv": shown(job.argv),
        "image": job.image,
        "mounts": mounts,
        "environment": dict(job.environment),
        "gpus": job.gpus,
        "nodes": job.nodes,
        "files": dict(job.files),
    }


@dataclass(frozen=True)
class Outcome:
    """How a job ended: its true exit status, where its log was kept, how long it took."""

    exit_code: int
    log: Path
    seconds: float
    tail: tuple[str, ...] = ()
