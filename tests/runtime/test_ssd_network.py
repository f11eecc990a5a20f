"""The whole SSD: sizes as NVIDIA's, what a spec changes, what a call returns, and that it learns."""

import dataclasses
import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from ssd_specs import LATER
from ssd_specs import SETTINGS as SMALL

import specs
from runtime.networks import ssd
from runtime.networks.dssd.features import Refined
from runtime.networks.ssd.features import Features, map_sizes
from runtime.networks.ssd.loss import FocalLoss, HardNegativeLoss
from runtime.networks.ssd.model import SSD
from runtime.nn.layers import BatchNorm
from runtime.tasks import ImageInfo
from runtime.tasks.detection.average_precision import precision
from runtime.tasks.detection.findings import Collector
from tltpipe import registry

pytestmark = pytest.mark.torch

FAMILIES = registry.names("runtime.nn.backbones")
MODELS = json.loads((Path(__file__).parents[1] / "golden/ssd/models.json").read_text())
SPEC = """
ssd_config {
  aspect_ratios_global: "[1.0, 2.0, 1.0/2.0]"
  scales: "[0.05, 0.1, 0.25, 0.4, 0.55, 0.7, 0.85]"
  two_boxes_for_ar1: true
  loss_loc_weight: 0.8
  focal_loss_alpha: 0.25
  focal_loss_gamma: 2.0
  variances: "[0.1, 0.1, 0.2, 0.2]"
  arch: "resnet"
  nlayers: 10
}
training_config {
  regularizer { type: L1 weight: 3e-5 }
  batch_size_per_gpu: 2 num_epochs: 4 learning_rate { soft_start_annealing_schedule {
    min_learning_rate: 1e-4 max_learning_rate: 0.01 soft_start: 0.1 annealing: 0.5 } }
}
eval_config { validation_period_during_training: 2 batch_size: 3 matching_iou_threshold: 0.5 }
nms_config { confidence_threshold: 0.01 clustering_iou_threshold: 0.6 top_k: 100 }
augmentation_config { preprocessing { output_image_width: 96 output_image_height: 64 output_image_channel: 3 } }
dataset_config {
  data_sources { tfrecords_path: "x" image_directory_path: "y" }
  target_class_mapping { key: "Blouse" value: "Shirt" }
  target_class_mapping { key: "shirt" value: "shirt" }
  target_class_mapping { key: "dress" value: "dress" }
}
"""


def made(text: str, old: str = "", new: str = "", *, strict: bool = False):
    assert old in text
    return ssd.recipe(specs.parse_text(text.replace(old, new, 1), "ssd", source="train.conf", strict=strict))


def earlier(old: str = "", new: str = ""):
    return made(SPEC, old, new)


def small(features=Features, **changes):
    torch.manual_seed(0)
    return SSD(dataclasses.replace(SMALL, **changes), num_classes=2, features=features)


def truths(*rows):
    """One picture each: rows of [label, left, top, right, bottom]."""
    tables = [torch.tensor(row, dtype=torch.float32).reshape(-1, 5) for row in rows]
    return [{"boxes": table[:, 1:], "labels": table[:, 0].long()} for table in tables]


@pytest.mark.parametrize(
    "golden",
    MODELS,
    ids=lambda m: "-".join(
        ["dssd" if "dssd" in m else "ssd", f"{m['arch']}{m['nlayers'] or ''}", "x".join(map(str, m["input_hw"]))]
    ),
)
def test_sizes_are_nvidias(golden) -> None:
    if golden["arch"] not in FAMILIES:
        pytest.skip(f"no {golden['arch']} yet")
    settings = dataclasses.replace(
        SMALL,
        input_size=tuple(golden["input_hw"]),
        arch=golden["arch"],
        nlayers=golden["nlayers"],
        aspect_ratios=((1.0, 2.0, 0.5, 3.0, 1 / 3),) * 6,
        loss=HardNegativeLoss(),
    )
    with torch.device("meta"):
        network = SSD(settings, num_classes=20, features=Refined if "dssd" in golden else Features)
    assert map_sizes(settings) == [tuple(size) for size in golden["predictor_hw"]]
    assert len(network.anchors) == golden["total_anchors"]
    trainable = sum(parameter.numel() for parameter in network.parameters())
    stored = sum(buffer.numel() for name, buffer in network.named_buffers() if "running_" in name)
    assert (trainable, trainable + stored) == (golden["params_trainable"], golden["params_total"])


def halved(size: int, *, pooled: int) -> list[int]:
    """Six map sizes: half of half of half, then half for each further one; the first ``pooled`` halvings round down."""
    sizes = []
    for step in range(8):
        size = size // 2 if step in range(*POOLED[pooled]) else (size + 1) // 2
        sizes.append(size)
    return sizes[2:]


# Which of the halvings are 2x2 poolings.
POOLED = {0: (0, 0), 3: (1, 4), 5: (0, 5)}


@pytest.mark.parametrize("size", [(33, 47), (65, 130), (127, 255), (300, 301)])
@pytest.mark.parametrize("arch", FAMILIES)
def test_maps_of_odd_sizes(arch: str, size) -> None:
    for nlayers in registry.load("runtime.nn.backbones", arch).DEPTHS or (0,):
        pooled = {("darknet", 19): 5, ("googlenet", 0): 3}.get((arch, nlayers), 0)
        settings = dataclasses.replace(SMALL, arch=arch, nlayers=nlayers, input_size=size)
        wanted = list(zip(*(halved(side, pooled=pooled) for side in size), strict=True))
        assert map_sizes(settings) == wanted


def test_prediction_module_has_nvidias_parameters() -> None:
    settings = dataclasses.replace(
        SMALL,
        input_size=(300, 300),
        nlayers=18,
        aspect_ratios=((1.0, 2.0, 0.5, 3.0, 1 / 3),) * 6,
        loss=HardNegativeLoss(),
        prediction_channels=256,
    )
    with torch.device("meta"):
        network = SSD(settings, num_classes=20)
    stored = sum(buffer.numel() for name, buffer in network.named_buffers() if "running_" in name)
    assert sum(parameter.numel() for parameter in network.parameters()) + stored == 15_389_572
    names = {name.split(".", 2)[2] for name, _ in network.mpred.named_parameters(prefix="mpred")}
    layers = ("conv_0", "conv_1", "conv_2", "conv_shortcut"), ("bn_0", "bn_1", "bn_2", "bn_shortcut")
    assert names == {f"{name}.weight" for group in layers for name in group} | {f"{name}.bias" for name in layers[1]}


def test_prediction_module_is_between_maps_and_heads() -> None:
    network = small(prediction_channels=256, freeze_bn=True)
    assert [head.in_channels for head in (*network.conf, *network.loc)] == [256] * 12
    sum(network(torch.rand(2, 3, 64, 64) * 255, truths([[1, 5, 5, 40, 40]], [])).values()).backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
    # Its norms are never frozen.
    assert all(module.training for module in network.mpred.modules() if isinstance(module, BatchNorm))


def test_initial_weights_are_keras() -> None:
    """He-normal heads (cut at two deviations), Glorot-uniform convolutions, the small heads of a focal loss."""
    softmax, focal = small(loss=HardNegativeLoss()), small()
    for head in (*softmax.conf, *softmax.loc):
        deviation = (2 / (9 * head.in_channels)) ** 0.5
        assert head.weight.std().item() == pytest.approx(deviation, rel=0.05)
        assert head.weight.abs().max().item() <= 2 * deviation / 0.8796 + 1e-6
    for head in (*focal.conf, *focal.loc):
        assert head.weight.std().item() == pytest.approx(0.01, rel=0.05)
    assert small(loss=FocalLoss(small_weights=False)).conf[0].weight.std() > 0.03
    layer = softmax.features.backbone.conv1.weight
    limit = (6 / (49 * 3 + 49 * 64)) ** 0.5
    assert limit * 0.98 < layer.abs().max().item() <= limit
    assert layer.std().item() == pytest.approx(limit / 3**0.5, rel=0.05)


def test_initial_weights_of_efficientnet_are_scaled_by_fan_out() -> None:
    backbone = registry.load("runtime.nn.backbones", "efficientnet_b0").build(0)
    for layer, fan_out in ((backbone.top_conv, 1280), (backbone.stem_conv, 32 * 9), (backbone.block6a.dwconv, 25)):
        assert layer.weight.std().item() == pytest.approx((2 / fan_out) ** 0.5, rel=0.05)


@pytest.mark.parametrize("size", [8, 9])
@pytest.mark.parametrize("kernel", [3, 5])
def test_efficientnet_pads_even_sizes_less_on_top_and_left(kernel: int, size: int) -> None:
    layer = registry.load("runtime.nn.backbones", "efficientnet_b0").TensorFlowConv(1, 1, kernel, stride=2, bias=False)
    torch.nn.init.ones_(layer.weight)
    picture = torch.zeros(1, 1, size, size)
    picture[..., 0, 0] = 1
    half = kernel // 2
    before = half - 1 + size % 2
    padded = torch.nn.functional.pad(picture, (before, half, before, half))
    assert torch.equal(layer(picture), torch.nn.functional.conv2d(padded, layer.weight, stride=2))
    assert layer(picture).shape[-1] == (size + 1) // 2


def test_drop_connect_grows_with_the_unit_and_ends_with_training() -> None:
    backbone = registry.load("runtime.nn.backbones", "efficientnet_b0").build(0)
    names = [name for stage in range(1, 8) for name in backbone.blocks[stage]]
    rates = [backbone.get_submodule(name).drop_rate for name in names]
    assert rates == pytest.approx([0.2 * i / 16 for i in range(16)])
    unit, y = backbone.block7a, torch.ones(400, 1, 1, 1)
    dropped = unit.train()._drop(y)
    assert sorted(dropped.unique().tolist()) == pytest.approx([0.0, 1 / (1 - unit.drop_rate)])
    assert (dropped == 0).float().mean().item() == pytest.approx(unit.drop_rate, abs=0.06)
    assert torch.equal(unit.eval()._drop(y), y)


@pytest.mark.parametrize("arch", ["resnet", "mobilenet_v2"])
def test_the_network_compiles_in_one_piece_and_keeps_channels_last(arch: str) -> None:
    network = small(arch=arch, nlayers=10 if arch == "resnet" else 0)
    odd = []
    for name, module in network.named_modules():
        if isinstance(module, (torch.nn.Conv2d, BatchNorm)):
            module.register_forward_hook(
                lambda _, __, y, name=name: (
                    odd.append(name)
                    if min(y.shape[1:]) > 1 and not y.is_contiguous(memory_format=torch.channels_last)
                    else None
                )
            )
    images = torch.rand(2, 3, 64, 64) * 255
    network.raw(images)
    assert odd == []
    plain = small(arch=arch, nlayers=10 if arch == "resnet" else 0).eval()
    compiled = torch.compile(plain.raw, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(images), plain.raw(images))
    plain.train()
    assert torch.compile(plain.raw, backend="eager", fullgraph=True)(images)[0].requires_grad
    torch._dynamo.reset()


@pytest.mark.parametrize("loss", [FocalLoss(), HardNegativeLoss()], ids=["focal", "softmax"])
@pytest.mark.parametrize("precision", [torch.bfloat16, torch.float16])
def test_low_precision_trains_without_nan(precision, loss) -> None:
    """Down to maps of one column, where bfloat16 convolutions once left gradients unwritten."""
    network = small(loss=loss, input_size=(64, 40), regularizer="L1", regularizer_weight=1e-5)
    images, targets = torch.rand(2, 3, 64, 40) * 255, truths([[1, 5, 5, 30, 40]], [[2, 2, 20, 33, 60]])
    whole = {name: loss.item() for name, loss in network(images, targets).items()}
    for _ in range(4):
        network.zero_grad()
        with torch.autocast("cpu", dtype=precision):
            losses = network(images, targets)
        sum(losses.values()).backward()
        assert all(loss.dtype == torch.float32 for loss in losses.values())
        assert {name: loss.item() for name, loss in losses.items()} == pytest.approx(whole, rel=0.05)
        assert all(torch.isfinite(parameter.grad).all() for parameter in network.parameters())


def test_heads_with_and_without_background() -> None:
    focal, softmax = small(), small(loss=HardNegativeLoss())
    assert [head.out_channels for head in focal.conf] == [4 * 2] * 6
    assert [head.out_channels for head in softmax.conf] == [4 * 3] * 6
    assert focal.conf[0].bias.sigmoid().tolist() == pytest.approx([0.01] * 8)
    assert softmax.conf[0].bias.abs().sum() == 0


@pytest.mark.parametrize("loss", [FocalLoss(), HardNegativeLoss()], ids=["focal", "softmax"])
def test_what_a_call_returns(loss) -> None:
    network = small(loss=loss, regularizer="L2", regularizer_weight=1e-4, top_k=7)
    images = torch.rand(2, 3, 64, 64) * 255
    targets = truths([[1, 5, 5, 40, 40], [2, 20, 20, 60, 60]], [])
    losses = network(images, targets)
    assert set(losses) == {"classification", "localization", "regularization"}
    sum(losses.values()).backward()
    assert all(parameter.grad is not None for parameter in network.parameters())

    network.eval()
    losses = network(images, targets)
    assert set(losses) == {"classification", "localization"}
    detections = network.predict(images)
    assert not detections[0]["scores"].requires_grad
    assert len(detections) == 2
    for found in detections:
        assert {name: tuple(value.shape) for name, value in found.items()} == {
            "boxes": (7, 4),
            "labels": (7,),
            "scores": (7,),
        }
        assert set(found["labels"].tolist()) <= {1, 2}
        assert found["scores"].tolist() == sorted(found["scores"].tolist(), reverse=True)


def test_pictures_of_a_batch_do_not_mix_in_evaluation() -> None:
    network = small().eval()
    images = torch.rand(2, 3, 64, 64) * 255
    together, alone = network.predict(images)[1], network.predict(images[1:])[0]
    torch.testing.assert_close(together["scores"], alone["scores"], rtol=1e-4, atol=1e-5)


def test_input_is_bgr_minus_mean() -> None:
    picture = torch.tensor([200.0, 100.0, 50.0])[None, :, None, None]
    expected = torch.tensor([50 - 103.939, 100 - 116.779, 200 - 123.68])
    torch.testing.assert_close(small()._prepare(picture)[0, :, 0, 0], expected)
    grey = small(input_channels=1, mean=(117.3786,))._prepare(picture)
    expected = torch.tensor([0.114 * (50 - 117.3786) + 0.587 * (100 - 117.3786) + 0.299 * (200 - 117.3786)])
    torch.testing.assert_close(grey[0, :, 0, 0], expected, rtol=1e-5, atol=1e-4)
    assert len(small(input_channels=1, mean=(117.3786,)).eval().predict(picture.expand(1, 3, 64, 64))) == 1


def test_frozen_blocks_keep_their_convolutions_and_train_their_norms() -> None:
    network = small(freeze_blocks=(0, 2))
    frozen = {name for name, parameter in network.named_parameters() if not parameter.requires_grad}
    block = "features.backbone.block_2a"
    assert frozen == {
        "features.backbone.conv1.weight",
        *(f"{block}.{name}.weight" for name in ("conv_1", "conv_2", "conv_shortcut")),
    }


def test_frozen_norms_keep_their_statistics_and_train_their_scale() -> None:
    network = small(freeze_bn=True).train()
    network(torch.rand(2, 3, 64, 64) * 255, truths([], []))["classification"].backward()
    norms = {name: module for name, module in network.named_modules() if isinstance(module, BatchNorm)}
    moved = {name for name, module in norms.items() if module.running_mean.abs().sum() > 0}
    assert moved == {name for name in norms if "expand_block" in name}
    assert norms["features.backbone.bn_conv1"].weight.grad.abs().sum() > 0
    assert network.eval().training is False


def test_checkpoints_hold_weights_only_and_restore_the_answers() -> None:
    first, second = small(), small()
    for parameter in second.parameters():
        torch.nn.init.normal_(parameter)
    state = first.state_dict()
    assert not {"anchors", "variances", "pixels", "mean", "grey"} & set(state)
    second.load_state_dict(state)
    images = torch.rand(1, 3, 64, 64) * 255
    torch.testing.assert_close(first.eval().predict(images), second.eval().predict(images))


def test_read_from_a_spec() -> None:
    recipe = earlier()
    settings = recipe.model
    assert settings.input_size == recipe.size == (64, 96)
    assert settings.aspect_ratios == ((1.0, 2.0, 0.5),) * 6
    assert settings.loss == FocalLoss(alpha=0.25, gamma=2.0, location_weight=pytest.approx(0.8))
    assert (settings.regularizer, settings.top_k) == ("L1", 100)
    assert recipe.classes == ("dress", "shirt")
    assert (recipe.network, recipe.name) == ("ssd", "ssd_resnet10")
    assert (recipe.epochs, recipe.batch_size, recipe.evaluation.period) == (4, 2, 2)
    assert earlier('arch: "resnet"', 'arch: "mobilenet_v2"').name == "ssd_mobilenet_v2"
    network = ssd.build(recipe)
    assert network.input_size == (64, 96)
    assert [head.out_channels for head in network.conf] == [4 * 2] * 6


def test_lists_per_map_and_scales_from_a_range() -> None:
    per_map = 'aspect_ratios: "[[1.0], [1.0, 2.0], [1.0], [1.0], [1.0], [0.5]]"'
    settings = earlier('aspect_ratios_global: "[1.0, 2.0, 1.0/2.0]"', per_map).model
    assert settings.aspect_ratios[1:] == ((1.0, 2.0), (1.0,), (1.0,), (1.0,), (0.5,))
    scales = 'scales: "[0.05, 0.1, 0.25, 0.4, 0.55, 0.7, 0.85]"'
    settings = (earlier(scales, 'min_scale: 0.125 max_scale: 0.875 steps: "[8, 16, [32, 30], 64, 100, 300]"')).model
    assert settings.scales == pytest.approx([0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875])
    assert settings.steps == ((8, 8), (16, 16), (32, 30), (64, 64), (100, 100), (300, 300))


def later(old: str = "", new: str = "", *, strict: bool = False):
    return made(LATER, old, new, strict=strict)


def test_read_from_a_later_spec() -> None:
    recipe = later()
    settings = recipe.model
    assert settings.input_size == (64, 96)
    assert settings.loss == HardNegativeLoss(negatives_per_positive=3.0, location_weight=1.0)
    assert (settings.positive_iou, settings.negative_iou) == (0.5, 0.5)
    assert settings.mean == (103.939, 116.779, 123.68)
    assert settings.scales == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7])
    assert recipe.classes == ("dress",)
    network = ssd.build(recipe)
    assert [head.out_channels for head in network.conf] == [4 * 2] * 6
    assert set(network(torch.rand(1, 3, 64, 96) * 255, truths([[1, 5, 5, 50, 50]]))) > {"classification"}


def test_what_a_later_spec_says_of_the_loss() -> None:
    written = "alpha: 0.5 neg_pos_ratio: 2 pos_iou_thresh: 0.6 neg_iou_thresh: 0.4 pred_num_channels: 512"
    settings = later("nlayers: 10", f"nlayers: 10 {written}").model
    assert settings.loss == HardNegativeLoss(negatives_per_positive=2.0, location_weight=0.5)
    assert (settings.positive_iou, settings.negative_iou) == pytest.approx((0.6, 0.4))
    assert settings.prediction_channels == 512
    assert later("nlayers: 10", "nlayers: 10 neg_pos_ratio: 0").model.loss.negatives_per_positive == 0


def test_image_mean() -> None:
    means = "".join(f'image_mean {{ key: "{key}" value: {i} }}' for i, key in enumerate("rgb", start=1))
    assert later("output_channel: 3", f"output_channel: 3 {means}").model.mean == (3, 2, 1)
    assert later("output_channel: 3", "output_channel: 1").model.mean == (117.3786,)
    grey = 'output_channel: 1 image_mean { key: "l" value: 99 }'
    assert later("output_channel: 3", grey).model.mean == (99,)


def test_strict_trains_from_records_as_dali_does() -> None:
    change = ('label_directory_path: "x"', 'tfrecords_path: "x"')
    sane, strict = later(*change).model, later(*change, strict=True).model
    assert (sane.training_mean, sane.training_iou, sane.strict) == (None, None, False)
    assert (strict.training_mean, strict.training_iou) == ((103.53, 116.28, 123.675), (0.5, 0.5))
    assert strict.mean == sane.mean
    assert strict.loss.rank_local
    network = SSD(strict, num_classes=1)
    assert all(module.strict for module in network.modules() if isinstance(module, BatchNorm))
    picture = torch.zeros(1, 3, 1, 1)
    assert network.train()._prepare(picture).flatten().tolist() == pytest.approx([-103.53, -116.28, -123.675])
    assert network.eval()._prepare(picture).flatten().tolist() == pytest.approx([-103.939, -116.779, -123.68])
    folders = later(strict=True).model
    assert (folders.training_mean, folders.training_iou) == (None, None)


def test_thresholds_of_training_and_validation_are_apart() -> None:
    network = small(positive_iou=0.9, negative_iou=0.9, training_iou=(0.3, 0.3), freeze_bn=True)
    images, targets = torch.rand(1, 3, 64, 64) * 255, truths([[1, 5, 5, 40, 40]])
    wide = small(positive_iou=0.3, negative_iou=0.3, freeze_bn=True)
    assert network(images, targets)["localization"].item() == wide(images, targets)["localization"].item()
    assert network.eval()(images, targets)["localization"] != wide.eval()(images, targets)["localization"]


def test_a_written_zero_is_no_default() -> None:
    assert earlier("  focal_loss_gamma: 2.0\n", "").model.loss.gamma == 2.0
    assert earlier("  focal_loss_gamma: 2.0\n", "focal_loss_gamma: 0").model.loss.gamma == 0.0


def drawn(count: int, size: int = 64):
    """Pictures of red and of blue striped rectangles on noise, one or two on each."""
    generator = torch.Generator().manual_seed(7)
    images, rows = torch.rand(count, 3, size, size, generator=generator) * 60, []
    for i in range(count):
        rows.append([])
        for half in range(1 + i % 2):
            width, height = (torch.randint(size // 4, size // 2, (2,), generator=generator)).tolist()
            left = half * size // 2
            top = int(torch.randint(0, size - height, (1,), generator=generator))
            label = 1 + (i + half) % 2
            patch = images[i, :, top : top + height, left : left + width]
            patch[:] = torch.tensor([[220.0, 40, 40], [40, 90, 230]][label - 1])[:, None, None]
            patch[:, :: 5 - label] = 250
            rows[-1].append([label, left, top, left + width, top + height])
    return images, truths(*rows)


@pytest.mark.parametrize(("features", "pictures", "steps"), [(Features, 16, 60), (Refined, 8, 40)])
def test_it_learns_pictures_by_heart(features, pictures: int, steps: int) -> None:
    """In few steps from random weights, scored with the stored statistics of the batch norms."""
    images, targets = drawn(pictures)
    network = small(features)
    optimiser = torch.optim.SGD(network.parameters(), lr=2e-2, momentum=0.9)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=2e-2, total_steps=steps, cycle_momentum=False)
    for _ in range(steps):
        optimiser.zero_grad()
        sum(network(images, targets).values()).backward()
        optimiser.step()
        schedule.step()
    network.eval()
    collector = Collector(["red", "blue"])
    for found, truth in zip(network.predict(images), targets, strict=True):
        collector.add(found, truth, ImageInfo("", (1, 1), (1, 1)))
    assert precision(collector.findings(), mode="INTEGRATE", iou=0.5, strict=True).mean > 0.8
