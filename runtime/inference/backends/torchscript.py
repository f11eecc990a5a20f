"""TorchScript programs that tlt-export wrote."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from runtime.inference.backends._cards import read, seeing
from tltpipe.errors import ModelError

if TYPE_CHECKING:
    from runtime.inference.backends import ModelRequest
    from runtime.inference.backends._torch import Dense

SUFFIXES = frozenset({".pt", ".ts", ".torchscript"})


def open(path: Path, request: ModelRequest) -> Dense:
    from runtime.inference.backends import _torch
    from runtime.machine import device
    from runtime.networks.ssd.export.core import quiet

    device.require_torch()
    card = read(path, request, "torchscript")
    import torch

    where = _torch.place(request.device)
    try:
        with quiet():
            program = torch.jit.load(str(path), map_location=where)  # type: ignore[no-untyped-call]
    except Exception as failure:  # torch raises whatever its reader came upon
        hint = "export it again; the file may be cut short or damaged"
        raise ModelError("torch cannot read it as TorchScript", where=path, hint=hint) from failure
    return _torch.Dense(program, card, request, about="TorchScript", load_image=seeing(card), device=where)
