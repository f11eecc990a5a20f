"""RoIAlign on the CPU: torchvision's kernel goes through its gradients number by number, small maps allow better."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional
from torchvision.ops import MultiScaleRoIAlign
from torchvision.ops.poolers import _setup_scales

LARGEST = 768
"""Cells of a map up to which two products of matrices, which go over all of it, take less time than the kernel."""


class Pooling(MultiScaleRoIAlign):  # type: ignore[misc]
    """MultiScaleRoIAlign, by ``align`` where all maps are small."""

    def forward(self, x: dict[str, Tensor], boxes: list[Tensor], image_shapes: list[tuple[int, int]]) -> Tensor:
        maps = [x[name] for name in self.featmap_names if name in x]
        if torch._C._get_tracing_state() or not all(_suits(each) for each in maps):
            pooled: Tensor = super().forward(x, boxes, image_shapes)
            return pooled
        scales, mapper = _setup_scales(maps, image_shapes, self.canonical_scale, self.canonical_level)
        levels = mapper(boxes) if len(maps) > 1 else torch.zeros(sum(map(len, boxes)), dtype=torch.int64)
        size, parts = self.output_size[0], []
        for image, (own, level) in enumerate(zip(boxes, levels.split([len(each) for each in boxes]), strict=True)):
            result = own.new_zeros((len(own), maps[0].shape[1], size, size))
            for number, (each, scale) in enumerate(zip(maps, scales, strict=True)):
                chosen = (level == number).nonzero()[:, 0]
                if len(chosen):
                    part = align(each[image], own[chosen] * scale, size, self.sampling_ratio)
                    result = result.index_copy(0, chosen, part)
            parts.append(result)
        return torch.cat(parts)


def align(features: Tensor, boxes: Tensor, size: int, samples: int) -> Tensor:
    """RoIAlign (as ``aligned=False``) of ``features`` [C, H, W] on ``boxes`` [N, 4] in cells: [N, C, size, size].

    What a bin is of the rows and of the columns it covers can be told apart: two products of matrices.
    """
    channels, height, width = features.shape
    rows = _weights(boxes[:, 1], boxes[:, 3], height, size, samples)
    columns = _weights(boxes[:, 0], boxes[:, 2], width, size, samples)
    across = features.reshape(channels * height, width) @ columns.reshape(-1, width).T
    down = across.reshape(channels, height, len(boxes), size).permute(2, 1, 0, 3).reshape(len(boxes), height, -1)
    return (rows @ down).reshape(len(boxes), size, channels, size).transpose(1, 2)


def _weights(start: Tensor, end: Tensor, cells: int, size: int, samples: int) -> Tensor:
    """The share of each of ``cells`` in each of ``size`` bins from ``start`` to ``end`` [N]: [N, size, cells]."""
    side = (end - start).clamp(min=1.0)[:, None]
    points = (torch.arange(size * samples, dtype=start.dtype) + 0.5) / (size * samples)
    points = start[:, None] + side * points
    inside = (points >= -1) & (points <= cells)
    away = (points.clamp(0, cells - 1)[..., None] - torch.arange(cells, dtype=start.dtype)).abs()
    near = (1 - away).clamp(min=0) * inside[..., None]
    return near.reshape(len(start), size, samples, cells).mean(dim=2)


def _suits(features: Tensor) -> bool:
    small = features.shape[-2] * features.shape[-1] <= LARGEST
    return small and _on_cpu(features)


def _on_cpu(features: Tensor) -> bool:
    return features.device.type == "cpu" and features.dtype == torch.float32


class Gathering(MultiScaleRoIAlign):  # type: ignore[misc]
    """MultiScaleRoIAlign of maps of any size: each bin is a weighted sum of cells, whose channels lie side by side."""

    def forward(self, x: dict[str, Tensor], boxes: list[Tensor], image_shapes: list[tuple[int, int]]) -> Tensor:
        maps = [x[name] for name in self.featmap_names if name in x]
        if torch._C._get_tracing_state() or not all(_on_cpu(each) for each in maps):
            pooled: Tensor = super().forward(x, boxes, image_shapes)
            return pooled
        scales, mapper = _setup_scales(maps, image_shapes, self.canonical_scale, self.canonical_level)
        joined, channels = torch.cat(boxes), maps[0].shape[1]
        levels = mapper(boxes) if len(maps) > 1 else torch.zeros(len(joined), dtype=torch.int64)
        images = torch.repeat_interleave(torch.tensor([len(each) for each in boxes]))
        height, width, area = torch.tensor([(*each.shape[2:], len(each) * each[0, 0].numel()) for each in maps]).T
        start = (area.cumsum(0) - area)[levels] + images * (height * width)[levels]
        joined = joined * torch.tensor(scales)[levels, None]
        size, samples = self.output_size[0], self.sampling_ratio
        rows, row_shares = _cells(joined[:, 1], joined[:, 3], height[levels], size, samples)
        columns, column_shares = _cells(joined[:, 0], joined[:, 2], width[levels], size, samples)
        rows = start[:, None, None] + rows * width[levels, None, None]
        places = (rows[:, :, None, :, None] + columns[:, None, :, None, :]).reshape(-1, 4 * samples**2)
        shares = row_shares[:, :, None, :, None] * column_shares[:, None, :, None, :]
        table = torch.cat([each.permute(0, 2, 3, 1).reshape(-1, channels) for each in maps])
        bins = functional.embedding_bag(places, table, per_sample_weights=shares.reshape(places.shape), mode="sum")
        return bins.reshape(len(joined), size, size, channels).permute(0, 3, 1, 2)


def _cells(start: Tensor, end: Tensor, cells: Tensor, size: int, samples: int) -> tuple[Tensor, Tensor]:
    """Which of ``cells`` [N] make up each of ``size`` bins from ``start`` to ``end`` [N], and the share of each:
    [N, size, 2 * samples]."""
    side = (end - start).clamp(min=1.0)[:, None]
    points = start[:, None] + side * ((torch.arange(size * samples) + 0.5) / (size * samples))
    last = cells[:, None] - 1
    inside = (points >= -1) & (points <= last + 1)
    points = points.clamp(min=0).minimum(last)
    near = points.long()
    after = points - near
    places = torch.stack([near, (near + 1).minimum(last)], dim=-1)
    shares = torch.stack([1 - after, after], dim=-1) * inside[..., None] / samples
    shape = len(start), size, 2 * samples
    return places.reshape(shape), shares.reshape(shape)
