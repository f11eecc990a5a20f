"""Sums and collections over two real processes, their gradients, and that one process is left alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.torch

torch = pytest.importorskip("torch")

from runtime.machine import processes
from tltpipe.errors import DataError


def together(rank: int, meeting: str, answers: str) -> None:
    """What process ``rank`` of two finds out; the first writes down both."""
    torch.distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=2)
    given = torch.tensor([1.0, 2.0]) * (rank + 1)
    given.requires_grad_()
    total = processes.all_sum(given)
    # The loss of both processes is that of the whole batch: (3 + 6) ** 2 in each.
    (total.sum() ** 2).backward()
    found: dict[str, Any] = {
        "size": processes.world_size(),
        "rank": processes.rank(),
        "total": total.tolist(),
        "gradient": given.grad.tolist(),
        "given": given.tolist(),
        "gathered": processes.all_gather(torch.arange(2 + rank, dtype=torch.int64) + 10 * rank).tolist(),
        "none": processes.all_gather(torch.ones(0 if rank else 1, 3)).tolist(),
    }
    torch.distributed.all_gather_object = None  # it would unpickle what the network brings
    processes.require_agreement({"steps": 6})
    try:
        processes.require_agreement({"images": 8, "steps": 6 + rank})
    except DataError as error:
        found["disagrees"] = error.what
    processes.note(f"step {rank}")
    torch.distributed.barrier()
    found["notes"] = processes.notes()
    if rank == 0:
        with processes.alone():
            # The other process is not asked; waiting for it would never end.
            found["alone"] = (processes.world_size(), processes.all_sum(torch.ones(1)).item())
    torch.save(found, f"{answers}/{rank}.pt")
    torch.distributed.destroy_process_group()


def test_two_processes_know_the_sum_and_its_gradient(tmp_path: Path) -> None:
    torch.multiprocessing.spawn(together, (str(tmp_path / "meeting"), str(tmp_path)), nprocs=2)
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2))
    for found in (first, second):
        assert found["size"] == 2
        assert found["total"] == [3.0, 6.0]
        assert found["gathered"] == [0, 1, 10, 11, 12]
        assert found["none"] == [[1.0, 1.0, 1.0]]
        assert found["disagrees"].startswith("steps differs: 7 for process 1 (")
        assert found["notes"] == {0: "step 0", 1: "step 1"}
        # The derivative of the sum of both losses; their average over two processes is that of the whole batch, 18.
        assert found["gradient"] == [36.0, 36.0]
    assert (first["rank"], second["rank"]) == (0, 1)
    assert (first["given"], second["given"]) == ([1.0, 2.0], [2.0, 4.0])
    assert first["alone"] == (1, 1.0)


def test_one_process_gets_back_what_it_gave() -> None:
    given = torch.ones(3)
    assert (processes.world_size(), processes.rank()) == (1, 0)
    assert processes.all_sum(given) is given
    assert processes.all_gather(given) is given
    processes.require_agreement({"steps": 6})
    assert processes.notes() == {}
