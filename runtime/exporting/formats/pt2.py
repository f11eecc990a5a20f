"""A program of torch.export, for PyTorch's own compilers: boxes and scores of all anchors."""

from __future__ import annotations

from pathlib import Path

from runtime.exporting.subject import Made, Subject, label_names, labels_file, pictures
from tltpipe import seal
from tltpipe.errors import ExportError

ABOUT = "torch.export, decoding inside"
SUFFIXES = (".pt2",)
DATA_TYPES = ("fp32",)
NEEDS = ()


def write(subject: Subject, path: Path) -> Made:
    import torch

    from runtime.exporting import dense
    from runtime.machine.quiet import quiet

    shapes = None if subject.batch else ({0: torch.export.Dim("batch")},)
    try:
        with torch.no_grad(), quiet():
            program = torch.export.export(
                dense.Dense(subject.detector).eval(), (dense.example(subject),), dynamic_shapes=shapes
            )
            torch.export.save(program, path)
    except Exception as failure:  # torch raises whatever its tracer came upon
        first = str(failure).strip().partition("\n")[0]
        raise ExportError(f"torch.export cannot write this network: {first}") from failure
    own = seal.write_beside(path)
    beside = {**labels_file(label_names(subject, first=0)), own.name: own.read_text()}
    return Made(pictures(subject), dense.outputs(subject), beside)
