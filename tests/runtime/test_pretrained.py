"""Weights of torchvision and timm: our backbones answer as theirs do, and lines tell what was taken."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from refusals import error_of

from tltpipe import registry
from tltpipe.errors import ModelError

pytestmark = pytest.mark.torch

torch = pytest.importorskip("torch")
torchvision = pytest.importorskip("torchvision")

from torch import nn

from runtime.networks.faster_rcnn.model import FasterRCNN
from runtime.nn.torchvision_names import rcnn_names
from runtime.weights import checkpoint, pretrained
from runtime.weights.checkpoint import Checkpoint, Resume
from specs.rcnn import Backbone, Box, Model

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
HALF = (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)
MEAN_BGR = (103.939, 116.779, 123.68)


class Around(nn.Module):
    """The least of a detector: what it does to pixels, and a backbone."""

    backbone_name = "backbone"

    def __init__(self, arch: str, nlayers: int = 0, *, mean: tuple[float, ...] = MEAN_BGR, channels: int = 3) -> None:
        super().__init__()
        self.backbone = registry.load("runtime.nn.backbones", arch).build(nlayers, in_channels=channels)
        self.mean = torch.tensor(mean).reshape(3, 1, 1)
        self.input_size, self.arch, self.grey = (65, 65), arch, channels == 1

    def predict(self, images: torch.Tensor) -> list[torch.Tensor]:
        pixels = images.flip(1) - self.mean
        return self.backbone(pixels.mean(dim=1, keepdim=True) if self.grey else pixels)


def shuffled(model: nn.Module) -> nn.Module:
    """Random statistics, too, with variances small enough that the epsilon of a batch norm counts."""
    torch.manual_seed(5)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(1e-3, 1.0)
            module.weight.data.uniform_(0.3, 0.9)
            module.bias.data.normal_(0, 0.1)
        elif isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
            if module.bias is not None:
                nn.init.normal_(module.bias, std=0.1)
    return model.eval()


def replaced(model: nn.Module, kinds: tuple[type, ...], by: Callable[[], nn.Module]) -> None:
    for name, module in list(model.named_modules()):
        if isinstance(module, kinds):
            parent = model.get_submodule(name.rpartition(".")[0])
            setattr(parent, name.rpartition(".")[2], by())


class Every(nn.Module):
    """Every second row and column: an identity with a stride."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, :, ::2, ::2]


def resnet(name: str) -> nn.Module:
    """torchvision's, with strides where NVIDIA has them."""
    model = shuffled(getattr(torchvision.models, name)())
    model.maxpool = nn.Identity()
    for stage in (model.layer1, model.layer2, model.layer3, model.layer4):
        stride = (1, 1) if stage is model.layer4 else (2, 2)
        stage[0].conv1.stride = stride
        if hasattr(stage[0], "conv3"):
            stage[0].conv2.stride = (1, 1)
        if stage[0].downsample is None:
            stage[0].downsample = Every()
        else:
            stage[0].downsample[0].stride = stride
    return nn.Sequential(
        model.conv1, model.bn1, model.relu, model.layer1, model.layer2, model.layer3, model.layer4
    ), model


def vgg(name: str) -> Any:
    from torchvision.models.vgg import cfgs, make_layers

    model = nn.Module()  # without the classifier, which is most of it
    model.features = make_layers(cfgs["D" if "16" in name else "E"], batch_norm=name.endswith("_bn"))
    shuffled(model)
    layers, pooled = [], False
    for layer in model.features:
        if isinstance(layer, nn.MaxPool2d):
            pooled = True
            continue
        if pooled and isinstance(layer, nn.Conv2d):
            layer.stride, pooled = (2, 2), False
        layers.append(layer)
    return nn.Sequential(*layers), model


def squeezenet(name: str) -> Any:
    model = shuffled(getattr(torchvision.models, name)())
    model.features[0].padding = (3, 3)
    replaced(model.features, (nn.MaxPool2d,), lambda: nn.MaxPool2d(3, 2, 1))
    return model.features, model


def googlenet(name: str) -> Any:
    model = shuffled(torchvision.models.googlenet(init_weights=False))
    model.maxpool1, model.maxpool2, model.maxpool3 = (nn.MaxPool2d(2) for _ in range(3))
    model.maxpool4 = nn.Identity()
    model.transform_input = False
    for module in model.modules():
        if hasattr(module, "branch4"):
            module.branch4[0] = nn.MaxPool2d(3, 1, 1)
    names = ["conv1", "maxpool1", "conv2", "conv3", "maxpool2", "inception3a", "inception3b", "maxpool3"]
    names += [f"inception4{letter}" for letter in "abcde"] + ["maxpool4", "inception5a", "inception5b"]
    return nn.Sequential(*(getattr(model, each) for each in names)), model


def mobilenet_v2(name: str) -> Any:
    model = shuffled(torchvision.models.mobilenet_v2())
    replaced(model, (nn.ReLU6,), nn.ReLU)
    return model.features[:14], model


def efficientnet(name: str) -> Any:
    model = shuffled(torchvision.models.efficientnet_b0())
    return model.features, model


def timm_model(name: str) -> Any:
    timm = pytest.importorskip("timm")
    model = shuffled(timm.create_model(name))
    replaced(model, (nn.ReLU6, nn.LeakyReLU), nn.ReLU)
    if name.startswith("resnet"):
        raise AssertionError
    if name == "darknet53":
        return nn.Sequential(model.stem, model.stages), model
    whole = nn.Sequential(model.conv_stem, model.bn1, model.blocks)
    if name == "mobilenetv1_100":
        return nn.Sequential(model.conv_stem, model.bn1, model.blocks[:4]), model
    if name == "mobilenetv2_100":
        return nn.Sequential(model.conv_stem, model.bn1, model.blocks[:5]), model
    return nn.Sequential(whole, model.conv_head, model.bn2), model


CASES = [
    ("resnet", 18, resnet, "resnet18", IMAGENET),
    ("resnet", 34, resnet, "resnet34", IMAGENET),
    ("resnet", 50, resnet, "resnet50", IMAGENET),
    ("vgg", 16, vgg, "vgg16", IMAGENET),
    ("vgg", 16, vgg, "vgg16_bn", IMAGENET),
    ("vgg", 19, vgg, "vgg19_bn", IMAGENET),
    ("squeezenet", 0, squeezenet, "squeezenet1_0", IMAGENET),
    ("googlenet", 0, googlenet, "googlenet", HALF),
    ("mobilenet_v2", 0, mobilenet_v2, "mobilenet_v2", IMAGENET),
    ("mobilenet_v2", 0, timm_model, "mobilenetv2_100", IMAGENET),
    ("mobilenet_v1", 0, timm_model, "mobilenetv1_100", HALF),
    ("efficientnet_b0", 0, efficientnet, "efficientnet_b0", IMAGENET),
    ("efficientnet_b0", 0, timm_model, "efficientnet_b0", IMAGENET),
    ("darknet", 53, timm_model, "darknet53", IMAGENET),
]


@pytest.mark.parametrize(("arch", "nlayers", "make", "name", "seen"), CASES, ids=lambda value: str(value)[:20])
def test_a_backbone_answers_as_the_one_whose_weights_it_took(
    tmp_path: Path, arch: str, nlayers: int, make: Any, name: str, seen: Any
) -> None:
    theirs, whole = make(name)
    torch.save(whole.state_dict(), tmp_path / "weights.pth")
    # With their mean for ours zeros at the rim are the same colour, and all pixels can be compared.
    mean, deviation = (torch.tensor(values).reshape(3, 1, 1) for values in seen)
    ours = Around(arch, nlayers, mean=tuple(255 * value for value in reversed(seen[0]))).eval()
    lines = pretrained.adopt(ours, pretrained.read(tmp_path / "weights.pth"), tmp_path / "weights.pth")
    images = torch.rand(2, 3, 65, 65, dtype=torch.float64) * 255
    ours.mean = ours.mean.double()
    with torch.no_grad():
        wanted, got = theirs.double()((images / 255 - mean) / deviation), ours.double().predict(images)[-1]
    assert got.shape == wanted.shape
    assert wanted.abs().mean() > 1e-3
    torch.testing.assert_close(got, wanted, rtol=1e-3, atol=1e-4 * float(wanted.abs().max()))
    total = len(ours.state_dict())
    assert lines[0] == f"pretrained weights: {total} of {total} tensors from weights.pth"
    assert not any("other shape" in line or "not in the file" in line for line in lines)


def taken(ours: nn.Module, path: Path) -> list[str]:
    return pretrained.adopt(ours, pretrained.read(path), path)


def written(folder: Path, content: Any, name: str = "weights.pth") -> Path:
    torch.save(content, folder / name)
    return folder / name


# ------------------------------------------------------------------------------------------- what is folded, one by one


def test_with_our_own_mean_features_differ_at_the_rim_alone(tmp_path: Path) -> None:
    model = shuffled(torchvision.models.resnet18())
    ours = Around("resnet", 18).eval()
    taken(ours, written(tmp_path, model.state_dict()))
    mean, deviation = (torch.tensor(values).reshape(3, 1, 1) for values in IMAGENET)
    images = torch.rand(1, 3, 65, 65) * 255
    with torch.no_grad():
        wanted = model.bn1(model.conv1((images / 255 - mean) / deviation))
        got = ours.backbone.bn_conv1(ours.backbone.conv1(images.flip(1) - ours.mean))
    far = (got - wanted).abs()
    assert far[:, :, 2:-2, 2:-2].max() < 1e-4
    assert 1e-4 < far.max() < 0.02 * wanted.abs().max()


def test_grey_pictures_are_seen_by_the_sum_of_the_kernels(tmp_path: Path) -> None:
    model = shuffled(torchvision.models.resnet18())
    grey = sum(255 * value for value in IMAGENET[0]) / 3
    ours = Around("resnet", 18, channels=1, mean=(grey,) * 3).eval()
    taken(ours, written(tmp_path, model.state_dict()))
    mean, deviation = (torch.tensor(values).reshape(3, 1, 1) for values in IMAGENET)
    images = (torch.rand(1, 1, 65, 65) * 255).expand(-1, 3, -1, -1)
    with torch.no_grad():
        wanted = model.bn1(model.conv1((images / 255 - mean) / deviation))
        got = ours.backbone.bn_conv1(ours.backbone.conv1(images[:, :1] - grey))
    torch.testing.assert_close(got[:, :, 2:-2, 2:-2], wanted[:, :, 2:-2, 2:-2], rtol=1e-3, atol=1e-4)


def test_statistics_are_taken_and_give_way_to_the_first_batch(tmp_path: Path) -> None:
    ours, state = Around("resnet", 18), shuffled(torchvision.models.resnet18()).state_dict()
    state["bn1.num_batches_tracked"] += 5_000
    taken(ours, written(tmp_path, state))
    norm = ours.backbone.bn_conv1
    torch.testing.assert_close(norm.running_var, state["bn1.running_var"])
    batch = torch.randn(8, 64, 4, 4) + 3
    norm.eval()(batch)
    torch.testing.assert_close(norm.running_var, state["bn1.running_var"])
    norm.train()(batch)
    torch.testing.assert_close(norm.running_mean, batch.mean(dim=(0, 2, 3)))


def test_a_shortcut_without_projection_is_the_identity(tmp_path: Path) -> None:
    ours = Around("resnet", 18)
    taken(ours, written(tmp_path, torchvision.models.resnet18().state_dict()))
    unit, x = ours.backbone.block_1a.eval(), torch.randn(1, 64, 6, 6)
    torch.testing.assert_close(unit.bn_shortcut(unit.conv_shortcut(x)), x[:, :, ::2, ::2])


def test_a_real_detector_begins_with_it(tmp_path: Path, shapes: Any) -> None:
    import specs
    from runtime.networks import ssd

    spec = specs.parse(shapes.spec(replace=("nlayers: 10", "nlayers: 18")), "ssd")
    detector: Any = ssd.build(ssd.recipe(spec))
    before = {name: value.clone() for name, value in detector.state_dict().items()}
    lines = taken(detector, written(tmp_path, torchvision.models.resnet18().state_dict()))
    changed = {name for name, value in detector.state_dict().items() if not torch.equal(value, before[name])}
    assert changed
    assert all(name.startswith("features.backbone.") for name in changed)
    assert "not in the file, initialised anew: features.expand_block_0.conv_0.weight" in "\n".join(lines)
    assert "  in the file, not used: fc.weight, fc.bias" in lines
    assert any("(x - 0.485) / 0.229" in line for line in lines)


# -------------------------------------------------------------------------------------------------- files as they come


def test_part_of_a_network_and_kernels_of_another_shape(tmp_path: Path) -> None:
    small = Around("resnet", 10)
    state = shuffled(torchvision.models.resnet18()).state_dict()
    state["layer2.0.conv1.weight"] = torch.zeros(128, 64, 5, 5)
    lines = taken(small, written(tmp_path, state))
    assert lines[0].startswith("pretrained weights: 72 of 78 tensors")
    told = "\n".join(lines)
    assert "other shape, not taken: backbone.block_2a.conv_1.weight, backbone.block_2a.bn_1.weight" in told
    assert "in the file, not used: layer1.1.conv1.weight" in told
    assert "not in the file" not in told


@pytest.mark.parametrize(
    ("place", "prefix"),
    [("model", ""), ("state_dict", "module."), ("state_dict_ema", ""), (None, "backbone.body."), (None, "model.")],
)
def test_where_trainers_put_the_weights(tmp_path: Path, place: str | None, prefix: str) -> None:
    state = {f"{prefix}{name}": value for name, value in torchvision.models.resnet18().state_dict().items()}
    content: Any = state if place is None else {place: state, "args": argparse.Namespace(lr=0.1), "epoch": 3}
    ours = Around("resnet", 18)
    lines = taken(ours, written(tmp_path, content))
    total = len(ours.state_dict())
    assert lines[0].startswith(f"pretrained weights: {total} of {total} tensors")
    assert place is None or f'from "{place}"' in lines[1]


def test_a_safetensors_file_of_timm_with_its_configuration(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    state = shuffled(torchvision.models.resnet18()).state_dict()
    save_file(state, tmp_path / "model.safetensors")
    cfg = {"mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25]}
    (tmp_path / "config.json").write_text(json.dumps({"architecture": "tf_resnet", "pretrained_cfg": cfg}))
    ours = Around("resnet", 18, mean=(127.5,) * 3)
    lines = taken(ours, tmp_path / "model.safetensors")
    assert "(x - 0.5) / 0.25" in lines[3]
    expected = state["conv1.weight"].flip(1) / (255 * 0.25)
    torch.testing.assert_close(ours.backbone.conv1.weight.data, expected)
    # An epsilon like ours needs no folding.
    assert torch.equal(ours.backbone.bn_conv1.weight, state["bn1.weight"])


def test_half_precision_weights_become_ours(tmp_path: Path) -> None:
    ours = Around("resnet", 18)
    taken(ours, written(tmp_path, torchvision.models.resnet18().bfloat16().state_dict()))
    assert ours.backbone.conv1.weight.dtype == torch.float32


def test_of_squeezenet_1_1_the_fire_modules(tmp_path: Path) -> None:
    ours = Around("squeezenet")
    lines = taken(ours, written(tmp_path, shuffled(torchvision.models.squeezenet1_1()).state_dict()))
    assert lines[0].startswith("pretrained weights: 46 of 50 tensors")
    refused = next(line for line in lines if "other shape" in line)
    assert "backbone.conv1.weight" in refused
    assert "backbone.fire2.squeeze_conv.weight" in refused


def test_a_state_dict_of_ours(tmp_path: Path) -> None:
    one, other = Around("resnet", 10), Around("resnet", 10)
    lines = taken(other, written(tmp_path, shuffled(one).state_dict()))
    assert lines == ["pretrained weights: 78 of 78 tensors from weights.pth"]
    assert torch.equal(one.backbone.conv1.weight, other.backbone.conv1.weight)


# -------------------------------------------------------------------------------------------------- our own checkpoints


def own(folder: Path, model: nn.Module, key: str | None = None, *, pruned: bool = False) -> Path:
    path = folder / "own.any"
    resume = Resume({}, 1)
    made = Checkpoint("net_resnet10", ("a", "b"), 7, model.state_dict(), "", resume, pruned=pruned)
    checkpoint.save(path, made, key)
    return path


@pytest.mark.parametrize("key", [None, "key"])
def test_a_checkpoint_of_ours_with_other_classes(tmp_path: Path, key: str | None) -> None:
    before, after = Around("resnet", 10), Around("resnet", 10)
    before.conf, after.conf = nn.Conv2d(8, 6, 3), nn.Conv2d(8, 9, 3)
    fresh = after.conf.weight.clone()
    path = own(tmp_path, before, key)
    lines = pretrained.adopt(after, pretrained.read(path, key), path)
    assert lines == [
        "pretrained weights: 78 of 80 tensors from own.any, net_resnet10 after 7 epochs",
        "  other shape, not taken: conf.weight, conf.bias",
    ]
    assert torch.equal(before.backbone.conv1.weight, after.backbone.conv1.weight)
    assert torch.equal(after.conf.weight, fresh)


@pytest.mark.parametrize("classes", [("a", "b"), ("b", "c")])
def test_heads_of_as_many_other_classes_are_not_taken(tmp_path: Path, classes: tuple[str, ...]) -> None:
    """By its number class 1 would begin as another one."""
    before, after = Around("resnet", 10), Around("resnet", 10)
    before.conf, after.conf = nn.Conv2d(8, 6, 3), nn.Conv2d(8, 6, 3)
    after.of_classes = ("conf",)
    path, same = own(tmp_path, before), classes == ("a", "b")
    lines = pretrained.adopt(after, pretrained.read(path), path, classes=classes)
    told = ["  of other classes, not taken: conf.weight, conf.bias"]
    count = 80 if same else 78
    assert lines == [f"pretrained weights: {count} of 80 tensors from own.any, net_resnet10 after 7 epochs"] + (
        [] if same else told
    )
    assert torch.equal(after.conf.weight, before.conf.weight) == same


def test_a_pruned_checkpoint_of_ours_with_other_classes(tmp_path: Path) -> None:
    before, after = Around("resnet", 10), Around("resnet", 10)
    before.conf, after.conf = nn.Conv2d(512, 6, 3), nn.Conv2d(512, 9, 3)
    before.outputs = after.outputs = ("conf",)
    model = before.state_dict()
    for name in ("bn_2.weight", "bn_2.bias", "bn_2.running_mean", "bn_2.running_var", "conv_2.weight"):
        model[f"backbone.block_4a.{name}"] = model[f"backbone.block_4a.{name}"][:24].clone()
    for name in ("weight", "bias", "running_mean", "running_var"):
        model[f"backbone.block_4a.bn_shortcut.{name}"] = model[f"backbone.block_4a.bn_shortcut.{name}"][:24].clone()
    model["backbone.block_4a.conv_shortcut.weight"] = model["backbone.block_4a.conv_shortcut.weight"][:24].clone()
    model["conf.weight"] = model["conf.weight"][:, :24].clone()
    checkpoint.save(tmp_path / "own.any", Checkpoint("net_resnet10", ("a",), 1, model, "", pruned=True))
    lines = taken(after, tmp_path / "own.any")
    assert lines[0].endswith("78 of 80 tensors from own.any, net_resnet10 after 1 epochs, pruned")
    assert after.conf.weight.shape == (9, 24, 3, 3)
    assert after.backbone(torch.zeros(1, 3, 64, 64))[-1].shape[1] == 24


@pytest.mark.parametrize("which", ["missing", "superfluous"])
def test_a_pruned_checkpoint_of_another_depth(tmp_path: Path, which: str) -> None:
    """Layers of the full width between narrow ones would fail only in the first step."""
    before, after = Around("resnet", 10), Around("resnet", 18)
    if which == "superfluous":
        before, after = after, before
    made = Checkpoint("net_resnet", ("a",), 1, before.state_dict(), "", pruned=True)
    checkpoint.save(tmp_path / "own.any", made)
    error = error_of(ModelError, taken, after, tmp_path / "own.any", match="pruned layers do not fit")
    assert error.exit_code == 4
    assert error.where == tmp_path / "own.any"


# ------------------------------------------------------------------------------------------------------ whole detectors


def faster_rcnn(classes: int) -> FasterRCNN:
    small = Model(backbone=Backbone(type="resnet18", norm="batch"), box=Box(representation_size=64))
    return FasterRCNN(small, classes=classes)


def with_older_names(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """As torchvision's files with COCO weights have them, of a model that was trained on several GPUs."""
    older = {re.sub(r"(_blocks\.\d)\.0\.", r"\1.", name): value for name, value in state.items()}
    older = {name.replace("head.conv.0.0.", "head.conv."): value for name, value in older.items()}
    return {f"module.{name}": value for name, value in older.items() if "num_batches" not in name}


def test_a_detector_of_torchvision_s_with_other_classes(tmp_path: Path) -> None:
    before, after = faster_rcnn(90), faster_rcnn(3)
    fresh = {name: value.clone() for name, value in after.state_dict().items()}
    path = written(tmp_path, {"model": with_older_names(before.state_dict())}, "fasterrcnn_coco.pth")
    lines = taken(after, path)
    ours, theirs = after.state_dict(), before.state_dict()
    heads = [
        f"roi_heads.box_predictor.{head}.{kind}" for head in ("cls_score", "bbox_pred") for kind in ("weight", "bias")
    ]
    for name, value in ours.items():
        assert torch.equal(value, (fresh if name in heads or name.endswith("_tracked") else theirs)[name]), name
    counters = sum(name.endswith("_tracked") for name in ours)
    assert lines == [
        f"pretrained weights: {len(ours) - len(heads) - counters} of {len(ours)} tensors from fasterrcnn_coco.pth",
        f"  other shape, not taken: {', '.join(heads)}",
    ]


def test_a_backbone_of_torchvision_s_in_a_detector(tmp_path: Path) -> None:
    resnet, after = torchvision.models.resnet18(), faster_rcnn(3)
    path = written(tmp_path, resnet.state_dict(), "resnet18.pth")
    lines = taken(after, path)
    body = after.backbone.body.state_dict()
    assert all(torch.equal(value, body[name]) for name, value in resnet.state_dict().items() if name in body)
    assert lines[0] == f"pretrained weights: {len(body)} of {len(after.state_dict())} tensors from resnet18.pth"
    assert lines[-1] == "  in the file, not used: fc.weight, fc.bias"


def test_the_names_of_mobilenet() -> None:
    assert "backbone.body.4.block.0.0.weight" in rcnn_names("features.4.block.0.0.weight")
    assert rcnn_names("backbone.fpn.inner_blocks.2.0.weight")[0] == "backbone.fpn.inner_blocks.2.0.weight"  # today's


def test_the_older_names_of_mask_heads() -> None:
    assert rcnn_names("roi_heads.mask_head.mask_fcn3.bias")[0] == "roi_heads.mask_head.2.0.bias"
    logits = "roi_heads.mask_predictor.mask_fcn_logits.weight"
    assert rcnn_names(logits)[0] == logits


def test_weights_of_something_else_for_a_detector(tmp_path: Path) -> None:
    path = written(tmp_path, torchvision.models.vgg11().features.state_dict())
    with pytest.raises(ModelError, match="no tensor in it fits the network of this spec") as caught:
        taken(faster_rcnn(3), path)
    assert caught.value.where == path


# ---------------------------------------------------------------------------------------------------------- bad input


def test_weights_of_another_architecture(tmp_path: Path) -> None:
    ours = Around("vgg", 16)
    before = {name: value.clone() for name, value in ours.state_dict().items()}
    path = written(tmp_path, torchvision.models.resnet18().state_dict())
    with pytest.raises(
        ModelError, match="no layer in it fits the backbone of this spec: its names are conv1"
    ) as caught:
        taken(ours, path)
    assert caught.value.exit_code == 4
    assert caught.value.where == path
    assert all(torch.equal(value, before[name]) for name, value in ours.state_dict().items())
    with pytest.raises(ModelError, match="no layer in it fits the backbone of this spec: it holds net_resnet10"):
        taken(ours, own(tmp_path, Around("resnet", 10)))
    with pytest.raises(ModelError, match="no layer in it fits"):
        taken(Around("darknet", 19), path)


def test_a_whole_module_is_not_executed(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="more than tensors") as caught:
        pretrained.read(written(tmp_path, torchvision.models.resnet18()))
    assert "state_dict" in str(caught.value.hint)


@pytest.mark.parametrize("content", [[1, 2], {"a": 1}, {"model": {"epoch": 3}}])
def test_files_without_tensors_by_name(tmp_path: Path, content: Any) -> None:
    with pytest.raises(ModelError, match="no tensors by name"):
        pretrained.read(written(tmp_path, content))


def test_damaged_files(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    state = {"conv1.weight": torch.rand(64, 3, 7, 7)}
    save_file(state, tmp_path / "weights.safetensors")
    written(tmp_path, state)
    torch.save(state, tmp_path / "older.pth", _use_new_zipfile_serialization=False)
    for name in ("weights.safetensors", "weights.pth", "older.pth"):
        path = tmp_path / name
        path.write_bytes(path.read_bytes()[:-3000])
        assert error_of(ModelError, pretrained.read, path, match="cannot be read").where == path
