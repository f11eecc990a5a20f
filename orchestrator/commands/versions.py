"""What this installation computes with: PyTorch, CUDA, GPUs, ONNX Runtime, each with its version."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from orchestrator.runners import Check

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


def checks() -> list[Check]:
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
