"""Backbones layer by layer against NVIDIA's builds; the layers they share."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
from ssd_specs import SETTINGS

from runtime.networks.ssd.features import Features
from runtime.nn.layers import MEMORY, BatchNorm, conv, is_depthwise, kernels, penalty
from specs.ssd.backbones import BACKBONES
from tltpipe import registry

pytestmark = pytest.mark.torch

LAYERS = json.loads((Path(__file__).parents[1] / "golden/ssd/layers.json").read_text())
NETWORKS = {
    "ssd_resnet18_300x300_pred0_21cls": ("resnet", 18),
    "ssd_mobilenet_v2_300x300_pred0_21cls": ("mobilenet_v2", 0),
}
FAMILIES = registry.names("runtime.nn.backbones")


def features(arch: str, nlayers: int):
    with torch.device("meta"):
        return Features(replace(SETTINGS, arch=arch, nlayers=nlayers)).eval()


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
    family = registry.load("runtime.nn.backbones", arch)
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
        family = registry.load("runtime.nn.backbones", arch)
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
    norm, shares = BatchNorm(1, momentum=0.1), []

    def share(norm) -> float:
        """How much of the stored mean one step with pictures of another mean replaces."""
        before = norm.running_mean.item()
        norm(torch.tensor([before + 1.0, before + 3.0]).reshape(2, 1, 1, 1))
        return (norm.running_mean.item() - before) / 2

    for step in range(1, 121):
        shares.append(share(norm))
        if step % 40 == 0:
            norm.train()  # as after a validation
    wanted = [max(0.1, (MEMORY + 1) / (step + MEMORY)) for step in range(1, 121)]
    assert shares == pytest.approx(wanted, rel=1e-3)
    again = BatchNorm(1, momentum=0.1)
    again.load_state_dict(norm.state_dict())
    assert share(again) == pytest.approx(0.1, rel=1e-3)
    norm.load_state_dict(BatchNorm(1).state_dict())
    assert share(norm) == 1


def test_strict_batch_norm_has_one_momentum_from_the_start() -> None:
    norm = BatchNorm(1, momentum=0.1)
    norm.strict = True
    norm(torch.tensor([1.0, 3.0]).reshape(2, 1, 1, 1))
    assert norm.running_mean.item() == pytest.approx(0.2)


def test_batch_norm_of_a_single_value_keeps_to_the_stored_statistics() -> None:
    norm = BatchNorm(2)
    norm(torch.randn(4, 2, 3, 3))
    state = {name: value.clone() for name, value in norm.state_dict().items()}
    picture = torch.randn(1, 2, 1, 1)
    torch.testing.assert_close(norm(picture), norm.eval()(picture))
    assert all(torch.equal(value, state[name]) for name, value in norm.state_dict().items())


def test_batch_norm_normalises_as_torchs() -> None:
    ours, torchs = BatchNorm(3), torch.nn.BatchNorm2d(3, eps=1e-3)
    pictures = torch.randn(4, 3, 5, 7) * 3 + 100
    torch.testing.assert_close(ours(pictures), torchs(pictures))


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (5, 1), (1, 2), (6, 7)])
@pytest.mark.parametrize("kernel", [3, 5])
def test_strided_convolutions_see_zeros_around_a_map_of_one_column(kernel: int, size) -> None:
    layer, pictures = conv(3, 4, kernel=kernel, stride=2, bias=True), torch.randn(2, 3, *size, requires_grad=True)
    plain = torch.nn.functional.conv2d(pictures, layer.weight, layer.bias, stride=2, padding=(kernel - 1) // 2)
    torch.testing.assert_close(layer(pictures), plain)
    torch.testing.assert_close(layer.eval()(pictures), plain)


def test_strided_convolutions_of_low_precision_have_whole_gradients() -> None:
    """oneDNN leaves some of them unwritten, whatever was in that memory before."""
    layer = conv(64, 128, kernel=3, stride=2)
    for _ in range(8):
        del [torch.full_like(layer.weight, float("nan"), dtype=torch.bfloat16) for _ in range(3)][:]
        pictures, layer.weight.grad = torch.randn(2, 64, 1, 1), None
        with torch.autocast("cpu", dtype=torch.bfloat16):
            layer(pictures).float().sum().backward()
        gradient = torch.zeros_like(layer.weight)
        gradient[:, :, 1, 1] = pictures.sum(dim=(0, 2, 3))
        torch.testing.assert_close(layer.weight.grad, gradient, rtol=2e-2, atol=2e-2)


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
