"""A program of torch.export, for PyTorch's own compilers: boxes and scores of all anchors."""

from __future__ import annotations

from pathlib import Path

from runtime.networks.ssd.export import dense
from runtime.nn.export.subject import Made, Subject, images_input, label_names, labels_file
from tltpipe import seal
from tltpipe.errors import ExportError

ABOUT = "torch.export, decoding inside"
SUFFIXES = (".pt2",)
DATA_TYPES = ("fp32",)
NEEDS: tuple[str, ...] = ()
compare = dense.compare


def write(subject: Subject, path: Path) -> Made:
    import torch

    from runtime.machine.quiet import quiet
    from runtime.networks.ssd.export.heads import describe, model_of

    shapes = None if subject.batch else ({0: torch.export.Dim("batch")},)
    try:
        with torch.no_grad(), quiet():
            program = torch.export.export(
                dense.program(model_of(subject)).eval(), (dense.example(subject),), dynamic_shapes=shapes
            )
            torch.export.save(program, path)
    except Exception as failure:  # torch raises whatever its tracer came upon
        first = str(failure).strip().partition("\n")[0]
        raise ExportError(f"torch.export cannot write this network: {first}") from failure
    own = seal.write_beside(path)
    beside = {**labels_file(label_names(subject, first=0)), own.name: own.read_text()}
    heads = describe(model_of(subject), classes=len(subject.classes))
    return Made(images_input(subject), dense.outputs(heads), beside, heads.decoding())
