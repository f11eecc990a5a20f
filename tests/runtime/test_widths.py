"""A network takes on the widths of another state dict: what changes, what stays, what is refused."""

import pytest

torch = pytest.importorskip("torch")
from torch import nn

from runtime.nn.layers import BatchNorm, conv
from runtime.nn.widths import take_on

pytestmark = pytest.mark.torch


class Small(nn.Module):
    outputs = ("head",)

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.first = conv(3, width, kernel=3, stride=2)
        self.bn = BatchNorm(width, momentum=0.001, epsilon=1e-4)
        self.depthwise = conv(width, width, kernel=3, groups=width)
        self.head = conv(width, 5, kernel=1, bias=True)
        self.to(memory_format=torch.channels_last)

    def forward(self, x):
        return self.head(self.depthwise(self.bn(self.first(x)).relu()))


def test_computes_as_the_narrow_network() -> None:
    narrow, wide = Small(4).eval(), Small(8).eval()
    assert set(take_on(wide, narrow.state_dict())) == {"first", "bn", "depthwise", "head"}
    wide.load_state_dict(narrow.state_dict())
    pictures = torch.rand(2, 3, 9, 9)
    assert torch.equal(wide(pictures), narrow(pictures))
    assert (wide.depthwise.groups, wide.depthwise.in_channels, wide.depthwise.out_channels) == (4, 4, 4)
    assert (wide.head.in_channels, wide.head.out_channels, wide.bn.num_features) == (4, 5, 4)


def test_layers_keep_their_settings() -> None:
    wide = Small(8)
    wide.first.requires_grad_(False)
    norm = wide.bn
    take_on(wide, Small(4).state_dict())
    assert wide.bn is norm
    assert type(wide.bn) is BatchNorm
    assert (wide.bn.eps, wide.bn.settled_momentum) == (1e-4, 0.001)
    assert not wide.first.weight.requires_grad
    assert wide.depthwise.weight.requires_grad
    assert wide.first.stride == (2, 2)
    assert wide.first.weight.is_contiguous(memory_format=torch.channels_last)
    assert [name for name, _ in wide.named_parameters()] == [name for name, _ in Small(8).named_parameters()]


def test_what_is_not_loaded_keeps_its_initialisation() -> None:
    wide = Small(8)
    nn.init.constant_(wide.head.weight, 0.25)
    nn.init.constant_(wide.bn.running_var, 2.0)
    take_on(wide, Small(4).state_dict())
    assert wide.head.weight.tolist() == [[[[0.25]]] * 4] * 5
    assert wide.bn.running_var.tolist() == [2.0] * 4


def test_the_same_shapes_change_nothing() -> None:
    wide = Small(8)
    before = dict(wide.named_parameters())
    assert take_on(wide, Small(8).state_dict()) == []
    assert all(parameter is before[name] for name, parameter in wide.named_parameters())


def test_grouped_convolutions() -> None:
    """Two filters for each channel stay two; a convolution of four groups keeps its four."""
    doubled, grouped = nn.Conv2d(6, 12, 3, groups=6), nn.Conv2d(16, 8, 3, groups=4)
    network = nn.ModuleDict({"doubled": doubled, "grouped": grouped})
    take_on(network, {"doubled.weight": torch.zeros(8, 1, 3, 3), "doubled.bias": torch.zeros(8),
                      "grouped.weight": torch.zeros(4, 2, 3, 3), "grouped.bias": torch.zeros(4)})  # fmt: skip
    assert (doubled.groups, doubled.in_channels, doubled.out_channels) == (4, 4, 8)
    assert (grouped.groups, grouped.in_channels, grouped.out_channels) == (4, 8, 4)
    assert doubled(torch.zeros(1, 4, 5, 5)).shape[1] == 8
    assert grouped(torch.zeros(1, 8, 5, 5)).shape[1] == 4


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("first.weight", (4, 3, 5, 5), "first: .* another kernel"),
        ("first.weight", (9, 3, 3, 3), "first: .* fewer channels, not more"),
        ("first.weight", (0, 3, 3, 3), "first: .* not none"),
        ("first.weight", (4, 3), "first: .* another kernel"),
        ("head.weight", (4, 8, 1, 1), "head: .* never pruned"),
        ("head.bias", (4,), "head: a bias of 4 for 5 filters"),
        ("bn.weight", (4,), "bn: .* at once"),
    ],
)
def test_what_no_pruning_can_have_left_is_refused(name, shape, message) -> None:
    wide = Small(8)
    shapes = [parameter.shape for parameter in wide.parameters()]
    with pytest.raises(ValueError, match=message):
        take_on(wide, wide.state_dict() | {"depthwise.weight": torch.zeros(4, 1, 3, 3), name: torch.zeros(shape)})
    assert [parameter.shape for parameter in wide.parameters()] == shapes


def test_other_layers_cannot_be_narrowed() -> None:
    with pytest.raises(ValueError, match="0: a Linear whose weight cannot become 2 x 3"):
        take_on(nn.Sequential(nn.Linear(3, 4)), {"0.weight": torch.zeros(2, 3)})
