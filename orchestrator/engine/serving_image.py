"""The image that serves models: ``tlt-serve``, ONNX Runtime and the models themselves, without PyTorch."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from orchestrator.engine import image
from orchestrator.screen.report import Report
from tltpipe import __version__, files
from tltpipe.errors import ModelError, UsageError

TAG = f"tltpipe-serve:{__version__}"
DOCKERFILE = "docker/serve.Dockerfile"
EXTRAS = "serve"
FOLDER = "models"
"""In the context, and at the root of the image."""


def build(report: Report, models: Sequence[Path], *, tag: str = TAG, base_image: str | None = None) -> str:
    """Build ``tag`` and return its id; it starts with ``models``, exported ones, or with those that its caller mounts.

    Raises as ``contents`` and ``image.build`` do.
    """
    added = contents(models)
    return image.build(report, tag=tag, base_image=base_image, extras=EXTRAS, dockerfile=DOCKERFILE, added=added)


def contents(models: Sequence[Path]) -> dict[str, bytes]:
    """What the image of ``models`` is built from beside our sources, by the name in the context.

    Raises UsageError for two models of one name, ModelError for one that is not ONNX or lacks its JSON.
    """
    found = {f"{FOLDER}/{path.name}": path.read_bytes() for model in models for path in _files(model)}
    names = [model.name for model in models]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f'two models are called "{twice}"', hint="rename one of them, and the JSON beside it")
    sums = "".join(f"{files.sha256(path)}  {path.name}\n" for model in models for path in _files(model))
    return {DOCKERFILE: _dockerfile(names), **found, f"{FOLDER}/SHA256SUMS": sums.encode()}


def _files(model: Path) -> tuple[Path, Path]:
    """An exported model and the JSON beside it."""
    if model.suffix != ".onnx":
        hint = "tltpipe export makes a model for ONNX Runtime of a checkpoint; the image has no PyTorch"
        raise ModelError("only ONNX models go into the image that serves", where=model, hint=hint)
    pair = model, model.with_name(f"{model.name}.json")
    if missing := next((path for path in pair if not path.is_file()), None):
        raise ModelError(
            "not found", where=missing, hint="a model and its JSON are what `tltpipe export` wrote together"
        )
    return pair


def _dockerfile(names: Sequence[str]) -> bytes:
    """Ours, and the command that serves the models with these names."""
    text = image.sources()[DOCKERFILE].read_text("utf-8")
    return f"{text}\nCMD {json.dumps([f'/{FOLDER}/{name}' for name in names])}\n".encode() if names else text.encode()


def commands(tag: str) -> Mapping[str, str]:
    """How the image is run: a token, and the container."""
    return {
        "token": "openssl rand -hex 24 > token",
        "run": f"docker run --rm --read-only -p 127.0.0.1:8000:8000 -v ./token:/run/secrets/token:ro {tag}",
    }
