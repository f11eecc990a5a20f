"""Checkpoints: whole or not there, the same to the last bit, and a clear word on any file that is not one."""

from __future__ import annotations

import json
import math
import os
import random
import re
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from refusals import error_of

from runtime.weights import checkpoint
from runtime.weights.checkpoint import Checkpoint, Resume
from tltpipe.errors import ModelError

pytestmark = pytest.mark.torch

torch = pytest.importorskip("torch")
pytest.importorskip("cryptography")
safetensors = pytest.importorskip("safetensors")

from runtime.weights.checkpoint import encryption, tensor_file

KEY = "nvidia_tlt schlüssel"
BOTH = pytest.mark.parametrize("key", [None, KEY], ids=["open", "encrypted"])


def net(width: int = 4) -> torch.nn.Module:
    model = torch.nn.Sequential(torch.nn.Conv2d(3, width, 3), torch.nn.BatchNorm2d(width), torch.nn.Conv2d(width, 2, 1))
    return model.to(memory_format=torch.channels_last)


def of(model: torch.nn.Module, *, epoch: int = 5, network: str = "ssd_resnet18") -> Checkpoint:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    sum(weights.sum() for weights in model.parameters()).backward()
    optimizer.step()
    resume = Resume(optimizer.state_dict(), 5 * 85)
    return Checkpoint(network, ("circle", "square"), epoch, model.state_dict(), "spec {}", resume)


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys that are derived at once: what is tested is not how hard they are to guess."""
    monkeypatch.setattr(encryption, "SCRYPT", (10, 1, 1))


def saved(folder: Path, *, epoch: int = 5, key: str | None = None) -> Path:
    path = checkpoint.path_of(folder, "ssd_resnet18", epoch, encrypted=bool(key))
    checkpoint.save(path, of(net(), epoch=epoch), key)
    return path


def same(one: Any, other: Any) -> None:
    """Equal to the last bit and of the same kinds."""
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert list(one) == list(other)
        for key in one:
            same(one[key], other[key])
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for each, its in zip(one, other, strict=True):
            same(each, its)
    elif isinstance(one, torch.Tensor):
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        raw = [each.contiguous().reshape(-1).view(torch.uint8) for each in (one, other)]
        assert torch.equal(*raw)
    elif isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        assert one.tobytes() == other.tobytes()
    elif isinstance(one, float) and math.isnan(one):
        assert math.isnan(other)
    else:
        assert one == other
        assert not isinstance(one, float) or math.copysign(1, one) == math.copysign(1, other)


# --------------------------------------------------------------------------------------------------------- round trip


@BOTH
def test_what_is_saved_is_loaded(tmp_path: Path, key: str | None) -> None:
    model = net()
    given = of(model)
    path = checkpoint.path_of(tmp_path, "ssd_resnet18", 5, encrypted=bool(key))
    checkpoint.save(path, given, key)
    loaded = checkpoint.load(path, key)
    assert path.name == ("ssd_resnet18_epoch_005.tlt" if key else "ssd_resnet18_epoch_005.safetensors")
    assert (loaded.network, loaded.classes, loaded.epoch, loaded.spec) == (given.network, given.classes, 5, "spec {}")
    assert (loaded.pruned, loaded.metrics) == (False, {})
    same(dict(given.model), dict(loaded.model))
    same(given.resume.optimizer, loaded.resume.optimizer)
    assert loaded.resume.step == 425
    other = net()
    checkpoint.restore(other, loaded, path)
    for name, value in model.state_dict().items():
        assert torch.equal(other.state_dict()[name], value)


@BOTH
def test_every_dtype_comes_back_to_the_bit(tmp_path: Path, key: str | None) -> None:
    torch.manual_seed(3)
    model = {}
    for dtype in tensor_file.DTYPES.values():
        noise = torch.randint(0, 2 if dtype == torch.bool else 256, (6 * dtype.itemsize,), dtype=torch.uint8)
        model[f"layer.{dtype}"] = noise.view(dtype).reshape(2, 3)
    model |= {"scalar": torch.tensor(-0.0), "none": torch.empty(0, 3), "nan": torch.tensor([math.nan, math.inf])}
    model["view"] = torch.arange(24.0).reshape(2, 3, 4).permute(2, 0, 1)[1:]
    assert torch.bfloat16 in {tensor.dtype for tensor in model.values()}
    path = tmp_path / "model.any"
    checkpoint.save(path, Checkpoint("net", (), 1, model, ""), key)
    same(model, dict(checkpoint.load(path, key).model))


@BOTH
@pytest.mark.parametrize("kind", ["SGD", "Adam", "RMSprop"])
def test_training_goes_on_as_if_nothing_had_been(tmp_path: Path, kind: str, key: str | None) -> None:
    def made() -> tuple[torch.nn.Module, Any, Any]:
        torch.manual_seed(1)
        model = net()
        settings = {} if kind == "Adam" else {"momentum": 0.9}
        optimizer = getattr(torch.optim, kind)(model.parameters(), lr=1e-2, **settings)
        return model, optimizer, torch.amp.GradScaler("cpu", init_scale=8.0, growth_interval=2)

    def step(model: torch.nn.Module, optimizer: Any, scaler: Any) -> None:
        images = torch.randn(2, 3, 8, 8) + float(np.random.rand()) + random.random()
        optimizer.zero_grad()
        scaler.scale(model(images).square().mean()).backward()
        scaler.step(optimizer)
        scaler.update()

    model, optimizer, scaler = made()
    average = {name: value.clone().double() for name, value in model.state_dict().items()}
    for _ in range(3):
        step(model, optimizer, scaler)
    numbers = {
        "torch": torch.get_rng_state(),
        "numpy": np.random.get_state(),
        "generator": np.random.default_rng(7).bit_generator.state,
        "python": random.getstate(),
        "scaler": scaler.state_dict(),
    }
    resume = Resume(optimizer.state_dict(), 3, model.state_dict(), numbers)
    checkpoint.save(tmp_path / "c", Checkpoint("net", ("a",), 1, average, "", resume), key)
    for _ in range(3):
        step(model, optimizer, scaler)

    again, its_optimizer, its_scaler = made()
    loaded = checkpoint.load(tmp_path / "c", key)
    assert loaded.resume.weights is not None
    same(average, dict(loaded.model))
    same(numbers["generator"], loaded.resume.numbers["generator"])
    again.load_state_dict(dict(loaded.resume.weights))
    checkpoint.restore_optimizer(its_optimizer, loaded, tmp_path / "c")
    its_scaler.load_state_dict(loaded.resume.numbers["scaler"])
    torch.set_rng_state(loaded.resume.numbers["torch"])
    np.random.set_state(loaded.resume.numbers["numpy"])
    random.setstate(loaded.resume.numbers["python"])
    for _ in range(3):
        step(again, its_optimizer, its_scaler)
    same(dict(model.state_dict()), dict(again.state_dict()))
    same(scaler.state_dict(), its_scaler.state_dict())


def test_numbers_keep_their_kinds(tmp_path: Path) -> None:
    numbers = {
        "floats": [math.nan, math.inf, -math.inf, -0.0, 5e-324, 0.1],
        "long": 2**130 + 1,
        "tuple": (1, (None, True), [b"\x00\xff"]),
        3: {"1": "a", 1: "b", None: "c", (1, 2): "d"},
        "names": {"x/y": torch.zeros(1), "x": {"y": torch.ones(1)}},
        "array": np.arange(6, dtype=np.uint32).reshape(2, 3),
        "of words": "ä\udcff\n",
    }
    checkpoint.save(tmp_path / "c", Checkpoint("net", (), 1, {}, "", Resume({}, None, None, numbers)))
    loaded = checkpoint.load(tmp_path / "c").resume
    same(numbers, dict(loaded.numbers))
    with pytest.raises(TypeError, match="cannot hold a set"):
        checkpoint.save(tmp_path / "d", Checkpoint("net", (), 1, {}, "", Resume({}, 1, None, {"a": {1}})))
    assert not (tmp_path / "d").exists()


def test_the_order_of_memory_of_a_momentum_comes_back(tmp_path: Path) -> None:
    loaded = checkpoint.load(saved(tmp_path)).resume
    momentum = loaded.optimizer["state"][0]["momentum_buffer"]
    assert momentum.is_contiguous(memory_format=torch.channels_last)
    assert not momentum.is_contiguous()


def test_metrics_and_facts(tmp_path: Path) -> None:
    metrics = {"mAP": np.float32(0.5), "loss": math.nan, "AP": {"circle": torch.tensor(0.25), "square": 1}}
    path = checkpoint.path_of(tmp_path, "net", 3)
    checkpoint.save(path, Checkpoint("net", ("a", "b"), 3, {"x": torch.ones(2, 3)}, "one\ntwo\n", metrics=metrics))
    told = {"mAP": 0.5, "loss": None, "AP": {"circle": 0.25, "square": 1}}
    assert checkpoint.load(path).metrics == told
    assert checkpoint.facts(path)["metrics"] == told
    people = json.loads(path.with_suffix(".json").read_text())
    assert (people["epoch"], people["classes"], people["metrics"]) == (3, ["a", "b"], told)
    assert (people["numbers"], people["resumable"], people["spec"]) == (6, False, ["one", "two"])
    assert people["bytes"] == path.stat().st_size


def test_without_what_only_training_needs(tmp_path: Path) -> None:
    path = saved(tmp_path, key=KEY)
    loaded = checkpoint.load(path, KEY, resume=False)
    assert loaded.resume is None
    assert len(loaded.model) == 9
    with pytest.raises(ModelError, match="for inference"):
        checkpoint.restore_optimizer(torch.optim.SGD(net().parameters(), lr=1.0), loaded, path)


def test_an_open_checkpoint_is_a_file_for_everybody(tmp_path: Path) -> None:
    path = saved(tmp_path)
    loaded = checkpoint.load(path)
    with safetensors.safe_open(path, framework="pt") as opened:
        names = set(opened.keys())
        for name, tensor in loaded.model.items():
            assert torch.equal(opened.get_tensor(name), tensor)
        facts = json.loads(opened.metadata()["tltpipe"])
    assert names - set(loaded.model) == {f"resume/optimizer/state/{i}/momentum_buffer" for i in range(6)}
    assert (facts["network"], facts["classes"]) == ("ssd_resnet18", ["circle", "square"])


# ------------------------------------------------------------------------------------------------------------- saving


@BOTH
def test_a_failed_save_leaves_the_old_file(tmp_path: Path, key: str | None) -> None:
    path = saved(tmp_path, key=key)
    before = {entry: entry.read_bytes() for entry in path.parent.iterdir()}
    program = f"""
import resource, torch
from pathlib import Path
from runtime.weights import checkpoint
from runtime.weights.checkpoint import Checkpoint
resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))
try:
    checkpoint.save(Path({str(path)!r}), Checkpoint("n", (), 1, {{"a": torch.zeros(1_000_000)}}, ""), {key!r})
except checkpoint.storing.HostError as error:
    print(error, error.hint, error.exit_code)
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert f"{path}: this checkpoint could not be written: File too large" in ran.stdout
    assert ran.stdout.rstrip().endswith("6")
    assert {entry: entry.read_bytes() for entry in path.parent.iterdir()} == before


def test_two_saves_with_a_key_have_nothing_in_common(tmp_path: Path) -> None:
    given = of(net())
    for name in ("a", "b"):
        checkpoint.save(tmp_path / name, given, KEY)
    one, other = ((tmp_path / name).read_bytes() for name in ("a", "b"))
    assert one[12:28] != other[12:28]
    assert one[55:] != other[55:]
    assert b"ssd_resnet18" not in one
    assert b"circle" not in one
    assert not (tmp_path / "a.json").exists()


# ------------------------------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "empty"),
        (b"\x89HDF\r\n\x1a\n and so on", "HDF5"),
        (bytes(range(200, 256)) * 20, "NVIDIA's .tlt files are encrypted"),
        (b"PK\x03\x04 but no archive", "not a checkpoint of tlt-train"),
        (checkpoint.storing.PICKLE + b"and so on", "not a checkpoint of tlt-train"),
        (encryption.MAGIC, "cut short"),
        ((500).to_bytes(8, "little") + b"{}", "cut short|no sensible length"),
        ((2).to_bytes(8, "little") + b"{}", "not a checkpoint of tlt-train"),
        ((2).to_bytes(8, "little") + b"{]", "no JSON"),
        ((4).to_bytes(8, "little") + b'{"a"', "no JSON"),
    ],
)
def test_files_that_are_no_checkpoints(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "model.tlt"
    path.write_bytes(content)
    error = error_of(ModelError, checkpoint.load, path, KEY, match=told)
    assert error.exit_code == 4
    assert error.where == path


@pytest.mark.parametrize(
    ("member", "told"),
    [("model/code/__torch__.py", "a TorchScript program"), ("model/models/model.json", "a program of torch.export")],
)
def test_what_was_exported_is_no_checkpoint(tmp_path: Path, member: str, told: str) -> None:
    path = tmp_path / "model.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/data.pkl", b"")
        archive.writestr(member, b"")
    assert error_of(ModelError, checkpoint.load, path, match=f"{told}, not a checkpoint").where == path


@pytest.mark.parametrize(("key", "told"), [("wrong", "the key is not the one"), (None, "no key"), ("", "no key")])
def test_a_wrong_key_and_none(tmp_path: Path, key: str | None, told: str) -> None:
    path = saved(tmp_path, key=KEY)
    for read in (checkpoint.load, checkpoint.facts):
        error = error_of(ModelError, read, path, key, match=told)
        assert error.where == path
        assert "-k KEY" in str(error.hint)


def test_a_key_that_is_not_needed(tmp_path: Path) -> None:
    assert checkpoint.load(saved(tmp_path), "any").epoch == 5


@BOTH
def test_a_checkpoint_cut_short_anywhere(tmp_path: Path, key: str | None, cheap: None) -> None:
    path = saved(tmp_path, key=key)
    whole = path.read_bytes()
    for length in {*range(0, 80), *range(80, len(whole), max(1, len(whole) // 60)), len(whole) - 1}:
        path.write_bytes(whole[:length])
        with pytest.raises(ModelError):
            checkpoint.load(path, key)


@BOTH
def test_a_damaged_checkpoint_is_never_taken_for_whole(tmp_path: Path, key: str | None, cheap: None) -> None:
    """A few hundred mutations: what loads is what was saved, all else is one clear error."""
    given = of(net())
    path = tmp_path / "model"
    checkpoint.save(path, given, key)
    whole, chance = path.read_bytes(), random.Random(11)
    refused = 0
    for number in range(400):
        changed = bytearray(whole)
        # The header is small and everything hangs on it, so half of the mutations hit it.
        place = chance.randrange(min(len(whole), 3000) if number % 2 else len(whole))
        match number % 5:
            case 0 | 1:
                changed[place] ^= 1 << chance.randrange(8)
            case 2:
                changed[place : place + 4] = chance.randbytes(4)
            case 3:
                del changed[place : place + chance.randrange(1, 9)]
            case 4:
                changed[place:place] = chance.randbytes(chance.randrange(1, 9))
        path.write_bytes(changed)
        loaded = attempt(path, key)
        if isinstance(loaded, ModelError):
            assert loaded.where == path
            assert str(loaded).startswith(f"{path}: ")
            refused += 1
        else:
            same(dict(given.model), dict(loaded.model))
            assert (loaded.network, loaded.classes, loaded.spec) == (given.network, given.classes, given.spec)
    # What may be changed unseen is "pt" and the padding in an open file, nothing in an encrypted one.
    assert refused >= (400 if key else 390)


def attempt(path: Path, key: str | None) -> Checkpoint | ModelError:
    try:
        return checkpoint.load(path, key)
    except ModelError as error:
        return error


def test_parts_that_were_moved_dropped_repeated_or_added(tmp_path: Path, cheap: None) -> None:
    path = tmp_path / "big.tlt"
    checkpoint.save(path, Checkpoint("net", (), 1, {"a": torch.rand(1_000_000)}, ""), KEY)
    whole = path.read_bytes()
    part = (1 << 20) + 16
    head, parts = whole[:55], [whole[i : i + part] for i in range(55, len(whole), part)]
    assert len(parts) == 4
    one, two, three, four = parts
    damaged = {
        "swapped": [two, one, three, four],
        "dropped": [one, three, four],
        "repeated": [one, one, two, three, four],
        "added": [*parts, four],
        "byte": [*parts, b"x"],
        "last gone": [one, two, three],
        "none": [],
    }
    for order in damaged.values():
        path.write_bytes(head + b"".join(order))
        with pytest.raises(ModelError, match=r"cut short|damaged in part"):
            checkpoint.load(path, KEY)
    other = tmp_path / "other.tlt"
    checkpoint.save(other, Checkpoint("net", (), 1, {"a": torch.rand(1_000_000)}, ""), KEY)
    path.write_bytes(head + other.read_bytes()[55:])
    with pytest.raises(ModelError, match="damaged in part 1"):
        checkpoint.load(path, KEY)


def test_a_header_that_would_cost_gigabytes_is_refused(tmp_path: Path) -> None:
    header = bytearray(saved(tmp_path, key=KEY).read_bytes())
    header[8] = 31
    header[51:55] = encryption.CHECKSUM.pack(zlib.crc32(header[:51]))
    (tmp_path / "trap.tlt").write_bytes(header)
    with pytest.raises(ModelError, match="damaged"):
        checkpoint.load(tmp_path / "trap.tlt", KEY)


def test_torch_files_of_someone_else(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(3)}, tmp_path / "other.pth")
    torch.save({"weight": torch.zeros(3)}, tmp_path / "older.pth", _use_new_zipfile_serialization=False)
    for name in ("other.pth", "older.pth"):
        error = error_of(ModelError, checkpoint.load, tmp_path / name, match="not a checkpoint of tlt-train")
        assert "pretrained" in str(error.hint)
    safetensors_torch = pytest.importorskip("safetensors.torch")
    safetensors_torch.save_file({"weight": torch.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(ModelError, match="not a checkpoint of tlt-train"):
        checkpoint.load(tmp_path / "other.safetensors")


def test_nothing_in_a_checkpoint_is_executed(tmp_path: Path) -> None:
    class Malice:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "touched",))

    torch.save({"model": Malice()}, tmp_path / "bad.tlt")
    with pytest.raises(ModelError):
        checkpoint.load(tmp_path / "bad.tlt")
    assert not (tmp_path / "touched").exists()


@pytest.mark.parametrize("given", ["missing.tlt", "."])
def test_no_file_at_all(tmp_path: Path, given: str) -> None:
    with pytest.raises(ModelError):
        checkpoint.load(tmp_path / given)


# ---------------------------------------------------------------------------------------------------- into a detector


def test_another_network_or_other_classes(tmp_path: Path) -> None:
    path = saved(tmp_path)
    loaded = checkpoint.load(path)
    checkpoint.check(loaded, path, network="ssd_resnet18", classes=("circle", "square"))
    with pytest.raises(ModelError, match="holds ssd_resnet18, the spec describes ssd_mobilenet_v2"):
        checkpoint.check(loaded, path, network="ssd_mobilenet_v2", classes=("circle", "square"))
    with pytest.raises(ModelError, match="only in the checkpoint: square; only in the spec: star"):
        checkpoint.check(loaded, path, network="ssd_resnet18", classes=("circle", "star"))
    with pytest.raises(ModelError, match="another order"):
        checkpoint.check(loaded, path, network="ssd_resnet18", classes=("square", "circle"))


def test_restoring_wants_every_layer(tmp_path: Path) -> None:
    path = saved(tmp_path)
    loaded = checkpoint.load(path)
    with pytest.raises(ModelError, match="do not fit"):
        checkpoint.restore(net(width=6), loaded, path)
    with pytest.raises(ModelError, match="2 of its layers do not fit"):
        checkpoint.restore(torch.nn.Sequential(*net(), torch.nn.Linear(1, 1)), loaded, path)
    with pytest.raises(ModelError, match="2 of its layers do not fit"):
        checkpoint.restore(net()[:2], loaded, path)


def test_an_optimiser_of_other_layers(tmp_path: Path) -> None:
    path = saved(tmp_path)
    with pytest.raises(ModelError, match="learned other layers"):
        checkpoint.restore_optimizer(torch.optim.SGD(net()[:1].parameters(), lr=1.0), checkpoint.load(path), path)


# ---------------------------------------------------------------------------------------------------------- the folder


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "weights").iterdir() if path.is_file())


@pytest.mark.parametrize("encrypted", [False, True])
def test_the_newest_stays_and_multiples_of_the_interval(tmp_path: Path, encrypted: bool) -> None:
    for epoch in range(1, 8):
        path = checkpoint.path_of(tmp_path, "net", epoch, encrypted=encrypted)
        path.parent.mkdir(exist_ok=True)
        path.touch()
        if not encrypted:
            path.with_suffix(".json").touch()
        checkpoint.rotate(tmp_path, "net", epoch, interval=3)
    suffixes = [".tlt"] if encrypted else [".json", ".safetensors"]
    assert left(tmp_path) == [f"net_epoch_{epoch:03d}{suffix}" for epoch in (3, 6, 7) for suffix in suffixes]


def test_the_newest_is_found_by_its_number(tmp_path: Path) -> None:
    assert checkpoint.newest(tmp_path, "net") is None
    (tmp_path / "weights").mkdir()
    for name in ("net_epoch_009.safetensors", "net_epoch_1000.tlt", "net_epoch_100.tlt", "net_best.tlt"):
        (tmp_path / "weights" / name).touch()
    for name in ("other_epoch_2000.tlt", "net_epoch_3000.json", "net_epoch_4000.tlt.part", ".net_epoch_5000.tlt"):
        (tmp_path / "weights" / name).touch()
    assert checkpoint.newest(tmp_path, "net") == (tmp_path / "weights/net_epoch_1000.tlt", 1000)
    later = tmp_path / "weights/net_epoch_1000.safetensors"
    later.touch()
    os.utime(later, ns=(2**62, 2**62))
    assert checkpoint.newest(tmp_path, "net") == (later, 1000)


def test_the_best_is_a_link_that_outlives_the_epoch(tmp_path: Path) -> None:
    path = saved(tmp_path)
    best = checkpoint.keep_best(tmp_path, "ssd_resnet18", path)
    assert best == checkpoint.best_of(tmp_path, "ssd_resnet18")
    assert best.samefile(path)
    checkpoint.keep_best(tmp_path, "ssd_resnet18", path)
    path.unlink()
    assert checkpoint.load(best).epoch == 5
    assert json.loads(best.with_suffix(".json").read_text())["epoch"] == 5
    later = saved(tmp_path, epoch=6, key=KEY)
    best = checkpoint.keep_best(tmp_path, "ssd_resnet18", later)
    assert checkpoint.load(best, KEY).epoch == 6
    assert left(tmp_path) == ["ssd_resnet18_best.tlt", "ssd_resnet18_epoch_005.json", "ssd_resnet18_epoch_006.tlt"]


def test_where_there_are_no_links_the_best_is_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    path = saved(tmp_path)
    best = checkpoint.keep_best(tmp_path, "ssd_resnet18", path)
    assert not best.samefile(path)
    assert best.read_bytes() == path.read_bytes()


def test_checkpoints_of_an_earlier_run_step_aside(tmp_path: Path) -> None:
    for epoch in (2, 5, 100):
        for encrypted in (False, True):
            path = checkpoint.path_of(tmp_path, "net", epoch, encrypted=encrypted)
            path.parent.mkdir(exist_ok=True)
            path.touch()
        checkpoint.path_of(tmp_path, "net", epoch).with_suffix(".json").touch()
    assert checkpoint.set_aside(tmp_path, "other", 1) is None
    assert checkpoint.set_aside(tmp_path, "net", 101) is None
    assert checkpoint.set_aside(tmp_path, "net", 3) == tmp_path / "weights" / "earlier"
    assert left(tmp_path) == ["net_epoch_002.json", "net_epoch_002.safetensors", "net_epoch_002.tlt"]
    assert len(list((tmp_path / "weights" / "earlier").iterdir())) == 6
    for number in (2, 3):  # what stands aside stays, though names come again
        checkpoint.path_of(tmp_path, "net", 5).write_text(f"run {number}")
        aside = checkpoint.set_aside(tmp_path, "net", 3)
        assert aside == tmp_path / "weights" / f"earlier-{number}"
        assert (aside / "net_epoch_005.safetensors").read_text() == f"run {number}"
    assert (tmp_path / "weights/earlier/net_epoch_005.safetensors").read_bytes() == b""


@BOTH
def test_the_best_steps_aside_with_its_epoch(tmp_path: Path, key: str | None) -> None:
    best = checkpoint.keep_best(tmp_path, "ssd_resnet18", saved(tmp_path, epoch=5, key=key))
    saved(tmp_path, epoch=9, key=key)
    checkpoint.set_aside(tmp_path, "ssd_resnet18", 6, key=key)
    assert best.is_file()
    checkpoint.set_aside(tmp_path, "ssd_resnet18", 5, key=key)
    assert not best.exists()
    assert (best.parent / "earlier-2" / best.name).is_file()


# ------------------------------------------------------------------------------------------------------ as documented


def test_the_documented_ways_to_read_without_us(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = Path(__file__).parents[2] / "docs" / "checkpoints.md"
    reading, decrypting = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    weights = tmp_path / "weights"
    given = Checkpoint("ssd_resnet18", ("a",), 10, {"a": torch.rand(700_000), "b": torch.rand(3)}, "", of(net()).resume)
    checkpoint.save(checkpoint.path_of(tmp_path, "ssd_resnet18", 10, encrypted=True), given, "nvidia_tlt")
    monkeypatch.chdir(weights)
    exec(decrypting, {})
    found: dict[str, Any] = {}
    exec(reading, found)
    same(dict(given.model), {name: found["model"][name] for name in ("a", "b")})
    assert len(found["weights"]) > len(found["model"]) == 2
    same(dict(given.model), dict(checkpoint.load(weights / "ssd_resnet18_epoch_010.safetensors").model))
