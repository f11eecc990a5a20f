"""What DSSD has beyond SSD: maps of the same sizes, each multiplied with what the coarser ones say."""

import dataclasses

import pytest

torch = pytest.importorskip("torch")

from ssd_specs import SETTINGS
from torch.nn import functional

from runtime.networks.dssd.features import Refined
from runtime.networks.ssd.features import Features, map_sizes
from runtime.networks.ssd.model import SSD
from runtime.nn.layers import kernels

pytestmark = pytest.mark.torch


def refined(arch: str, nlayers: int, size: tuple[int, int], device: str = "meta") -> Refined:
    torch.manual_seed(0)
    with torch.device(device):
        return Refined(dataclasses.replace(SETTINGS, arch=arch, nlayers=nlayers, input_size=size)).eval()


@pytest.mark.parametrize("size", [(33, 47), (65, 130), (127, 255), (300, 301)])
@pytest.mark.parametrize(("arch", "nlayers"), [("resnet", 10), ("mobilenet_v2", 0), ("googlenet", 0), ("darknet", 19)])
def test_maps_of_odd_sizes_stay_as_large(arch: str, nlayers: int, size: tuple[int, int]) -> None:
    """Twice a map is too large by one, just right, or, where poolings rounded down, too small by one."""
    features = refined(arch, nlayers, size)
    maps = features(torch.empty(1, 3, *size, device="meta"))
    assert [tuple(x.shape[-2:]) for x in maps] == map_sizes(
        dataclasses.replace(SETTINGS, arch=arch, nlayers=nlayers, input_size=size)
    )
    assert [x.shape[1] for x in maps] == features.channels


def test_kernels_follow_the_sizes_of_the_maps() -> None:
    """300 x 300 has maps of 38, 19, 10, 5, 3 and 2 rows, GoogLeNet's of 37, 18, 9, 5, 3 and 2."""
    kernels_of = {
        arch: [
            (layer.kernel_size, layer.padding)
            for layer in (refined(arch, nlayers, (300, 300)).get_submodule(f"small_conv_block_{n}") for n in range(5))
        ]
        for arch, nlayers in (("resnet", 18), ("googlenet", 0))
    }
    less, same, more = ((2, 2), (0, 0)), ((3, 3), (1, 1)), ((2, 2), (1, 1))
    assert kernels_of == {"resnet": [less, less, same, less, same], "googlenet": [less, less, less, same, more]}


def test_each_map_is_multiplied_with_the_coarser_ones() -> None:
    """By hand, with the layers by NVIDIA's names; block 0 is that of the two coarsest maps."""
    features = refined("resnet", 10, (64, 96), "cpu")
    for layer in features.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(layer.running_mean, -0.1, 0.1)
    images = torch.rand(2, 3, 64, 96) * 255

    def layers(x, *names):
        for name in names:
            x = features.get_submodule(name)(x)
        return x

    with torch.inference_mode():
        found = features(images)
        maps = Features.forward(features, images)
        maps[0] = features.shrink_block_0(maps[0])
        assert torch.equal(found[5], maps[5])
        for n in range(5):
            x = layers(maps[4 - n], f"large_conv_0_block_{n}", f"large_bn_0_block_{n}").relu()
            x = layers(x, f"large_conv_1_block_{n}", f"large_bn_1_block_{n}")
            doubled = functional.conv_transpose2d(
                found[5 - n], features.state_dict()[f"small_deconv_block_{n}.weight"], stride=2
            )
            y = layers(doubled, f"small_conv_block_{n}", f"small_bn_block_{n}")
            assert torch.equal(found[4 - n], (x * y).relu())


def test_the_finest_map_of_small_networks_is_brought_to_256_channels() -> None:
    assert refined("mobilenet_v2", 0, (64, 64)).shrink_block_0.weight.shape == (256, 192, 1, 1)
    assert refined("squeezenet", 0, (64, 64)).channels[0] == 256
    assert refined("resnet", 10, (64, 64)).channels == [256, 512, 128, 128, 128, 128]
    assert refined("resnet", 18, (64, 64)).channels == [128, 256, 256, 128, 128, 128]


def test_initial_weights_and_regularisation_are_those_of_other_convolutions() -> None:
    torch.manual_seed(0)
    network = SSD(SETTINGS, num_classes=2, features=Refined)
    layer = network.features.get_submodule("small_deconv_block_4")
    assert layer.weight.shape == (512, 256, 2, 2)
    assert layer.bias is None
    limit = (6 / (4 * 512 + 4 * 256)) ** 0.5
    assert limit * 0.98 < layer.weight.abs().max().item() <= limit
    assert any(weight is layer.weight for weight in kernels(network))
    settings = dataclasses.replace(SETTINGS, regularizer="L2", regularizer_weight=0.5)
    network = SSD(settings, num_classes=2, features=Refined)
    target = {"boxes": torch.tensor([[5.0, 5, 40, 40]]), "labels": torch.tensor([1])}
    losses = network(torch.rand(1, 3, 64, 64) * 255, [target])
    convolutions = [name for name, tensor in network.state_dict().items() if tensor.dim() == 4]
    wanted = sum(0.5 * network.state_dict()[name].square().sum() for name in convolutions)
    torch.testing.assert_close(losses["regularization"], wanted, rtol=1e-4, atol=0)
