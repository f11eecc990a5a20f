"""Frames to batches: order, shuffling, workers, scaling, errors on the way."""

from __future__ import annotations

import multiprocessing
import pickle
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from refusals import error_of

import specs
from runtime import networks
from runtime.data import batches as data
from runtime.data import frames
from runtime.data.orders import InOrder, Order
from runtime.imaging.decoding import Preprocess, decode
from runtime.networks.ssd.recipes import tlt2
from tltpipe.errors import DataError

CLASSES = ("circle", "square")


def prepared(path: Path, epochs: range = range(1, 3)) -> tuple[Order, data.Pictures]:
    spec = networks.recipe(specs.parse(path, "ssd"))
    return data.for_training(spec, frames.training(spec, CLASSES), epochs)


def test_every_picture_once_an_epoch_in_another_order() -> None:
    draws = list(Order(count=20, batch=5, epochs=range(1, 4), seed=1))
    assert len(draws) == 12
    orders = [[index for draw in draws if draw.epoch == epoch for index in draw.indices] for epoch in (1, 2, 3)]
    assert all(sorted(order) == list(range(20)) for order in orders)
    assert orders[0] != orders[1] != orders[2]
    assert [draw.place for draw in draws[:4]] == [0, 5, 10, 15]


def test_the_order_of_an_epoch_does_not_depend_on_where_the_run_began() -> None:
    whole = [draw for draw in Order(20, 3, range(1, 5), 1) if draw.epoch >= 3]
    assert whole == list(Order(20, 3, range(3, 5), 1))
    assert whole != [draw for draw in Order(20, 3, range(1, 5), 2) if draw.epoch >= 3]


@pytest.mark.parametrize("step", [0, 1, 4, 6])
def test_an_order_can_begin_at_any_step(step: int) -> None:
    sources = ((8, 2.0), (12, 1.0))
    whole = [draw for draw in Order(20, 3, range(1, 5), 1, sources=sources) if draw.epoch >= 3]
    rest = list(Order(20, 3, range(3, 5), 1, start_step=step, sources=sources))
    assert rest == whole[step:]
    assert len(rest) == 14 - step


def test_an_order_as_the_files_are() -> None:
    draws = list(Order(5, 2, range(1, 3), 1, shuffled=False))
    assert [draw.indices for draw in draws] == [(0, 1), (2, 3), (4, 0)] * 2


def test_the_last_batch_may_be_left_short() -> None:
    draws = list(Order(7, 3, range(1, 2), 1, filled=False))
    assert [len(draw.indices) for draw in draws] == [3, 3, 1]
    assert sorted(index for draw in draws for index in draw.indices) == list(range(7))


def test_strict_training_leaves_the_last_batch_short(shapes: Any) -> None:
    spec = specs.parse(shapes.spec(batch=5), "ssd")
    for strict, last in ((False, 5), (True, 2)):
        made = networks.recipe(replace(spec, strict=strict))
        order, _ = data.for_training(made, frames.training(made, CLASSES), range(1, 2))
        assert len(list(order)[-1].indices) == last


def test_the_last_batch_is_filled_up() -> None:
    draws = list(Order(count=7, batch=3, epochs=range(1, 2), seed=1))
    assert [len(draw.indices) for draw in draws] == [3, 3, 3]
    assert draws[2].indices[1:] == draws[0].indices[:2]
    assert [len(draw.indices) for draw in Order(1, 4, range(1, 2), 1)] == [4]


def test_processes_share_an_epoch() -> None:
    parts = [list(Order(20, 2, range(1, 2), 1, rank=rank, ranks=2)) for rank in (0, 1)]
    assert [len(part) for part in parts] == [5, 5]
    seen = [index for part in parts for draw in part for index in draw.indices]
    assert sorted(seen) == list(range(20))
    assert len({draw.place for part in parts for draw in part}) == 10


def test_in_order_ends_with_what_is_left() -> None:
    assert [draw.indices for draw in InOrder(5, 2)] == [(0, 1), (2, 3), (4,)]


def test_the_same_draw_gives_the_same_batch_and_another_epoch_another(shapes: Any) -> None:
    order, pictures = prepared(shapes.spec())
    first, second = next(iter(order)), next(draw for draw in order if draw.epoch == 2)
    one, again, other = pictures[first], pictures[first], pictures[second]
    assert np.array_equal(one.images, again.images)
    assert not np.array_equal(one.images, other.images)
    assert one.images.shape == (4, 64, 64, 3)
    assert one.images.dtype == np.uint8


def test_validation_pictures_are_left_as_they_are(shapes: Any) -> None:
    spec = networks.recipe(specs.parse(shapes.spec(), "ssd"))
    split = frames.validation(spec, CLASSES)
    assert split is not None
    order, pictures = data.for_validation(spec, split)
    batch = pictures[next(iter(order))]
    assert np.array_equal(batch.images[0], np.asarray(Image.open(split.image(0))))
    assert np.array_equal(batch.targets[0]["boxes"], split.boxes[split.places(0)])


def test_pictures_of_another_size_are_stretched_with_their_boxes(make_shapes: Callable[..., Any]) -> None:
    spec = networks.recipe(specs.parse(make_shapes(size=(160, 96)).spec(), "ssd"))
    split = frames.validation(spec, CLASSES)
    assert split is not None
    assert frames.resized(split, 64, 64) == 6
    order, pictures = data.for_validation(spec, split)
    batch = pictures[next(iter(order))]
    assert batch.images.shape[1:] == (64, 64, 3)
    scale = np.array([64 / 160, 64 / 96, 64 / 160, 64 / 96])
    assert np.allclose(batch.targets[0]["boxes"], split.boxes[split.places(0)] * scale, atol=1e-4)
    left, top, right, bottom = batch.targets[0]["boxes"][1].round().astype(int)
    inside, all_of_it = batch.images[0][top + 2 : bottom - 2, left + 2 : right - 2], batch.images[0]
    assert inside.max() < 140 < all_of_it.max()


def test_a_real_crop_moves_the_boxes() -> None:
    crop = Preprocess(64, 64, (20, 10, 52, 42))
    moved = crop.boxes(np.array([[20, 10, 36, 26]], np.float32), (100, 80))
    assert moved.tolist() == [[0, 0, 32, 32]]


def test_a_crop_of_the_networks_size_is_none(shapes: Any) -> None:
    spec = specs.parse(shapes.spec(), "ssd")
    assert tlt2.preprocess(spec).crop is None
    spec.message.augmentation_config.preprocessing.crop_right = 48
    assert tlt2.preprocess(spec).crop == (0, 0, 48, 64)


def test_grey_input_has_three_equal_channels(tmp_path: Path) -> None:
    Image.new("RGB", (8, 8), (200, 40, 90)).save(tmp_path / "a.png")
    pixels = Preprocess(8, 8, grey=True).picture(tmp_path / "a.png")
    assert (pixels == pixels[..., :1]).all()


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\xff\xd8\xff\xe0 and no more"])
def test_what_is_no_picture_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    assert error_of(DataError, decode, path, 8, 8).where == path


def test_a_picture_cut_short_is_named(shapes: Any) -> None:
    path = shapes.root / "pictures/train/images/10001.jpg"
    path.write_bytes(path.read_bytes()[:-300])
    assert error_of(DataError, decode, path, 64, 64, match="damaged").where == path


def test_errors_of_ours_survive_a_pipe() -> None:
    error = pickle.loads(pickle.dumps(DataError("what", where=Path("a.jpg"), hint="do")))
    assert (error.what, error.where, error.hint) == ("what", Path("a.jpg"), "do")


def test_a_batch_names_its_pictures(shapes: Any) -> None:
    order, pictures = prepared(shapes.spec())
    draw = next(iter(order))
    batch = pictures[draw]
    assert batch.indices == draw.indices
    assert all(target.keys() == {"boxes", "labels"} for target in batch.targets), "what a model trains on"


def test_a_run_resumed_in_the_middle_of_an_epoch_sees_what_it_would_have(shapes: Any) -> None:
    order, pictures = prepared(shapes.spec())
    with closing(data.batches(pictures, order, workers=1)) as batches:
        whole = [(batch.images.copy(), batch.targets) for batch in batches]
    rest, _ = data.for_training(
        networks.recipe(specs.parse(shapes.spec(), "ssd")), pictures.split, range(1, 3), start_step=2
    )
    with closing(data.batches(pictures, rest, workers=2)) as batches:
        for batch, (images, targets) in zip(batches, whole[2:], strict=True):
            assert np.array_equal(batch.images, images)
            for one, other in zip(batch.targets, targets, strict=True):
                assert all(np.array_equal(one[name], other[name]) for name in ("boxes", "labels"))


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_workers_change_nothing(shapes: Any, workers: int) -> None:
    order, pictures = prepared(shapes.spec())
    with closing(data.batches(pictures, order, workers=workers)) as batches:
        made = list(batches)
    expected = [pictures[draw] for draw in order]
    assert len(made) == len(expected) == 6
    for batch, other in zip(made, expected, strict=True):
        assert np.array_equal(batch.images, other.images)
        assert [each["boxes"].tolist() for each in batch.targets] == [each["boxes"].tolist() for each in other.targets]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_worker_hands_over_its_error_and_goes(shapes: Any, workers: int) -> None:
    order, pictures = prepared(shapes.spec())
    broken = pictures.split.image(order_first(order))
    broken.write_bytes(b"no picture any more")
    with pytest.raises(DataError) as caught, closing(data.batches(pictures, order, workers=workers)) as batches:
        list(batches)
    assert caught.value.where == broken
    assert "Traceback" not in str(caught.value)
    assert not multiprocessing.active_children()


def test_closing_early_ends_the_workers(shapes: Any) -> None:
    order, pictures = prepared(shapes.spec())
    with closing(data.batches(pictures, order, workers=2)) as batches:
        next(batches)
        assert len(multiprocessing.active_children()) == 2
    assert not multiprocessing.active_children()


@pytest.mark.torch
def test_tensors_are_what_a_detector_takes(shapes: Any) -> None:
    import torch

    order, pictures = prepared(shapes.spec())
    batch = pictures[next(iter(order))]
    images, truths = data.tensors(batch, torch.device("cpu"))
    assert images.shape == (4, 3, 64, 64)
    assert images.dtype == torch.float32
    assert images.is_contiguous(memory_format=torch.channels_last)
    assert images[0, :, 5, 7].tolist() == batch.images[0, 5, 7].tolist()
    assert truths[0]["boxes"].dtype == torch.float32
    assert truths[0]["labels"].dtype == torch.int64


def order_first(order: Order) -> int:
    return next(iter(order)).indices[0]
