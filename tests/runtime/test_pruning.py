"""Whole networks: which filters share a decision, and that nothing but the removed filters is missing afterwards."""

import copy
import dataclasses

import numpy as np
import pytest
from refusals import error_of

torch = pytest.importorskip("torch")
from ssd_specs import SETTINGS
from torch import nn
from torch.nn import functional

from runtime.networks.dssd.features import Refined
from runtime.networks.ssd.features import Features
from runtime.networks.ssd.model import SSD
from runtime.nn import size
from runtime.nn.layers import CONVOLUTIONS, filters_axis
from runtime.nn.widths import take_on
from runtime.pruning import measures
from runtime.pruning.choice import Rule
from runtime.pruning.cut import cut, indices
from runtime.pruning.dependencies import EXCLUDED, IS_OUTPUT, analyse
from runtime.pruning.layers import fates, resolve
from runtime.pruning.rule import NothingLeftError, decide, excluding, statistics
from tltpipe import registry
from tltpipe.errors import ModelError, UsageError

pytestmark = pytest.mark.torch

ARCHITECTURES = [
    (family, depth)
    for family in registry.names("runtime.nn.backbones")
    for depth in registry.load("runtime.nn.backbones", family).DEPTHS or (0,)
]


def detector(arch="resnet", nlayers=10, features=Features, **changes):
    """Random weights, and batch norms that have seen something: a removed filter would leave its shift behind."""
    torch.manual_seed(1)
    settings = dataclasses.replace(SETTINGS, arch=arch, nlayers=nlayers, **changes)
    network = SSD(settings, num_classes=2, features=features).eval()
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.uniform_(layer.bias, -0.5, 0.5)
            nn.init.uniform_(layer.running_mean, -0.1, 0.1)
        elif isinstance(layer, CONVOLUTIONS):
            # Norms far apart, so that every criterion finds filters to remove.
            by_filter = layer.weight.data.transpose(0, filters_axis(layer))
            by_filter *= torch.rand(layer.out_channels, 1, 1, 1) + 0.05
            if layer.bias is not None:
                nn.init.uniform_(layer.bias, -0.01, 0.01)
    return network


class Toy(nn.Module):
    """A detector by the name of its methods; ``wiring`` is what it does."""

    input_size = (8, 8)
    outputs = of_classes = prefixes = ()

    def __init__(self, wiring, **layers) -> None:
        super().__init__()
        self.wiring = wiring
        for name, layer in layers.items():
            self.add_module(name, layer)

    def raw(self, pictures):
        return self.wiring(self, pictures)


def one(in_channels, out_channels, **options):
    return nn.Conv2d(in_channels, out_channels, 1, bias=False, **options)


def choose(found, network, **rule):
    """What stays of every group."""
    wanted = Rule(**rule)
    return decide(found, statistics(found, network.state_dict(), wanted), wanted)


def members(dependencies):
    """The layers of every group that may be pruned."""
    return [{member.layer for member in group.members} for group in dependencies.groups if group.whole is None]


def filters(layer, *norms):
    """Give a 1x1 convolution, of one input channel in use, filters of these norms."""
    layer.weight.data.zero_()
    layer.weight.data[:, 0, 0, 0] = torch.tensor(norms)


def test_sums_share_a_decision_transitively() -> None:
    def wiring(m, x):
        y = m.a(x) + m.b(x)
        return m.head((y + m.c(y.relu())).relu())

    toy = Toy(wiring, a=one(3, 4), b=one(3, 4), c=one(4, 4), head=one(4, 2))
    found = analyse(toy)
    assert members(found) == [{"a", "b", "c"}]
    filters(toy.a, 1.0, 0.2, 0.2, 0.2)
    filters(toy.b, 0.2, 1.0, 0.2, 0.2)
    filters(toy.c, 0.2, 0.2, 0.2, 1.0)
    for criterion, expected in (
        ("union", [0, 1, 3]),
        ("intersection", []),
        ("arithmetic_mean", [0, 1, 3]),  # (1 + 0.2 + 0.2) / 3 = 0.47
        ("geometric_mean", [0, 1, 3]),  # ³√0.04 = 0.34
    ):
        rule = {"threshold": 0.3, "criterion": criterion, "minimum": 0, "granularity": 1}
        if not expected:
            with pytest.raises(NothingLeftError, match="no filter of a would be left"):
                choose(found, toy, **rule)
            continue
        kept = choose(found, toy, **rule)
        assert kept[found.filters["a"][0]].tolist() == expected
        smaller = cut(toy, found, kept)
        assert smaller.c.weight.shape[:2] == (3, 3)
        assert torch.equal(smaller.b.weight, toy.b.weight[expected])


def test_a_depthwise_convolution_goes_with_what_comes_before() -> None:
    toy = Toy(lambda m, x: m.head(m.d(m.a(x)).relu()), a=one(3, 4), d=one(4, 4, groups=4), head=one(4, 2))
    found = analyse(toy)
    assert members(found) == [{"a", "d"}]
    filters(toy.a, 1.0, 0.05, 0.05, 0.9)
    filters(toy.d, 0.05, 1.0, 0.05, 0.9)
    kept = choose(found, toy, criterion="intersection", minimum=0, granularity=1)
    assert kept[found.filters["a"][0]].tolist() == [3]
    smaller = cut(toy, found, kept)
    assert (smaller.d.groups, smaller.d.in_channels, smaller.head.in_channels) == (1, 1, 1)


def test_after_a_concatenation_each_part_decides_for_itself() -> None:
    def wiring(m, x):
        return m.head(m.d(torch.cat([m.a(x), m.b(x)], dim=1)))

    toy = Toy(wiring, a=one(3, 2), b=one(3, 3), d=one(5, 5, groups=5), head=one(5, 2))
    found = analyse(toy)
    assert members(found) == [{"a", "d"}, {"b", "d"}]
    filters(toy.a, 0.01, 1.0)
    filters(toy.b, 1.0, 0.01, 1.0)
    filters(toy.d, 0.01, 0.01, 0.01, 1.0, 0.01)
    toy.head.weight.data[0] = torch.arange(5.0).reshape(5, 1, 1)
    kept = choose(found, toy, minimum=0, granularity=1)
    smaller = cut(toy, found, kept)
    assert smaller.head.weight[0].flatten().tolist() == [1, 2, 3, 4]  # of a the second, of b all
    assert smaller.d.weight.flatten().tolist() == pytest.approx([0.01, 0.01, 1.0, 0.01])


def test_a_gate_goes_with_what_it_gates() -> None:
    def wiring(m, x):
        y = m.a(x)
        gate = m.expand(m.reduce(y.mean(dim=(2, 3), keepdim=True)).relu()).sigmoid()
        return m.head(y * gate)

    toy = Toy(wiring, a=one(3, 6), reduce=one(6, 2), expand=one(2, 6), head=one(6, 2))
    assert members(analyse(toy)) == [{"a", "expand"}, {"reduce"}]


@pytest.mark.parametrize(
    "unclear",
    [
        lambda m, x: m.head(functional.pixel_shuffle(m.a(x), 2)),
        lambda m, x: m.head(m.a(x)[:, :1]),
        lambda m, x: m.head(m.a(x) * m.scale),
        lambda m, x: m.head(m.a(x) * x.mean(dim=1, keepdim=True).relu() + x.repeat(1, 2, 1, 1)[:, :4]),
        lambda m, x: m.head(torch.cat([m.a(x), m.a(x)], dim=2)) + m.a(x).sum(),
        lambda m, x: m.head(functional.conv2d(x, m.a.weight * 2)),
        lambda m, x: m.head(m.a(x)) + functional.conv2d(x, m.a.weight * 2).sum(),
        lambda m, x: m.head(m.grouped(m.a(x))),
    ],
    ids=[
        "shuffle",
        "slice",
        "scale",
        "meets the input",
        "also a sum",
        "weight in other use",
        "weight in two uses",
        "groups",
    ],
)
def test_what_is_not_understood_stays_whole(unclear) -> None:
    with torch.device("meta"):
        toy = Toy(unclear, a=one(3, 4), head=nn.LazyConv2d(2, 1), grouped=one(4, 4, groups=2))
        toy.scale = nn.Parameter(torch.ones(1, 4, 1, 1))
    toy.raw(torch.empty(1, 3, 8, 8, device="meta"))  # the head finds out its width
    found = analyse(toy)
    assert members(found) == []
    if "a" in found.filters:
        assert found.groups[found.filters["a"][0]].whole


def test_what_works_in_a_layer_used_twice() -> None:
    """Both uses get the same channels, or none go."""
    toy = Toy(lambda m, x: m.head(m.b(m.a(x))) + m.head(m.b(m.c(x))), a=one(3, 4), b=one(4, 4), c=one(3, 4),
              head=one(4, 2))  # fmt: skip
    assert members(analyse(toy)) == [{"a", "c"}, {"b"}]


def test_excluded_layers_keep_the_whole_group() -> None:
    network = detector()
    found = excluding(analyse(network), resolve(["block_2a_conv_shortcut", "conv1"], network, "ssd"), EXCLUDED)
    kept = choose(found, network, threshold=0.9, minimum=4, granularity=1)
    told = {fate.layer.removeprefix("features.backbone."): fate for fate in fates(network, found, kept)}
    for layer in ("block_2a.conv_shortcut", "block_2a.conv_2", "conv1"):
        assert (told[layer].kept, told[layer].whole) == (told[layer].filters, "excluded")
    assert told["block_3a.conv_2"].kept < 256
    assert told["block_3a.conv_2"].shared_with == ("features.backbone.block_3a.conv_shortcut",)
    assert {told[f"{kind}.{i}"].whole for kind in ("conf", "loc") for i in range(6)} == {IS_OUTPUT}


def test_layers_by_any_of_their_names() -> None:
    network = detector()
    names = ["features.backbone.conv1", "block_1a.conv_1", "block_1a_conv_2", "ssd_expand_block_1_conv_0", "ssd_conf_0"]
    assert resolve(names, network, "ssd") == {
        *("features.backbone.conv1", "features.backbone.block_1a.conv_1", "features.backbone.block_1a.conv_2"),
        *("features.expand_block_1.conv_0", "conf.0"),
    }
    error = error_of(UsageError, resolve, ["block_9z_conv_1"], network, "ssd", match='no layer "block_9z_conv_1"')
    assert "did you mean" in error.hint


@pytest.mark.parametrize(("arch", "nlayers"), ARCHITECTURES)
def test_only_the_removed_filters_are_missing(arch, nlayers) -> None:
    check(detector(arch, nlayers))


def test_the_prediction_module_is_pruned_with_its_sum() -> None:
    network = detector(prediction_channels=256)
    check(network)
    assert {"mpred.0.conv_2", "mpred.0.conv_shortcut"} in members(analyse(network))


def test_transposed_convolutions_are_pruned_and_products_share_a_decision() -> None:
    """Weights of transposed convolutions have filters and inputs the other way round."""
    network = detector(features=Refined)
    check(network)
    found = analyse(network)
    assert {"features.large_conv_1_block_0", "features.small_conv_block_0"} in members(found)
    assert {"features.small_deconv_block_0"} in members(found)
    assert found.filters["features.large_conv_1_block_0"] == found.inputs["features.small_deconv_block_1"]


def test_grey_pictures() -> None:
    check(detector(input_channels=1))


def check(network) -> None:
    """The smaller network says what the whole one does when nothing reads the removed channels."""
    found = analyse(network)
    kept = choose(found, network, threshold=0.5, criterion="geometric_mean", minimum=8)
    smaller, muted = cut(network, found, kept), copy.deepcopy(network)
    for layer, layout in found.inputs.items():
        read = muted.get_submodule(layer)
        gone = np.setdiff1d(np.arange(read.in_channels), indices(found, kept, layout))
        read.weight.data.transpose(0, filters_axis(read))[:, gone] = 0
    pictures = torch.rand(1, 3, 64, 64) * 255
    with torch.inference_mode():
        whole, expected, actual = (each.raw(pictures) for each in (network, muted, smaller))
    for mine, theirs, before in zip(actual, expected, whole, strict=True):
        scale = float(theirs.abs().max())
        torch.testing.assert_close(mine, theirs, rtol=0, atol=2e-5 * scale)
        assert (mine - before).abs().max() > 0.01 * scale  # it was no small change
    told = fates(network, found, kept)
    prunable = [fate for fate in told if fate.whole is None]
    assert {fate.whole for fate in told} == {None, IS_OUTPUT}
    assert sum(fate.kept < fate.filters for fate in prunable) > 0.9 * len(prunable)
    assert [smaller.get_submodule(fate.layer).out_channels for fate in told] == [fate.kept for fate in told]


def test_a_new_network_takes_on_the_widths_and_learns() -> None:
    network = detector("mobilenet_v2", 0)
    found = analyse(network)
    smaller = cut(network, found, choose(found, network, threshold=0.6))
    again = detector("mobilenet_v2", 0)
    assert take_on(again, smaller.state_dict())
    again.load_state_dict(smaller.state_dict())
    pictures = torch.rand(2, 3, 64, 64) * 255
    with torch.inference_mode():
        assert torch.equal(again.raw(pictures)[0], smaller.raw(pictures)[0])
    truth = {"boxes": torch.tensor([[5.0, 5, 40, 40]]), "labels": torch.tensor([1])}
    sum(again.train()(pictures, [truth, truth]).values()).backward()
    assert all(parameter.grad is not None for parameter in again.parameters())


def test_a_model_that_does_not_declare_its_outputs() -> None:
    with pytest.raises(ModelError, match="Conv2d cannot be pruned"):
        analyse(one(3, 4))


def test_costs() -> None:
    """A 1x1 convolution of 3 to 4 and one of 4 to 2 channels on 8 x 8 pixels."""
    toy = Toy(lambda m, x: m.head(m.bn(m.a(x))), a=one(3, 4), bn=nn.BatchNorm2d(4), head=one(4, 2))
    assert size.parameters(toy) == 3 * 4 + 4 * 4 + 4 * 2
    assert size.weight_bytes(toy) == 4 * 36
    assert measures.flops(toy) == 2 * 64 * (12 + 8)
    speeds = measures.speeds([toy, toy], seconds=0.1)
    assert len(speeds) == 2
    assert min(speeds) > 0
