"""RoIAlign by products of matrices is torchvision's, gradients too."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
from torchvision.ops import MultiScaleRoIAlign

from runtime.nn.rcnn import pooling

pytestmark = pytest.mark.torch

SHAPES = [(128, 160), (100, 90)]


KINDS = [pooling.Pooling, pooling.Gathering]


@pytest.mark.parametrize("own", KINDS)
def test_values_and_gradients_are_torchvisions(own: type[MultiScaleRoIAlign]) -> None:
    torch.manual_seed(0)
    corners = torch.rand(2, 40, 2) * 100 - 10
    boxes = list(torch.cat([corners, corners + torch.rand(2, 40, 2) ** 3 * 500], dim=2))
    boxes[1][0] = torch.tensor([5.0, 5.0, 5.0, 5.0])
    found = []
    for kind in (MultiScaleRoIAlign, own):
        torch.manual_seed(1)
        maps = {name: torch.rand(2, 6, side, side + 2, requires_grad=True) for name, side in (("0", 16), ("1", 8))}
        pooled = kind(["0", "1"], output_size=7, sampling_ratio=2)(maps, boxes, SHAPES)
        (pooled * torch.arange(pooled.numel()).reshape(pooled.shape).sin()).sum().backward()
        found.append([pooled.detach(), *(each.grad for each in maps.values())])
    assert found[0][0].shape == (80, 6, 7, 7)
    for one, other in zip(*found, strict=True):
        assert one.abs().sum() > 0
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("own", KINDS)
def test_no_boxes(own: type[MultiScaleRoIAlign]) -> None:
    maps = {"0": torch.rand(2, 6, 8, 8)}
    pool = own(["0"], output_size=7, sampling_ratio=2)
    boxes = [torch.zeros(0, 4), torch.tensor([[1.0, 1.0, 90.0, 90.0]])]
    assert pool(maps, boxes, SHAPES).shape == (1, 6, 7, 7)
    assert pool(maps, boxes[:1] * 2, SHAPES).shape == (0, 6, 7, 7)
