"""The views' rules one by one, and boxes that stay on their pixels."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image
from refusals import error_of

from runtime.imaging.boxes import iou
from runtime.imaging.decoding import Embedded, Preprocess, pixels
from runtime.imaging.views import dali, ssd_chain
from runtime.imaging.views.affine import OnlineAugment
from runtime.imaging.views.dali import Dali
from runtime.imaging.views.ssd_chain import SsdChain
from runtime.imaging.views.warp import Warp
from runtime.imaging.views.windows import Window
from tltpipe.errors import DataError

SIZE = 120
CALM: dict[str, Any] = {
    "width": SIZE, "height": SIZE, "random_crop_min_scale": 1.0, "random_crop_max_scale": 1.0,
    "zoom_out_max_scale": 1.0,
}  # fmt: skip
BOX = np.array([[60, 40, 140, 120]], np.float32)


def rectangle(path: Path, size: tuple[int, int] = (200, 160), box: np.ndarray = BOX) -> Path:
    """A white rectangle on black, stored without loss."""
    canvas = np.zeros((size[1], size[0], 3), np.uint8)
    left, top, right, bottom = box[0].astype(int)
    canvas[top:bottom, left:right] = 255
    Image.fromarray(canvas).save(path)
    return path


def shown(picture: np.ndarray) -> np.ndarray:
    """The box of all bright pixels, not counting what fills the rest."""
    bright = picture.min(axis=2) > 180
    across, down = np.flatnonzero(bright.any(axis=0)), np.flatnonzero(bright.any(axis=1))
    return np.array([across[0], down[0], across[-1] + 1, down[-1] + 1])


def warping() -> Warp:
    return Warp(
        Preprocess(SIZE, SIZE),
        OnlineAugment(SIZE, SIZE, hflip_probability=0.5, zoom_min=0.6, zoom_max=1.6, translate_max_x=9),
    )


VIEWS = {
    "ssd_chain": lambda: SsdChain(width=SIZE, height=SIZE, random_flip=0.5),
    "ssd_chain strict": lambda: SsdChain(width=SIZE, height=SIZE, random_flip=0.5, strict=True),
    "dali": lambda: Dali(width=SIZE, height=SIZE, random_flip=0.5),
    "dali strict": lambda: Dali(width=SIZE, height=SIZE, random_flip=0.5, strict=True),
    "warp": warping,
}


@pytest.mark.parametrize("name", VIEWS)
@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_boxes_stay_on_their_pixels(name: str, suffix: str, tmp_path: Path) -> None:
    view, path = VIEWS[name](), rectangle(tmp_path / f"a.{suffix}")
    compared = 0
    for seed in range(60):
        picture, _, kept, boxes, *_ = view(path, BOX, (200, 160), np.random.default_rng(seed))
        assert picture.shape == (SIZE, SIZE, 3)
        assert picture.dtype == np.uint8
        if not len(kept) or (picture.min(axis=2) > 180).sum() < 50:
            continue
        compared += 1
        # A scale of up to 0.16 of the picture comes to 120 pixels: strict boxes are then cut one pixel too short.
        slack = 6 if "strict" in name else 3
        assert shown(picture) == pytest.approx(boxes[0], abs=slack), seed
    assert compared > 40


@pytest.mark.parametrize("name", VIEWS)
def test_without_a_generator_only_the_size_changes(name: str, tmp_path: Path) -> None:
    view, path = VIEWS[name](), rectangle(tmp_path / "a.png")
    picture, _, kept, boxes, *_ = view(path, BOX, (200, 160))
    again, *_ = view(path, BOX, (200, 160))
    assert boxes[0] == pytest.approx([36, 30, 84, 90], abs=1e-3)
    assert shown(picture) == pytest.approx(boxes[0], abs=1)
    assert kept.tolist() == [0]
    assert np.array_equal(picture, again)


@pytest.mark.parametrize("name", VIEWS)
def test_the_generator_decides_and_a_worker_sees_the_same(name: str, tmp_path: Path) -> None:
    view, path = VIEWS[name](), rectangle(tmp_path / "a.png")
    sent = pickle.loads(pickle.dumps(view))
    one, other = (each(path, BOX, (200, 160), np.random.default_rng(4)) for each in (view, sent))
    for name in ("pixels", "kept", "boxes"):
        assert np.array_equal(getattr(one, name), getattr(other, name))
    assert np.array_equal(one.placement.matrix, other.placement.matrix)
    different = [view(path, BOX, (200, 160), np.random.default_rng(seed))[0] for seed in range(5)]
    assert any(not np.array_equal(one[0], each) for each in different)


@pytest.mark.parametrize("name", VIEWS)
def test_pictures_without_boxes_end_too(name: str, tmp_path: Path) -> None:
    view, path = VIEWS[name](), rectangle(tmp_path / "a.png")
    nothing = np.zeros((0, 4), np.float32)
    for seed in range(20):
        _, _, kept, boxes, *_ = view(path, nothing, (200, 160), np.random.default_rng(seed))
        assert boxes.shape == (0, 4)
        assert len(kept) == 0


@pytest.mark.parametrize("name", VIEWS)
def test_a_picture_of_another_size_than_annotated_is_named(name: str, tmp_path: Path) -> None:
    path = rectangle(tmp_path / "a.png")
    for random in (None, np.random.default_rng(0)):
        with pytest.raises(DataError, match="200x160, but its annotations are of one of 100x80") as caught:
            VIEWS[name]()(path, BOX, (100, 80), random)
        assert caught.value.where == path


@pytest.mark.parametrize("view", [SsdChain(**CALM, channels=1), Dali(**CALM, channels=1)])
def test_one_channel_is_luma_in_three(view: Any, tmp_path: Path) -> None:
    Image.new("RGB", (200, 160), (200, 40, 90)).save(tmp_path / "a.png")
    for random in (None, np.random.default_rng(0)):
        picture, *_ = view(tmp_path / "a.png", BOX, (200, 160), random)
        assert np.abs(picture.astype(int) - round(0.299 * 200 + 0.587 * 40 + 0.114 * 90)).max() <= 1


# ---------------------------------------------------------------- the original chain


def test_whole_pixels_halves_to_even(tmp_path: Path) -> None:
    path = rectangle(tmp_path / "a.png", (SIZE, SIZE))
    boxes = np.array([[0.5, 1.5, 10.5, 11.5], [2.4, 2.6, 30.0, 31.0]], np.float32)
    for random in (None, np.random.default_rng(1)):
        _, _, _, moved, *_ = SsdChain(**CALM)(path, boxes, (SIZE, SIZE), random)
        assert moved.tolist() == [[0, 2, 10, 12], [2, 3, 30, 31]]


def test_clipped_to_the_last_pixel_and_thin_ones_dropped(tmp_path: Path) -> None:
    path = rectangle(tmp_path / "a.png", (SIZE, SIZE))
    boxes = np.array([[-9, 5, 130, 50], [20, 20, 20.3, 40], [119.2, 3, 125, 40], [5, 5, 4, 9]], np.float32)
    for random in (None, np.random.default_rng(1)):
        _, _, kept, moved, *_ = SsdChain(**CALM)(path, boxes, (SIZE, SIZE), random)
        assert moved.tolist() == [[0, 5, SIZE - 1, 50]]
        assert kept.tolist() == [0]


def test_neutral_settings_change_no_pixel(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    for view in (SsdChain(**CALM), Dali(**CALM)):
        picture, *_ = view(tmp_path / "a.png", BOX, (SIZE, SIZE), np.random.default_rng(0))
        assert np.array_equal(picture, noise)


def test_strict_validation_is_plain_bilinear(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (160, 200, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    picture, *_ = SsdChain(**CALM, strict=True)(tmp_path / "a.png", BOX, (200, 160))
    assert np.array_equal(picture, cv2.resize(noise, (SIZE, SIZE)))


def test_the_canvas_is_a_whole_number_of_pixels_and_half_of_the_time_the_picture() -> None:
    chain = SsdChain(width=SIZE, height=SIZE, zoom_out_min_scale=1.5, zoom_out_max_scale=3.0)
    windows = [chain.zoomed((201, 160), np.random.default_rng(seed)) for seed in range(400)]
    out = [window for window in windows if window != Window(0, 0, 201, 160)]
    assert 160 < len(out) < 240
    for window in out:
        assert 1.5 * 201 - 1 <= window.width <= 3 * 201
        assert window.height / 160 == pytest.approx(window.width / 201, abs=0.02)  # both sides by the same factor
        assert -window.left + 201 <= window.width
        assert -window.top + 160 <= window.height
        assert max(window.left, window.top) <= 0
    assert {type(value) for window in out for value in window} == {int}


def test_what_a_zoom_out_adds_is_the_mean(tmp_path: Path) -> None:
    path = rectangle(tmp_path / "a.png")
    calm = {**CALM, "zoom_out_min_scale": 2.5, "zoom_out_max_scale": 3.0}
    found: set[tuple[int, ...]] = set()
    for seed in range(6):
        picture, *_ = SsdChain(**calm)(path, BOX, (200, 160), np.random.default_rng(seed))
        colours, counts = np.unique(picture.reshape(-1, 3), axis=0, return_counts=True)
        found |= {tuple(colour) for colour, count in zip(colours.tolist(), counts, strict=True) if count > 3000}
    assert ssd_chain.FILL in found


def crops(make: Callable[[], Any], boxes: np.ndarray, count: int = 300) -> list[Any]:
    return [make().cropped(*_arguments(make(), boxes, seed)) for seed in range(count)]


def _arguments(view: Any, boxes: np.ndarray, seed: int) -> tuple[Any, ...]:
    random = np.random.default_rng(seed)
    return (Window(0, 0, 200, 160), boxes, random) if isinstance(view, SsdChain) else (boxes, random)


def test_crops_of_the_chain_keep_their_limits() -> None:
    boxes = np.array([[20, 20, 120, 110], [130, 90, 190, 150]], np.float32)
    found = crops(lambda: SsdChain(width=SIZE, height=SIZE), boxes)
    cut = [each for each in found if each[0] != Window(0, 0, 200, 160)]
    assert 0.6 < len(cut) / len(found) < 0.9  # 0.143 are let go before each fifty tries
    for window, seen, kept in cut:
        assert int(0.3 * 200) <= window.width <= 200
        assert int(0.3 * 160) <= window.height <= 160
        assert 0.5 <= window.width / window.height <= 2
        edges = np.array([[window.left, window.top, window.left + window.width, window.top + window.height]])
        assert iou(boxes, edges[:, None]).max() > 0
        centre = (boxes[:, :2] + boxes[:, 2:]) / 2 - edges[0, :2]
        inside = ((centre >= 0) & (centre <= np.array([window.width, window.height]) - 1)).all(axis=1)
        assert kept.tolist() == np.flatnonzero(inside).tolist()
        limit = [window.width, window.height] * 2
        assert np.allclose(seen, np.clip(boxes[kept] - np.tile(edges[0, :2], 2), 0, limit))


def test_strict_crops_cut_boxes_a_pixel_short() -> None:
    boxes = np.array([[0, 0, 200, 160]], np.float32)
    for strict, short in ((True, 1), (False, 0)):
        found = crops(lambda strict=strict: SsdChain(width=SIZE, height=SIZE, strict=strict), boxes)  # type: ignore[misc]
        cut = [(window, seen) for window, seen, kept in found if window.width < 200 and len(kept)]
        assert cut
        assert all(seen[0].tolist() == [0, 0, w.width - short, w.height - short] for w, seen in cut)


def test_every_bound_of_the_overlap_is_drawn() -> None:
    boxes = np.array([[0, 0, 200, 160]], np.float32)  # the IoU is then the share that is seen
    found = crops(lambda: SsdChain(width=SIZE, height=SIZE), boxes, 600)
    shares = [window.width * window.height / (200 * 160) for window, _, _ in found]
    assert 100 < sum(share > 0.9 for share in shares) < 250
    assert sum(0.1 < share < 0.3 for share in shares) > 40
    assert sum(share < 0.9 for share in shares) > 200


def test_no_crop_that_fits_ends_with_the_whole_picture() -> None:
    chain = SsdChain(width=SIZE, height=SIZE, random_crop_min_ar=50, random_crop_max_ar=60)
    window, seen, kept = chain.cropped(Window(0, 0, 200, 160), BOX, np.random.default_rng(0))
    assert window == Window(0, 0, 200, 160)
    assert np.array_equal(seen, BOX)
    assert kept.tolist() == [0]


def test_without_boxes_nothing_is_cropped() -> None:
    nothing = np.zeros((0, 4), np.float32)
    for seed in range(50):
        window, _, _ = SsdChain(width=SIZE, height=SIZE).cropped(
            Window(-5, 0, 200, 160), nothing, np.random.default_rng(seed)
        )
        assert window == Window(-5, 0, 200, 160)


def test_flips_mirror_boxes_and_pixels(tmp_path: Path) -> None:
    path = rectangle(tmp_path / "a.png", (SIZE, SIZE), np.array([[10, 20, 50, 70]]))
    boxes = np.array([[10, 20, 50, 70]], np.float32)
    for view in (SsdChain(**CALM, random_flip=1.0), Dali(**CALM, random_flip=1.0)):
        picture, _, _, moved, *_ = view(path, boxes, (SIZE, SIZE), np.random.default_rng(0))
        assert moved[0] == pytest.approx([SIZE - 50, 20, SIZE - 10, 70], abs=1e-4)
        assert shown(picture).tolist() == [SIZE - 50, 20, SIZE - 10, 70]


def test_each_change_of_colours_comes_half_of_the_time() -> None:
    chain = SsdChain(**CALM, brightness=32, contrast=0.5, saturation=0.5, hue=18)
    drawn = [chain.colours(np.random.default_rng(seed)) for seed in range(800)]
    same = np.arange(256)
    early = sum(not np.array_equal(each.before, same) for each in drawn)
    late = sum(not np.array_equal(each.after, same) for each in drawn)
    assert early / 800 == pytest.approx(0.5 + 0.5 * 0.25, abs=0.05)  # brightness, or contrast in the first order
    assert late / 800 == pytest.approx(0.25, abs=0.05)
    turned = sum(each.hsv is not None for each in drawn)
    assert turned / 800 == pytest.approx(0.75, abs=0.05)
    assert all(each.hsv is not None for each in (SsdChain(**CALM, hue=3, strict=True).colours(g) for g in _seeds(20)))


def _seeds(count: int) -> list[np.random.Generator]:
    return [np.random.default_rng(seed) for seed in range(count)]


def test_the_range_of_each_change() -> None:
    levels = np.arange(256)
    brighter = [SsdChain(**CALM, brightness=20).colours(random).before.astype(int) for random in _seeds(200)]
    shifts = [table[128] - 128 for table in brighter]
    assert min(shifts) < -15
    assert max(shifts) > 15
    assert all(
        np.array_equal(table, np.clip(levels + shift, 0, 255)) for table, shift in zip(brighter, shifts, strict=True)
    )
    for random in _seeds(100):
        colours = SsdChain(**CALM, contrast=0.4).colours(random)
        table = (colours.before if colours.before[0] or colours.before[200] != 200 else colours.after).astype(float)
        factor = (table[200] - 127.5) / 72.5
        assert 0.59 < factor < 1.41
        assert np.abs(table - np.clip(127.5 + factor * (levels - 127.5), 0, 255)).max() < 2
    for random in _seeds(60):
        hsv = SsdChain(**CALM, hue=18, saturation=0.5).colours(random).hsv
        if hsv is None:
            continue
        turned = (hsv[:180, 0, 0].astype(int) - levels[:180] + 90) % 180 - 90
        assert np.ptp(turned) <= 1  # all hues by as much, around the circle
        assert abs(turned[0]) <= 18
        assert 0.49 <= hsv[100, 0, 1] / 100 <= 1.51
        assert np.array_equal(hsv[:, 0, 2], levels)


def test_colours_change_the_picture_and_not_what_is_added(tmp_path: Path) -> None:
    Image.new("RGB", (200, 160), (90, 160, 200)).save(tmp_path / "a.png")
    calm = {**CALM, "zoom_out_min_scale": 2.0, "zoom_out_max_scale": 3.0}
    chain = SsdChain(**calm, brightness=60, saturation=0.9, hue=30)
    inner, outer = set(), 0
    for random in _seeds(20):
        picture, *_ = chain(tmp_path / "a.png", BOX, (200, 160), random)
        colours, counts = np.unique(picture.reshape(-1, 3), axis=0, return_counts=True)
        for colour, count in zip(colours.tolist(), counts, strict=True):
            if tuple(colour) == ssd_chain.FILL:
                outer += count
            elif count > 600:
                inner.add(tuple(colour))
    assert outer > 50_000
    assert len(inner) > 8


# ---------------------------------------------------------------- DALI's


def test_dali_crops_hold_for_all_boxes() -> None:
    boxes = np.array([[0.1, 0.1, 0.9, 0.9], [0.2, 0.3, 0.95, 0.9]], np.float32)
    found = crops(lambda: Dali(width=SIZE, height=SIZE), boxes, 200)
    cut = [each for each in found if each[0] != Window(0, 0, 1, 1)]
    assert 60 < len(cut) < 200
    for part, seen, kept in cut:
        assert 0.3 <= part.width <= 1
        assert 0.5 <= part.width / part.height <= 2
        edges = np.array([part.left, part.top, part.left + part.width, part.top + part.height])
        assert edges.min() >= 0
        assert edges.max() <= 1 + 1e-9
        assert len(kept) >= 1
        centre = (boxes[:, :2] + boxes[:, 2:]) / 2
        inside = ((centre >= edges[:2]) & (centre < edges[2:])).all(axis=1)
        assert kept.tolist() == np.flatnonzero(inside).tolist()
        assert seen.min() >= 0
        assert seen.max() <= 1
    least = [iou(boxes, np.array([p.left, p.top, p.left + p.width, p.top + p.height])).min() for p, _, _ in cut]
    assert sum(value >= 0.5 for value in least) > 0.3 * len(least)


def test_dali_boxes_are_not_rounded(tmp_path: Path) -> None:
    path = rectangle(tmp_path / "a.png", (SIZE, SIZE))
    boxes = np.array([[0.5, 1.5, 10.25, 11.75], [-4, 3, 130, 50], [7, 7, 7, 9]], np.float32)
    _, _, kept, moved, *_ = Dali(**CALM)(path, boxes, (SIZE, SIZE), np.random.default_rng(0))
    assert moved == pytest.approx(np.array([[0.5, 1.5, 10.25, 11.75], [0, 3, SIZE, 50]]), abs=1e-4)
    assert kept.tolist() == [0, 1]


def test_dali_zooms_by_whole_numbers_when_strict() -> None:
    def ratios(**settings: Any) -> list[float]:
        view = Dali(width=SIZE, height=SIZE, zoom_out_min_scale=1.9, zoom_out_max_scale=2.9, **settings)
        return [view.zoomed(random).width for random in _seeds(300)]

    assert min(ratio for ratio in ratios() if ratio > 1) >= 1.9
    assert max(ratios()) > 2.5
    assert max(ratios(strict=True)) <= 2
    assert sum(ratio == 1 for ratio in ratios()) == pytest.approx(150, abs=35)
    for random in _seeds(50):
        canvas = Dali(width=SIZE, height=SIZE).zoomed(random)
        assert canvas.left <= 0 <= 1 <= canvas.left + canvas.width + 1e-9


def test_dali_colours_by_hand() -> None:
    view = Dali(**CALM, brightness=64, contrast=0.4, saturation=0.6, hue=40)
    for random, again in zip(_seeds(20), _seeds(20), strict=True):
        matrix = view.colours(random)
        assert matrix is not None
        saturation, contrast = again.uniform(0.4, 1.6), again.uniform(0.6, 1.4)
        brightness, hue = again.uniform(0.75, 1.25), np.radians(again.uniform(-40, 40))
        red, green, blue = 200.0, 90.0, 30.0
        luma = 0.299 * red + 0.587 * green + 0.114 * blue
        i, q = 0.596 * red - 0.274 * green - 0.321 * blue, 0.211 * red - 0.523 * green + 0.311 * blue
        turned = saturation * complex(i, q) * complex(np.cos(hue), -np.sin(hue))
        rgb = np.array([
            luma + 0.956 * turned.real + 0.621 * turned.imag,
            luma - 0.272 * turned.real - 0.647 * turned.imag,
            luma - 1.107 * turned.real + 1.705 * turned.imag,
        ])  # fmt: skip
        expected = brightness * (128 + contrast * (rgb - 128))
        assert matrix @ [red, green, blue, 1] == pytest.approx(expected, abs=1e-6)


def test_dali_turns_hues_one_way_when_strict() -> None:
    def turns(*, strict: bool) -> list[float]:
        view = Dali(**CALM, hue=40, strict=strict)
        found = [view.colours(random) for random in _seeds(60)]
        return [
            float((matrix @ [255, 0, 0, 1])[1] - (matrix @ [255, 0, 0, 1])[2]) for matrix in found if matrix is not None
        ]

    both, one = turns(strict=False), turns(strict=True)
    neutral = Dali(**CALM, hue=40, saturation=0).colours(np.random.default_rng(0))
    assert neutral is not None
    assert min(both) < -30
    assert max(both) > 30
    assert min(one) > -5 or max(one) < 5


def test_dali_fills_with_its_own_mean(tmp_path: Path) -> None:
    path = rectangle(tmp_path / "a.png")
    view = Dali(**{**CALM, "zoom_out_min_scale": 2.5, "zoom_out_max_scale": 3.0})
    corners = {
        tuple(view(path, BOX, (200, 160), random)[0][at].tolist()) for random in _seeds(8) for at in ((0, 0), (-1, -1))
    }
    assert dali.FILL in corners


# ---------------------------------------------------------------- pictures


def test_a_picture_inside_a_file(tmp_path: Path) -> None:
    path = rectangle(tmp_path / "a.png")
    content = path.read_bytes()
    (tmp_path / "many").write_bytes(b"before" + content + b"after")
    place = Embedded(tmp_path / "many", 6, len(content))
    assert np.array_equal(pixels(place), pixels(path))
    error = error_of(DataError, lambda: pixels(Embedded(tmp_path / "many", 0, 6)), match="not a picture")
    assert "picture at byte 0" in str(error.where)


def test_large_jpegs_are_decoded_at_a_part_of_their_size(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (20, 25, 3), np.uint8)
    Image.fromarray(noise).resize((1000, 800), Image.Resampling.BICUBIC).save(tmp_path / "a.jpg", quality=95)
    assert pixels(tmp_path / "a.jpg").shape == (800, 1000, 3)
    assert pixels(tmp_path / "a.jpg", least=(120, 120)).shape == (200, 250, 3)
    part = Warp(Preprocess(SIZE, SIZE), OnlineAugment(SIZE, SIZE))(tmp_path / "a.jpg", BOX, (1000, 800))[0]
    whole = np.asarray(Image.open(tmp_path / "a.jpg").resize((SIZE, SIZE), Image.Resampling.BILINEAR))
    assert np.abs(part.astype(int) - whole).mean() < 2


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK", "I;16"])
def test_every_kind_of_picture_comes_out_in_colours(mode: str, tmp_path: Path) -> None:
    ramp = np.linspace(0, 255, 64 * 64).reshape(64, 64)
    if mode == "I;16":
        Image.fromarray((ramp * 257).astype(np.uint16)).save(tmp_path / "a.png")
    else:
        path = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
        Image.fromarray(ramp.astype(np.uint8)).convert("RGB").convert(mode).save(path)
    picture = pixels(next(tmp_path.glob("a.*")))
    assert picture.shape == (64, 64, 3)
    assert np.abs(picture.astype(int) - ramp[..., None]).mean() < (20 if mode == "P" else 4)
