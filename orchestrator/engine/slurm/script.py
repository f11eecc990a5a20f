"""A job as the script that sbatch takes: what is asked of Slurm, and the program with everything around it."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.engine import containers
from orchestrator.engine.slurm.settings import Slurm
from orchestrator.jobs import Job, Mount, Secret, submitted
from orchestrator.jobs.mounts import SECRETS
from orchestrator.jobs.submitted import SECRET
from tltpipe import seal
from tltpipe.errors import UsageError

if TYPE_CHECKING:
    from jinja2 import Template

STEP = "srun --export=ALL --mpi=none"
RAY = ("start", "--block", "--disable-usage-stats", "--object-store-memory=100000000")
RETRIES = 3
"""How often a training whose nodes lost each other starts again in its allocation; each attempt has room for 99."""
IMAGE_FILES = (".sif", ".sqsh", ".img")


@dataclass(frozen=True)
class Script:
    """``job`` as it is submitted. ``folder`` is its own on the shared file system, ``comment`` what it is known by.

    ``root``: where the program begins, as it sees it. ``after``: the id of an array that must have succeeded before.
    ``check``: the words of the preflight, if there is one.
    """

    job: Job
    chosen: Slurm
    folder: Path
    comment: str
    root: str
    mounts: tuple[Mount, ...] = ()
    after: str = ""
    check: Sequence[str] = ()
    hidden: Collection[str] = ()
    """Variables of the job whose values are read from files of its folder."""

    def text(self) -> str:
        job, chosen, python = self.job, self.chosen, [*self._apptainer(), self.python, "-P", "-m"]
        steps = job.nodes > 1 or chosen.container == "pyxis"
        srun = [*STEP.split(), f"--ntasks={job.nodes}", f"--cpus-per-task={chosen.cpus}", *self._pyxis()]
        alone = [*STEP.split(), "--nodes=1", "--ntasks=1", *self._pyxis()] if self._pyxis() else []
        judge = [*alone, *python, "tltpipe.preflight", "--folder", str(self.folder / "preflight"), "--judge"]
        by_ray = fans_out_by_ray(job, chosen)
        srun += ["--overlap"] if by_ray else []
        step = [*STEP.split(), "--overlap", "--nodes=1", "--ntasks=1", f"--cpus-per-task={chosen.cpus}", *self._pyxis()]
        ray = [*self._apptainer(), self._beside("ray"), *RAY, f"--num-cpus={chosen.cpus}"] if by_ray else []
        return _template().render(
            **_header(job, chosen, self.comment, self.folder / "log"),
            after=self.after,
            tasks="",
            folder=shlex.quote(str(self.folder)),
            workspace="/" if chosen.container != "none" else shlex.quote(self.root),
            environment={self._variable(name): self._value(name, value) for name, value in self._environment().items()},
            steps=steps,
            retries=RETRIES,
            program=self._line(job.argv, srun if steps else []),
            again=self._line(job.again or job.argv, srun if steps else []),
            preflight=shlex.join([*srun, *python, *self.check]) if self.check else "",
            judge=shlex.join(judge),
            ray=shlex.join(ray),
            srun=f"{STEP} --overlap --ntasks-per-node=1",
            ray_step=shlex.join(step),
        )

    @property
    def _contained(self) -> bool:
        return self.chosen.container != "none"

    def resources(self) -> list[str]:
        """What is asked of Slurm, as options of srun."""
        return [f"--cpus-per-task={self.chosen.cpus}", *_wanted(self.job, replace(self.chosen, time=None, memory=None))]

    @property
    def python(self) -> str:
        return "python3" if self._contained else self.chosen.python or sys.executable

    def _beside(self, program: str) -> str:
        """A console script of the nodes' environment."""
        return program if self._contained else str(Path(self.python).parent / program)

    def _environment(self) -> dict[str, str]:
        """The variables of the job, with paths as it sees them."""
        key = f"{SECRETS if self._contained else self.folder}/{seal.NAME}"
        own = {seal.PLACE: key} if is_ours(self.job) else {}
        place = dict(containers.HOME) if self._contained else {"TLTPIPE_WORKSPACE": self.root}
        interface = {"TLTPIPE_INTERFACE": self.chosen.interface} if self.chosen.interface else {}
        return {**place, **self.job.environment, **own, **interface}

    def _variable(self, name: str) -> str:
        """By what name a variable is set, for a program that finds it as ``name``."""
        return f"APPTAINERENV_{name}" if self.chosen.container == "apptainer" else name

    def _value(self, name: str, value: str) -> str:
        return self._contents(f"{name}{SECRET}") if name in self.hidden else shlex.quote(value)

    def _contents(self, file: str) -> str:
        return f'"$(cat {shlex.quote(str(self.folder / file))})"'

    def _line(self, argv: Sequence[str | Secret], srun: Sequence[str]) -> str:
        """What the shell is to run. A secret is read from its file when the program starts, in a container by a shell
        of the container's."""
        if self._contained:
            line = shlex.join([*self._apptainer(), *containers.command(tuple(argv))])
        else:
            words = [self._contents(w.name) if isinstance(w, Secret) else shlex.quote(w) for w in argv]
            line = " ".join([shlex.quote(self._beside(str(argv[0]))), *words[1:]])
        if not srun:
            return line
        rank = "export NODE_RANK=$SLURM_NODEID; exec " if self.job.nodes > 1 else "exec "
        waiting = ["--kill-on-bad-exit=0", "--wait=60"] if self.job.nodes > 1 else []
        return shlex.join([*srun, *waiting, "sh", "-c", rank + line])

    def _apptainer(self) -> list[str]:
        if self.chosen.container != "apptainer":
            return []
        image = self.job.image or ""
        source = image if image.endswith(IMAGE_FILES) or "://" in image else f"docker://{image}"
        mounts = [f"{m.source}:{m.target}{':ro' if m.read_only else ''}" for m in self._mounts()]
        words = ["apptainer", "exec", *(["--nv"] if self.job.gpus else []), "--no-home", f"--pwd={self.root}"]
        return [*words, *(f"--bind={mount}" for mount in mounts), *self.chosen.container_options, source]

    def _pyxis(self) -> list[str]:
        if self.chosen.container != "pyxis":
            return []
        mounts = ",".join(f"{m.source}:{m.target}{':ro' if m.read_only else ''}" for m in self._mounts())
        variables = [*self._environment(), *(["NNODES", "MASTER_ADDR", "MASTER_PORT"] if self.job.nodes > 1 else [])]
        return [
            f"--container-image={_enroot(self.job.image or '')}",
            f"--container-mounts={mounts}",
            f"--container-workdir={self.root}",
            f"--container-env={','.join(variables)}",  # or the image's own values would win
            "--no-container-mount-home",
            *self.chosen.container_options,
        ]

    def _mounts(self) -> tuple[Mount, ...]:
        """Those of the job, and its folder, with the keys."""
        return (*self.mounts, Mount(self.folder, SECRETS, read_only=True), Mount(self.folder, str(self.folder)))


def array(jobs: Sequence[Job], chosen: Slurm, comment: str, tasks: Path) -> str:
    """The script of an array of ``jobs``, which are alike in what they need; the folder ``tasks`` leads to each one's
    by its number."""
    limit = f"%{chosen.array_limit}" if chosen.array_limit else ""
    header = _header(jobs[0], chosen, comment, tasks / "%a" / "log") | {"array": f"0-{len(jobs) - 1}{limit}"}
    return _template().render(**header, after="", tasks=shlex.quote(str(tasks)))


def fans_out_by_ray(job: Job, chosen: Slurm) -> bool:
    """Whether the items of ``job`` go to Ray on the nodes of its own allocation."""
    return job.fans_out and chosen.ray_nodes > 1


def is_ours(job: Job) -> bool:
    """Whether its program is one of ours, which finds the key of this user in a file."""
    return seal.PLACE in job.environment


def _header(job: Job, chosen: Slurm, comment: str, log: Path) -> dict[str, Any]:
    """What of the template says what Slurm is asked for. In a path % starts a pattern of Slurm's, but for %a."""
    return {
        "name": submitted.short_name(job),
        "comment": comment,
        "log": _spelt(str(log).replace("%", "%%").replace("/%%a/", "/%a/")),
        "nodes": chosen.ray_nodes if fans_out_by_ray(job, chosen) else job.nodes,
        "gpus": job.gpus,
        "chosen": chosen,
        "wanted": [_spelt(word) for word in _wanted(job, chosen)],
        "options": [_one_line(option) for option in chosen.options],
        "resumes": bool(job.again),
        "array": "",
    }


def _wanted(job: Job, chosen: Slurm) -> list[str]:
    """The options of sbatch and srun for what is chosen, and for the GPUs of ``job``."""
    named = {"partition": chosen.partition, "account": chosen.account, "qos": chosen.qos, "time": chosen.time}
    named |= {"mem": chosen.memory}
    gpus = f"gpu:{chosen.gpu_type}:" if chosen.gpu_type else "gpu:"
    return [
        *(f"--{name}={value}" for name, value in named.items() if value),
        *([f"--gres={gpus}{job.gpus}"] if job.gpus else []),
    ]


def _spelt(word: str) -> str:
    """``word`` as an #SBATCH line has it. Raises UsageError for what cannot be spelt there."""
    if "\\" in word:
        raise UsageError(f"Slurm takes no backslash: {word}", hint="choose another name for this folder or setting")
    return shlex.quote(_one_line(word))


def _one_line(text: str) -> str:
    """``text``, as an #SBATCH line ends where its line does."""
    if not text.isprintable():
        what = f"Slurm takes no line breaks and the like: {text!r}"
        raise UsageError(what, hint="choose another name for this folder or setting; options go one by one")
    return text


def _enroot(image: str) -> str:
    """``image`` as enroot spells it: the registry apart from the rest."""
    registry, slash, rest = image.partition("/")
    remote = slash and ("." in registry or ":" in registry) and not image.endswith(IMAGE_FILES)
    return f"{registry}#{rest}" if registry and remote and "://" not in image and "#" not in image else image


@cache
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    places = FileSystemLoader(Path(__file__).parent)  # of a shell script, in which every value is quoted for the shell
    environment = Environment(
        loader=places, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    return environment.get_template("script.sh.j2")
