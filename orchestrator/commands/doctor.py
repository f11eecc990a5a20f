"""Whether this machine has what it takes: one line a thing, each with what to do."""

from __future__ import annotations

import json
import platform
import secrets
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from orchestrator import session
from orchestrator.jobs.checks import Check
from orchestrator.run import Run
from orchestrator.runners import Cluster
from tltpipe import machine, registry
from tltpipe.errors import HostError, TltpipeError

ROOM = 5 * 2**30
"""Bytes that a small data set, its copies and a model need."""


def examine(run: Run) -> list[Check]:
    """All checks; those of runners that were not chosen are for information only."""
    checks = [_python(), _writable(run.workspace.root), _room(run.workspace.root)]
    checks += [*_libraries(), _weights(run), *_fit(run)]
    for name in registry.names("orchestrator.runners"):
        try:
            runner = session.open_runner(name, run.config, run.workspace, run.toolkit)
            found = runner.checks()
        except TltpipeError as error:
            found = [Check(name, ok=False, found=error.what, hint=error.hint)]
        chosen = name == run.config.runner
        checks += [replace(c, name=f"{name}: {c.name}", needed=c.needed and chosen) for c in found]
    if isinstance(run.runner, Cluster) and not any(check.needed and not check.ok for check in checks):
        checks += _nodes(run, run.runner)
    return checks


def _nodes(run: Run, runner: Cluster) -> list[Check]:
    """A check for each node of the chosen runner, by what a job on it says (tltpipe.preflight)."""
    from tltpipe import files, preflight

    folder, name = run.workspace.jobs.parent / f"preflight-{secrets.token_hex(3)}", f"{run.config.runner}: nodes"
    try:
        files.refuse_links(run.workspace.root, [folder])
        nodes = runner.on_each_node(preflight.begin(folder, run.workspace.root))
        verdict = preflight.judge(folder, nodes)
    except HostError as error:
        return [Check(name, ok=False, found=error.what, hint=error.hint)]
    finally:
        files.remove(folder)
    sound = [Check(name, ok=True, found=sentence) for sentence in verdict.sound]
    return sound + [Check(name, ok=False, found=sentence) for sentence in verdict.faults]


def _fit(run: Run) -> list[Check]:
    """Whether the chosen runner can serve the chosen toolkit."""
    what = session.misfit(run.config, run.toolkit, run.runner)
    return (
        [] if what is None else [Check("toolkit", ok=False, found=what, hint="--runner docker, or toolkit: embedded")]
    )


def _weights(run: Run) -> Check:
    """The pretrained weights that training starts from; without any it takes far more pictures and epochs."""
    import specs
    from orchestrator.stages.train import Training

    given, network = run.config.section(Training).weights, run.config.network
    advice = specs.pretrained(network, run.config.tunables[network])
    hint = advice and f"for a better detector from fewer pictures: {advice}"
    if given is None:
        return Check("pretrained weights", ok=False, found="none: training starts at random", hint=hint, needed=False)
    there = (run.workspace.root / given).is_file()
    return Check("pretrained weights", ok=there, found=given if there else f"{given} is not there", hint=hint)


def _python() -> Check:
    ok = sys.version_info >= (3, 11)
    return Check("Python", ok, f"{platform.python_version()}, {sys.executable}", "tltpipe needs Python 3.11 or newer")


def _writable(root: Path) -> Check:
    try:
        with tempfile.TemporaryFile(dir=root):
            return Check("workspace", ok=True, found=f"{root} can be written")
    except OSError as refusal:
        found = f"{root} cannot be written: {refusal.strerror}"
        return Check("workspace", ok=False, found=found, hint="check its owner, or choose another with --workspace")


def _room(root: Path) -> Check:
    free = shutil.disk_usage(root).free
    told = f"{free / 2**30:.1f} GiB free, {machine.cpu_count()} cores"
    return Check("disk", free >= ROOM, told, f"{ROOM / 2**30:.0f} GiB are wise", needed=False)


SECONDS = 120.0
"""How long the query may take: the first import of PyTorch on a cold disk is slow."""

# In a process of its own: libraries that do not fit each other can end one that imports them.
_SCRIPT = """
import json
answer = {}
try:
    import torch
    answer["torch"], answer["cuda"] = torch.__version__, torch.version.cuda
    cards = range(torch.cuda.device_count()) if torch.cuda.is_available() else ()
    answer["gpus"] = [[torch.cuda.get_device_name(n), torch.cuda.get_device_properties(n).total_memory] for n in cards]
except ModuleNotFoundError:
    pass
except Exception as error:
    answer["torch_error"] = f"{type(error).__name__}: {error}"
try:
    import onnxruntime
    answer["onnxruntime"], answer["providers"] = onnxruntime.__version__, onnxruntime.get_available_providers()
except ModuleNotFoundError:
    pass
except Exception as error:
    answer["onnxruntime_error"] = f"{type(error).__name__}: {error}"
print(json.dumps(answer))
"""


def _libraries() -> list[Check]:
    """A check for each; none of them is needed by all commands."""
    answer = _query()
    return [_torch(answer), _gpu(answer), _onnxruntime(answer)]


def _query() -> dict[str, Any]:
    try:
        command = [sys.executable, "-P", "-c", _SCRIPT]
        result = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        answer: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    except (OSError, subprocess.TimeoutExpired, ValueError, IndexError):
        return {"torch_error": "it cannot be imported", "onnxruntime_error": "it cannot be imported"}
    return answer


def _torch(answer: dict[str, Any]) -> Check:
    hint = "train, evaluate and infer need it: pip install 'tltpipe[runtime]'"
    if "torch" not in answer:
        return Check("PyTorch", ok=False, found=answer.get("torch_error", "not installed"), hint=hint, needed=False)
    built = f"CUDA {answer['cuda']}" if answer["cuda"] else "built without CUDA"
    return Check("PyTorch", ok=True, found=f"{answer['torch']}, {built}", needed=False)


def _gpu(answer: dict[str, Any]) -> Check:
    if "torch" not in answer:
        hint = "with PyTorch there, this says what it sees; nvidia-smi asks the driver"
        return Check("GPU", ok=False, found="unknown without PyTorch", hint=hint, needed=False)
    cards = [f"{name}, {memory / 2**30:.0f} GiB" for name, memory in answer.get("gpus", ())]
    hint = "training runs on the CPU; with a GPU there, look at the driver (nvidia-smi) and at PyTorch's CUDA"
    if not cards and answer.get("torch") and not answer.get("cuda"):
        hint = "training runs on the CPU; this PyTorch was built without CUDA: https://pytorch.org/get-started/locally"
    return Check("GPU", ok=bool(cards), found="; ".join(cards) or "PyTorch sees none", hint=hint, needed=False)


def _onnxruntime(answer: dict[str, Any]) -> Check:
    hint = "export to ONNX needs it: pip install 'tltpipe[export]'"
    if "onnxruntime" not in answer:
        missing = answer.get("onnxruntime_error", "not installed")
        return Check("ONNX Runtime", ok=False, found=missing, hint=hint, needed=False)
    providers = ", ".join(name.removesuffix("ExecutionProvider") for name in answer["providers"])
    return Check("ONNX Runtime", ok=True, found=f"{answer['onnxruntime']}, for {providers}", needed=False)
