"""NVIDIA TAO 5: networks and data services in an image each, augmentation by YAML, SSD trained on records for DALI."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from orchestrator.jobs import At, Augment, Evaluate, Export, Infer, Request, Secret
from orchestrator.jobs.images import Needs
from orchestrator.toolkits import tlt2, tlt3
from tltpipe.errors import UsageError

IMAGES: tuple[str, ...] = (
    "nvcr.io/nvidia/tao/tao-toolkit:5.0.0-tf1.15.5",
    "nvcr.io/nvidia/tao/tao-toolkit:5.0.0-data-services",
)
# CUDA 12.0, which has no code for GPUs after Hopper
_CUDA_12 = Needs(driver=525, data_centre_driver=450, capabilities=(6.0, 9.0), room=100)
NEEDS: Mapping[str, Needs] = dict.fromkeys(IMAGES, _CUDA_12)
CONTAINED = True
SPECS: Final[Mapping[str, str]] = {**tlt3.SPECS, "augment": "augment.tao5.yaml.j2"}
ENVIRONMENT: Mapping[str, str] = {**tlt3.ENVIRONMENT, "TELEMETRY_OPT_OUT": "1"}
MOUNTS_FILES: tuple[str, ...] = (".tao_mounts.json",)
IMAGE_EXTENSIONS = tlt3.IMAGE_EXTENSIONS
EXPORTS: Mapping[str, str] = {"onnx": ".onnx"}
FAILED: str | None = tlt3.FAILED
UNQUOTED = True

KEY: Final = Secret("key", optional=True)
CHECKPOINT_SUFFIX = ".hdf5"
OURS = ".safetensors"
"""Where our image stands in for NVIDIA's, and no key is given."""
SEALED = b"TLTPIPE"
"""What a checkpoint of ours under a key begins with (docs/checkpoints.md)."""
_CHECKPOINT = re.compile(r"_epoch_(\d+)\.(?:hdf5|tlt|safetensors)$")

Evaluation, evaluation = tlt3.Evaluation, tlt3.evaluation
tick, final_epoch, resumes, gpus, fans_out = tlt3.tick, tlt3.final_epoch, tlt3.resumes, tlt3.gpus, tlt3.fans_out


def image(request: Request) -> str:
    networks, data_services = IMAGES
    return data_services if isinstance(request, Augment) else networks


def trained_on(network: str) -> str:  # noqa: ARG001 (the protocol's signature)
    return "dali"


def template(kind: str) -> str | None:
    return SPECS.get(kind)


def argv(request: Request, at: At) -> tuple[str | Secret, ...]:
    """TLT 3.0's line where TAO 5 has not changed it. A key is for models of earlier generations alone."""
    match request:
        case Augment():
            return _augment(request, at)
        case Infer():
            # It makes images_annotated and labels itself, below the one folder that it is given.
            line = tlt3.argv(request, at)
            return _line(_without(_without(line, "-o"), "-l"), "-r", at(request.drawn.parent))
        case Evaluate(results=Path() as results):
            return _line(tlt3.argv(request, at), "-r", at(results))
        case Export():
            return _export(request, at)
    return _line(tlt3.argv(request, at))


def _line(words: tuple[str | Secret, ...], *more: str) -> tuple[str | Secret, ...]:
    """``words`` with the key only where there is one, and ``more``."""
    return (*(KEY if word == tlt2.KEY else word for word in words), *more)


def _without(words: tuple[str | Secret, ...], flag: str) -> tuple[str | Secret, ...]:
    place = words.index(flag)
    return words[:place] + words[place + 2 :]


def _augment(request: Augment, at: At) -> tuple[str, ...]:
    tlt2.refuse_choices(request, "TAO 5's augmentation")
    given = {
        "data.image_dir": at(request.dataset / "image"),
        "data.ann_path": at(request.dataset / "label"),
        "data.output_dataset": at(request.output),
        "results_dir": at(request.output),  # which counts where a spec has it
    }
    return ("augmentation", "generate", "-e", at(request.spec), *(f"{key}={value}" for key, value in given.items()))


def _export(request: Export, at: At) -> tuple[str | Secret, ...]:
    if request.data_type != "fp32" or request.calibration is not None:
        what = f"TAO 5 exports fp32 alone, not {request.data_type}"
        hint = (
            "a TensorRT engine is made of it with less precision: trtexec --onnx=MODEL --fp16; or use our own programs"
        )
        raise UsageError(what, hint=hint)
    files = ("-m", at(request.model), "-o", at(request.output), "-e", at(request.spec), "-k", KEY)
    return (request.network, "export", *files, *tlt2.spelled(request.options))


def pruned_suffix(model: Path, *, key: bool) -> str:  # noqa: ARG001 (the protocol's signature)
    """NVIDIA's ends a name that ends otherwise in .hdf5, and then looks for the file by the name that was given."""
    return model.suffix if model.suffix == OURS or _is_sealed(model) else CHECKPOINT_SUFFIX


def _is_sealed(model: Path) -> bool:
    if not model.is_file():
        return False
    with model.open("rb") as stream:
        return stream.read(len(SEALED)) == SEALED


def checkpoint(results: Path, epoch: int) -> Path | None:
    return tlt2.checkpoint(results, epoch, named=_CHECKPOINT)


def resume_point(results: Path) -> tuple[Path, int] | None:
    return tlt2.resume_point(results, named=_CHECKPOINT)
