"""Programs of torch.export that tlt-export wrote."""

from __future__ import annotations

import os
from pathlib import Path

from runtime.inference.backends import ModelRequest
from runtime.inference.backends._cards import image_loader, read
from runtime.inference.backends._torch import Dense
from tltpipe import seal
from tltpipe.errors import ModelError

SUFFIXES = frozenset({".pt2"})


def open(path: Path, request: ModelRequest) -> Dense:
    from runtime.inference.backends import _torch
    from runtime.machine import device
    from runtime.machine.quiet import quiet

    device.require_torch()
    card = read(path, request, "dense")
    _require_trust(path)
    import torch

    where = _torch.place(request.device)
    try:
        with quiet():
            program = torch.export.load(path).module().to(where)
    except Exception as failure:  # torch raises whatever its reader came upon
        hint = "export it again; the file may be cut short or damaged"
        raise ModelError("torch cannot read it as an exported program", where=path, hint=hint) from failure
    return _torch.Dense(program, card, request, about="torch.export", load_image=image_loader(card), device=where)


def _require_trust(path: Path) -> None:
    """torch.export reads pickles and evaluates texts: a file from anyone could run anything. Raises ModelError."""
    if os.environ.get(seal.TRUST) != "1" and not seal.fits_beside(path):
        what = "a .pt2 file can run code when it is read, and this user did not export this one"
        hint = f"export it again from its checkpoint; or, if you trust whoever made it, set {seal.TRUST}=1"
        raise ModelError(what, where=path, hint=hint)
