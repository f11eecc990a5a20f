"""TorchScript, for LibTorch and older PyTorch: boxes and scores of all anchors."""

from __future__ import annotations

from pathlib import Path

from runtime.exporting.subject import Made, Subject, label_names, labels_file, pictures
from tltpipe.errors import ExportError

ABOUT = "TorchScript, decoding inside"
SUFFIXES = (".pt", ".ts", ".torchscript")
DATA_TYPES = ("fp32",)
NEEDS = ()


def write(subject: Subject, path: Path) -> Made:
    import torch

    from runtime.exporting import dense
    from runtime.networks.ssd.export.core import quiet

    try:
        with torch.no_grad(), quiet():
            program = torch.jit.trace(  # type: ignore[no-untyped-call]
                dense.Dense(subject.detector).eval(), dense.example(subject), check_trace=False
            )
            torch.jit.freeze(program).save(str(path))
    except Exception as failure:  # torch raises whatever its tracer came upon
        first = str(failure).strip().partition("\n")[0]
        raise ExportError(f"torch cannot write this network as TorchScript: {first}") from failure
    return Made(pictures(subject), dense.outputs(subject), labels_file(label_names(subject, first=0)))
