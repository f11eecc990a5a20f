"""Checkpoints: whole or not there, and a clear word on any file that is not one."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime import checkpoint
from runtime.checkpoint import Checkpoint
from tltpipe.errors import HostError, ModelError

pytestmark = pytest.mark.torch

torch = pytest.importorskip("torch")


def net(width: int = 4) -> torch.nn.Module:
    return torch.nn.Sequential(torch.nn.Conv2d(3, width, 1), torch.nn.BatchNorm2d(width), torch.nn.Conv2d(width, 2, 1))


def of(model: torch.nn.Module, *, epoch: int = 5, network: str = "ssd_resnet18") -> Checkpoint:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    sum(weights.sum() for weights in model.parameters()).backward()
    optimizer.step()
    return Checkpoint(network, ("circle", "square"), epoch, model.state_dict(), optimizer.state_dict(), "spec {}")


def saved(folder: Path, *, epoch: int = 5) -> Path:
    path = checkpoint.path_of(folder, "ssd_resnet18", epoch)
    checkpoint.save(path, of(net(), epoch=epoch))
    return path


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    model = net()
    given = of(model)
    path = checkpoint.path_of(tmp_path, "ssd_resnet18", 5)
    checkpoint.save(path, given)
    loaded = checkpoint.load(path)
    assert path.name == "ssd_resnet18_epoch_005.tlt"
    assert (loaded.network, loaded.classes, loaded.epoch, loaded.spec) == (
        given.network,
        given.classes,
        5,
        "spec {}",
    )
    other = net()
    checkpoint.restore(other, loaded, path)
    for name, value in model.state_dict().items():
        assert torch.equal(other.state_dict()[name], value)
    assert loaded.optimizer is not None
    assert loaded.optimizer["state"][0]["momentum_buffer"].shape == (4, 3, 1, 1)


def test_a_failed_save_leaves_the_old_file(tmp_path: Path) -> None:
    path = saved(tmp_path)
    before = path.read_bytes()

    class Unwritable:
        def __reduce__(self) -> tuple[object, ...]:
            raise OSError(28, "No space left on device")

    broken = Checkpoint("ssd_resnet18", (), 5, {"a": Unwritable()}, None, "")  # type: ignore[dict-item]
    with pytest.raises(HostError, match="No space left"):
        checkpoint.save(path, broken)
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "empty"),
        (b"\x89HDF\r\n\x1a\n and so on", "HDF5"),
        (bytes(range(200, 256)) * 20, "NVIDIA's .tlt files are encrypted"),
        (b"PK\x03\x04 but no archive", "cannot be read"),
    ],
)
def test_files_that_are_no_checkpoints(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "model.tlt"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=told) as caught:
        checkpoint.load(path)
    assert caught.value.exit_code == 4
    assert caught.value.where == path


def test_a_checkpoint_cut_short(tmp_path: Path) -> None:
    path = saved(tmp_path)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(ModelError, match="cannot be read"):
        checkpoint.load(path)


def test_a_torch_file_of_someone_else(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(ModelError, match="not a checkpoint of tlt-train"):
        checkpoint.load(tmp_path / "other.pth")


def test_nothing_in_a_checkpoint_is_executed(tmp_path: Path) -> None:
    class Malice:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "touched",))

    torch.save({"format": checkpoint.FORMAT, "model": Malice()}, tmp_path / "bad.tlt")
    with pytest.raises(ModelError):
        checkpoint.load(tmp_path / "bad.tlt")
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize("given", ["missing.tlt", "."])
def test_no_file_at_all(tmp_path: Path, given: str) -> None:
    with pytest.raises(ModelError):
        checkpoint.load(tmp_path / given)


def test_another_network_or_other_classes(tmp_path: Path) -> None:
    path = saved(tmp_path)
    loaded = checkpoint.load(path)
    checkpoint.check(loaded, path, network="ssd_resnet18", classes=("circle", "square"))
    with pytest.raises(ModelError, match="holds ssd_resnet18, the spec describes ssd_mobilenet_v2"):
        checkpoint.check(loaded, path, network="ssd_mobilenet_v2", classes=("circle", "square"))
    with pytest.raises(ModelError, match="only in the checkpoint: square; only in the spec: star"):
        checkpoint.check(loaded, path, network="ssd_resnet18", classes=("circle", "star"))


def test_restoring_wants_every_layer(tmp_path: Path) -> None:
    path = saved(tmp_path)
    with pytest.raises(ModelError, match="do not fit"):
        checkpoint.restore(net(width=6), checkpoint.load(path), path)


def test_pretrained_weights_go_by_name_and_shape(tmp_path: Path) -> None:
    path = saved(tmp_path)
    loaded = checkpoint.load(path)
    wider = torch.nn.Sequential(*net()[:2], torch.nn.Conv2d(4, 7, 1), torch.nn.Linear(1, 1))
    fresh = wider[2].weight.clone()
    lines = checkpoint.transfer(wider, loaded, path)
    assert torch.equal(wider[0].weight, loaded.model["0.weight"])
    assert torch.equal(wider[2].weight, fresh)
    assert lines[0].startswith("pretrained weights: 7 of 11 tensors")
    assert "2.weight, 2.bias" in lines[1]
    assert "3.weight, 3.bias" in lines[2]
    with pytest.raises(ModelError, match="no layer of ssd_resnet18"):
        checkpoint.transfer(torch.nn.Linear(1, 1), loaded, path)


def test_the_newest_stays_and_multiples_of_the_interval(tmp_path: Path) -> None:
    for epoch in range(1, 8):
        checkpoint.path_of(tmp_path, "net", epoch).parent.mkdir(exist_ok=True)
        checkpoint.path_of(tmp_path, "net", epoch).touch()
        checkpoint.rotate(tmp_path, "net", epoch, interval=3)
    assert sorted(path.stem for path in (tmp_path / "weights").iterdir()) == [
        "net_epoch_003",
        "net_epoch_006",
        "net_epoch_007",
    ]


def test_checkpoints_of_an_earlier_run_step_aside(tmp_path: Path) -> None:
    for epoch in (2, 5, 100):
        checkpoint.path_of(tmp_path, "net", epoch).parent.mkdir(exist_ok=True)
        checkpoint.path_of(tmp_path, "net", epoch).touch()
    assert checkpoint.set_aside(tmp_path, "other", 1) is None
    assert checkpoint.set_aside(tmp_path, "net", 3) == tmp_path / "weights" / "earlier"
    assert [path.name for path in (tmp_path / "weights").glob("*.tlt")] == ["net_epoch_002.tlt"]
    assert len(list((tmp_path / "weights" / "earlier").iterdir())) == 2
