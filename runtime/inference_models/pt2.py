"""Programs of torch.export that tlt-export wrote."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from runtime.inference_models._cards import read, seeing
from tltpipe.errors import ModelError

if TYPE_CHECKING:
    from runtime.inference_models import Wanted
    from runtime.inference_models._torch import Dense

SUFFIXES = frozenset({".pt2"})


def open(path: Path, wanted: Wanted) -> Dense:
    from runtime import device
    from runtime.exporting.core import quiet
    from runtime.inference_models import _torch

    device.require_torch()
    card = read(path, wanted, "pt2")
    import torch

    where = _torch.place(wanted.device)
    try:
        with quiet():
            program = torch.export.load(path).module().to(where)
    except Exception as failure:  # torch raises whatever its reader came upon
        hint = "export it again; the file may be cut short or damaged"
        raise ModelError("torch cannot read it as an exported program", where=path, hint=hint) from failure
    return _torch.Dense(program, card, wanted, about="torch.export", see=seeing(card), device=where)
