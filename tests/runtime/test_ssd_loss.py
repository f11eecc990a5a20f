"""Both losses: NVIDIA's numbers for softmax with hard negatives, the definition for the focal one."""

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from runtime.networks.ssd.loss import FocalLoss, HardNegativeLoss
from runtime.networks.ssd.loss_terms import localization

pytestmark = pytest.mark.torch

GOLDEN = Path(__file__).parents[1] / "golden/ssd"
CASES = json.loads((GOLDEN / "loss.json").read_text())["cases"]


@pytest.fixture(scope="module")
def arrays():
    with np.load(GOLDEN / "loss.npz") as golden:
        return {name: torch.tensor(golden[name].astype(np.float64)) for name in golden}


def total(arrays, samples, ratio, probabilities, offsets):
    labels = arrays["labels"][samples].long()
    positive = labels > 0
    loss = HardNegativeLoss(negatives_per_positive=ratio)
    # A softmax of logarithms gives the probabilities back.
    classes = loss.classification(probabilities.log(), labels)
    return classes + localization(offsets[positive], arrays["offsets_true"][samples][positive], labels, weight=1.0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", CASES)
def test_softmax_loss_is_nvidias(name: str, dtype, arrays) -> None:
    case = CASES[name]
    samples = case["sample_indices"]
    ratio = case["args"].get("neg_pos_ratio", 3)
    predictions = (arrays[key][samples].to(dtype) for key in ("probabilities", "offsets"))
    value = total(arrays, samples, ratio, *predictions)
    assert value.item() == pytest.approx(case["keras_scalar_mean"], rel=2e-6)


@pytest.mark.parametrize(("dtype", "rtol", "atol"), [(torch.float32, 1e-5, 1e-8), (torch.float64, 1e-6, 1e-9)])
def test_softmax_gradient_is_nvidias(dtype, rtol: float, atol: float, arrays) -> None:
    # Some probabilities are 0, to see them floored; their logarithm has to be a number here.
    probabilities = arrays["probabilities"].clamp(min=1e-30)
    logits = probabilities.log().to(dtype).requires_grad_()
    offsets = arrays["offsets"].to(dtype).requires_grad_()
    labels = arrays["labels"].long()
    positive = labels > 0
    HardNegativeLoss().classification(logits, labels).backward()
    localization(offsets[positive], arrays["offsets_true"][positive], labels, weight=1.0).backward()
    classes, boxes = arrays["gradient"].split([5, 4], dim=-1)
    torch.testing.assert_close(offsets.grad.double(), boxes, rtol=rtol, atol=atol)
    # From the gradient by probability to the one by logit: g_i = p_i (d_i - sum_j p_j d_j).
    probabilities = probabilities / probabilities.sum(dim=-1, keepdim=True)
    weighted = classes * probabilities
    expected = weighted - probabilities * weighted.sum(-1, keepdim=True)
    torch.testing.assert_close(logits.grad.double(), expected, rtol=rtol, atol=3e-7)
    for picture, count in enumerate(CASES["default"]["n_anchors_with_cls_grad_per_sample"]):
        assert int((logits.grad[picture] != 0).any(dim=-1).sum()) == count


def focal_by_definition(logits, labels, alpha, gamma):
    sums = 0.0
    for row, label in zip(logits.reshape(-1, logits.shape[-1]).double(), labels.flatten().tolist(), strict=True):
        for i, p in enumerate(row.sigmoid().tolist(), start=1):
            if label >= 0:
                right, weight = (p, alpha) if i == label else (1 - p, 1 - alpha)
                sums += -weight * (1 - right) ** gamma * np.log(right)
    return sums / max(1, int((labels > 0).sum()))


@pytest.mark.parametrize(("alpha", "gamma"), [(0.25, 2.0), (0.5, 0.0), (0.9, 1.5)])
def test_focal_loss_is_its_definition(alpha: float, gamma: float) -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(2, 7, 3) * 3, torch.tensor([[0, 1, 3, -2, 0, 2, 0], [0, 0, -2, 3, 0, 0, 1]])
    value = FocalLoss(alpha=alpha, gamma=gamma).classification(logits, labels)
    assert value.item() == pytest.approx(focal_by_definition(logits, labels, alpha, gamma), rel=1e-6)


@pytest.mark.parametrize(("alpha", "gamma"), [(0.25, 2.0), (0.5, 0.0), (0.9, 1.5)])
def test_focal_gradient_is_autograds(alpha: float, gamma: float) -> None:
    torch.manual_seed(0)
    labels = torch.tensor([[0, 1, 3, -2, 0, 2, 0], [0, 0, -2, 3, 0, 0, 1]])
    logits = (torch.randn(2, 7, 3, dtype=torch.float64) * 4).requires_grad_()
    (FocalLoss(alpha=alpha, gamma=gamma).classification(logits, labels) * 3).backward()
    ours, logits.grad = logits.grad, None
    right = labels[..., None] == torch.arange(1, 4)
    p = torch.where(right, logits.sigmoid(), 1 - logits.sigmoid())
    weight = ((1 - alpha) + (2 * alpha - 1) * right.double()) * (labels >= 0)[..., None]
    (-(weight * (1 - p) ** gamma * p.log()).sum() / 5 * 3).backward()
    torch.testing.assert_close(ours, logits.grad, rtol=1e-9, atol=1e-12)
    single = logits.detach().float().requires_grad_()
    (FocalLoss(alpha=alpha, gamma=gamma).classification(single, labels) * 3).backward()
    torch.testing.assert_close(single.grad.double(), ours, rtol=1e-5, atol=1e-9)


def test_neutral_anchors_teach_nothing() -> None:
    labels = torch.tensor([[0, 2, -2]])
    for loss, channels in ((FocalLoss(), 3), (HardNegativeLoss(), 4)):
        logits = torch.randn(1, 3, channels, requires_grad=True)
        loss.classification(logits, labels).backward()
        assert logits.grad[0, :2].abs().sum() > 0
        assert logits.grad[0, 2].abs().sum() == 0


@pytest.mark.parametrize("value", [-100.0, 100.0])
@pytest.mark.parametrize(("loss", "channels"), [(FocalLoss(), 3), (HardNegativeLoss(), 4)])
def test_extreme_logits_stay_finite(loss, channels: int, value: float) -> None:
    logits = torch.full((1, 4, channels), value).requires_grad_()
    result = loss.classification(logits, torch.tensor([[0, 1, 2, 0]]))
    result.backward()
    assert torch.isfinite(result)
    assert torch.isfinite(logits.grad).all()


def test_pictures_without_objects() -> None:
    labels = torch.zeros(2, 5, dtype=torch.long)
    assert HardNegativeLoss().classification(torch.randn(2, 5, 4), labels) == 0
    assert FocalLoss().classification(torch.randn(2, 5, 3), labels) > 0
    assert localization(torch.zeros(0, 4), torch.zeros(0, 4), labels, weight=1.0) == 0


def test_channels_and_scores() -> None:
    logits = torch.randn(2, 5, 4)
    assert (FocalLoss().channels(3), HardNegativeLoss().channels(3)) == (3, 4)
    torch.testing.assert_close(FocalLoss().scores(logits), logits.sigmoid())
    torch.testing.assert_close(HardNegativeLoss().scores(logits), logits.softmax(-1)[..., 1:])
    assert torch.tensor(FocalLoss().bias()).sigmoid().item() == pytest.approx(0.01)
