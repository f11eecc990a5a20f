"""Backbones layer by layer against NVIDIA's builds; the layers they share."""

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
from runtime.layers import MEMORY, BatchNorm, conv, is_depthwise, kernels, penalty
from runtime.networks.ssd.model import Features
from specs.ssd.rules import BACKBONES
from tltpipe import registry

pytestmark = pytest.mark.torch

LAYERS = json.loads((Path(__file__).parents[1] / "golden/ssd/layers.json").read_text())
NETWORKS = {
    "ssd_resnet18_300x300_pred0_21cls": ("resnet", 18),
    "ssd_mobilenet_v2_300x300_pred0_21cls": ("mobilenet_v2", 0),
}
FAMILIES = registry.names("runtime.backbones")


def features(arch: str, nlayers: int):
    with torch.device("meta"):
        return Features(arch, nlayers, in_channels=3).eval()


def nvidias_name(name: str) -> str:
    return name.removeprefix("backbone.").replace(".", "_").replace("expand_block", "ssd_expand_block")


@pytest.mark.parametrize("golden", NETWORKS)
def test_layers_are_nvidias(golden: str) -> None:
    network, shapes = features(*NETWORKS[golden]), {}
    layers = {name: module for name, module in network.named_modules() if not list(module.children())}
    for name, module in layers.items():
        module.register_forward_hook(lambda _, __, output, name=name: shapes.update({name: list(output.shape[1:])}))
    network(torch.empty(1, 3, 300, 300, device="meta"))
    found = {}
    for name, module in layers.items():
        if isinstance(module, torch.nn.Conv2d):
            height_width_in_out = (
                module.weight.permute(2, 3, 0, 1) if is_depthwise(module) else module.weight.permute(2, 3, 1, 0)
            )
            bias = {"bias": [module.out_channels]} if module.bias is not None else {}
            kind = "DepthwiseConv2D" if is_depthwise(module) else "Conv2D"
            kernel = "depthwise_kernel" if is_depthwise(module) else "kernel"
            found[nvidias_name(name)] = [kind, {kernel: list(height_width_in_out.shape)} | bias, shapes[name]]
        elif isinstance(module, BatchNorm):
            sizes = {key: [module.num_features] for key in ("gamma", "beta", "moving_mean", "moving_variance")}
            found[nvidias_name(name)] = ["BatchNormalization", sizes, shapes[name]]
    heads = ("ssd_conf_", "ssd_loc_")
    assert found == {name: rest for name, *rest in LAYERS[golden] if not name.startswith(heads)}


@pytest.mark.parametrize("arch", FAMILIES)
def test_family_keeps_its_word(arch: str) -> None:
    family = registry.load("runtime.backbones", arch)
    for nlayers in family.DEPTHS or (0,):
        with torch.device("meta"):
            backbone = family.build(nlayers, in_channels=1).eval()
            maps = backbone(torch.empty(2, 1, 160, 224))
        assert tuple(x.shape[1] for x in maps) == backbone.channels
        assert [tuple(x.shape[-2:]) for x in maps[:1]] == [(20, 28)]
        assert backbone.expansion in ("small", "medium", "large")
        named = [
            module
            for names in backbone.blocks.values()
            for name in names
            for module in backbone.get_submodule(name).modules()
        ]
        if not backbone.blocks:
            continue  # freeze_blocks has no effect
        convolutions = {module for module in backbone.modules() if isinstance(module, torch.nn.Conv2d)}
        assert convolutions == {module for module in named if isinstance(module, torch.nn.Conv2d)}


def test_specs_know_the_same_backbones() -> None:
    built = {}
    for arch in FAMILIES:
        family = registry.load("runtime.backbones", arch)
        with torch.device("meta"):
            built[arch] = (family.DEPTHS, list(family.build(*family.DEPTHS[:1] or (0,)).blocks))
    assert built == {arch: (depths, list(blocks)) for arch, (depths, blocks) in BACKBONES.items()}


def test_batch_norm_statistics_follow_from_the_first_step_on() -> None:
    norm = BatchNorm(1, momentum=0.01)
    torch.manual_seed(0)
    for step in range(60):
        norm(torch.randn(8, 1, 16, 16) * (1 + min(step, 30)) + step)
    assert norm.running_mean.item() == pytest.approx(57, abs=4)  # 0.01 throughout would leave it below 15
    assert norm.running_var.item() == pytest.approx(31**2, rel=0.2)


def test_batch_norm_settles_at_its_momentum_and_resumes_there() -> None:
    norm = BatchNorm(1, momentum=0.1)
    picture = torch.ones(2, 1, 2, 2)
    shares = []
    for _ in range(120):
        norm(picture)
        shares.append(norm.momentum)
    assert shares[0] == 1
    assert shares[9] == pytest.approx((MEMORY + 1) / (10 + MEMORY))
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] == 0.1
    again = BatchNorm(1, momentum=0.1)
    again.load_state_dict(norm.state_dict())
    again(picture)
    assert again.momentum == 0.1
    norm.load_state_dict(BatchNorm(1).state_dict())
    norm(picture)
    assert norm.momentum == 1


def test_batch_norm_has_nvidias_constants() -> None:
    found = {
        arch: {
            (m.eps, m.settled_momentum) for m in features(arch, nlayers).backbone.modules() if isinstance(m, BatchNorm)
        }
        for arch, nlayers in NETWORKS.values()
    }
    assert found == {"resnet": {(1e-3, 0.01)}, "mobilenet_v2": {(1e-3, 0.001)}}


def test_penalty_leaves_biases_norms_and_depthwise_kernels_alone() -> None:
    network = torch.nn.Sequential(
        conv(2, 4, kernel=3, bias=True), BatchNorm(4), conv(4, 4, kernel=3, groups=4), conv(4, 1, kernel=1)
    )
    weights = kernels(network)
    assert [tuple(weight.shape) for weight in weights] == [(4, 2, 3, 3), (1, 4, 1, 1)]
    absolute = sum(weight.abs().sum() for weight in weights)
    squared = sum(weight.square().sum() for weight in weights)
    torch.testing.assert_close(penalty(weights, norm=1, weight=0.5), absolute * 0.5)
    torch.testing.assert_close(penalty(weights, norm=2, weight=0.5), squared * 0.5)
    penalty(weights, norm=2, weight=0.5).backward()
    torch.testing.assert_close(weights[0].grad, weights[0].detach())
