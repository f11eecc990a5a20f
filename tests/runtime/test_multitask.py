"""The network of several tasks by itself: what it says, what it learns by, and what is left out of that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.torch

torch = pytest.importorskip("torch")

from torch.nn import functional
from torchvision.models import resnet18

from runtime.imaging.views.cut import Cut
from runtime.networks.multitask import losses, model, pooling
from runtime.networks.multitask.model import Multitask
from runtime.networks.multitask.settings import Settings
from runtime.weights import pretrained
from runtime.weights.pretrained import Foreign
from specs.multitask.settings import Loss, Model

TASKS = {"category": ("Tee", "Blouse", "Jeans", "Skirt", "Dress"), "season": ("summer", "winter")}
TYPES = ("upper", "upper", "lower", "lower", "full")


def network(heads: str = "joint", *, loss: Loss | None = None, attributes: int = 3, **settings: Any) -> Multitask:
    torch.manual_seed(1)
    types = TYPES if heads == "per_type" else ()
    asked: Any = {"heads": heads, **settings}
    return Multitask(Settings(Model(**asked), loss or Loss(), (64, 96), TASKS, attributes, types))


def images(count: int = 2) -> Any:
    return torch.rand(count, 3, 64, 96, generator=torch.Generator().manual_seed(1)) * 255


def target(category: int, season: int = 1, attributes: Any = (1, 0, 0), box: Any = (24, 16, 72, 48)) -> dict[str, Any]:
    return {
        "choices": torch.tensor([category, season]),
        "attributes": torch.tensor(attributes, dtype=torch.int8),
        "box": torch.tensor(box, dtype=torch.float32),
    }


def values(found: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value.detach()) for name, value in found.items()}


def test_reduce_sum_is_a_thousand_times_the_mean() -> None:
    logits, truth = torch.zeros(2, 1000), torch.zeros(2, 1000, dtype=torch.int8)
    assert float(losses.attributes(logits, truth, Loss(reduce_sum=True))) == pytest.approx(693.147, abs=1e-3)
    assert float(losses.attributes(logits, truth, Loss())) == pytest.approx(0.693147, abs=1e-6)


def test_unknown_attributes_do_not_count() -> None:
    logits, truth = torch.tensor([[2.0, -1.0, 50.0]]), torch.tensor([[1, 0, -1]], dtype=torch.int8)
    expected = [-np.log(1 / (1 + np.exp(-2))), -np.log(1 - 1 / (1 + np.exp(1)))]
    assert float(losses.attributes(logits, truth, Loss())) == pytest.approx(sum(expected) / 2)
    assert float(losses.attributes(logits, truth, Loss(reduce_sum=True))) == pytest.approx(sum(expected))
    nothing = torch.full((1, 3), -1, dtype=torch.int8)
    assert float(losses.attributes(logits, nothing, Loss())) == 0


def test_hinge() -> None:
    logits, truth = torch.tensor([[0.4, 0.4, 3.0]]), torch.tensor([[1, 0, 1]], dtype=torch.int8)
    loss = Loss(attribute_loss="hinge", reduce_sum=True)
    assert float(losses.attributes(logits, truth, loss)) == pytest.approx(0.6 + 1.4)
    assert float(losses.attributes(logits, truth, loss, torch.tensor([2.0, 5, 5]))) == pytest.approx(1.2 + 1.4)


def test_positive_weights_are_negatives_by_positives_up_to_the_scale() -> None:
    weights = losses.positive_weights(torch.tensor([1, 5, 9, 0]), torch.tensor([9, 5, 1, 10]), 2.0)
    assert weights.tolist() == pytest.approx([1.8, 0.2, 2 / 90, 2.0])


def test_they_come_from_the_training_data() -> None:
    truth = np.array([[1, 0, -1], [1, 0, 0], [0, 1, -1], [1, 0, 0]], np.int8)
    bits = np.packbits(np.stack([truth == 1, truth == -1], axis=1), axis=2)

    class Split(SimpleNamespace):
        def __getitem__(self, name: str) -> Any:
            return {"attributes": bits}[name]

        def __len__(self) -> int:
            return len(bits)

    split: Any = Split()
    have, lack = model.counts(split, 3)
    assert (have.tolist(), lack.tolist()) == ([3, 1, 0], [1, 3, 2])
    weighing = network(loss=Loss(pos_weights=True, pos_weights_scale=3.0))
    weighing.begin_training(split)
    assert weighing.positive_weights is not None
    assert weighing.positive_weights.tolist() == pytest.approx([1 / 3, 3, 2])
    assert "positive_weights" not in weighing.state_dict(), "they belong to the data, not to the model"


def test_what_is_not_known_gives_no_loss() -> None:
    unknown = target(0, 0, (-1, -1, -1), (0, 0, 0, 0))
    found = values(network().eval()(images(), [unknown, unknown]))
    assert found == {"category": 0, "task_season": 0, "attributes": 0, "box": 0}
    known, both = target(3, 2), network().eval()
    alone = values(both(images()[:1], [known]))
    assert values(both(images(), [known, unknown])) == pytest.approx(alone), "nor does it thin out that of the others"


def test_of_an_unknown_category_the_type_is_unknown() -> None:
    found = values(network("per_type").eval()(images(), [target(0), target(0)]))
    assert (found["type"], found["category"]) == (0, 0)


def test_the_backbone_sees_pixels_from_minus_one_to_one() -> None:
    seen: list[Any] = []
    whole = network().eval()
    whole.backbone["conv1"].register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    whole.predict(torch.tensor([0.0, 127.5, 255.0]).reshape(3, 1, 1, 1).expand(3, 3, 64, 96))
    assert seen[0][:, 0, 0, 0].tolist() == [-1, 0, 1]


def test_the_box_is_learnt_as_shares_of_the_input_times_beta() -> None:
    wide, half = network(loss=Loss(beta=0.5)).eval(), torch.tensor([[0.25, 0.25, 0.75, 0.75]])
    said = wide.said(images(1)).boxes
    assert said is not None
    found = values(wide(images(1), [target(1)]))
    assert found["box"] == pytest.approx(0.5 * float((said.detach() - half).abs().mean()))
    (prediction,) = wide.predict(images(1))
    assert prediction["box"].tolist() == pytest.approx((said[0].clamp(max=1) * torch.tensor([96, 64, 96, 64])).tolist())


def test_no_gradient_reaches_the_box_through_the_features_in_it() -> None:
    learning = network()
    found = learning(images(), [target(1), target(2)])
    (found["category"] + found["attributes"]).backward()
    assert learning.box is not None
    assert all(weights.grad is None for weights in learning.box.parameters())
    assert learning.backbone["conv1"].weight.grad.abs().sum() > 0


@pytest.mark.parametrize("corners", [(0, 0, 1, 1), (0.2, 0.3, 0.4, 1.0), (0.5, 0.5, 0.5, 0.5), (0.1, 0, 0.9, 0.3)])
def test_the_largest_of_each_third_as_adaptive_pooling_has_it(corners: tuple[float, ...]) -> None:
    maps = torch.randn(1, 4, 7, 7, generator=torch.Generator().manual_seed(2))
    left, top, right, bottom = (int(6 * corner) for corner in corners)
    expected = functional.adaptive_max_pool2d(maps[:, :, top : bottom + 1, left : right + 1], 3)
    assert torch.equal(pooling.largest(maps, torch.tensor([corners])), expected.flatten(1))


def test_aligned_features_are_those_of_each_image_s_own_box() -> None:
    maps = torch.zeros(2, 1, 6, 6)
    maps[0, 0, :, 3:], maps[1, 0, 3:] = 1, 2
    right, low = (0.5, 0.0, 1.0, 0.5), (0.0, 0.5, 0.5, 1.0)
    found = pooling.aligned(maps, torch.tensor([right, low])).reshape(2, 3, 3)
    assert found[:, 1, 1].tolist() == [1, 2]
    assert pooling.aligned(maps, torch.tensor([low, right])).reshape(2, 3, 3)[:, 1, 1].tolist() == [0, 0]


def test_joint_heads_give_a_distribution_over_each_task() -> None:
    first, second = network().eval().predict(images())
    assert {name: tuple(value.shape) for name, value in first.items()} == {
        "label": (), "choices": (7,), "attributes": (3,), "box": (4,),
    }  # fmt: skip
    for each in (first, second):
        assert each["choices"][:5].sum() == pytest.approx(1)
        assert each["choices"][5:].sum() == pytest.approx(1)
        assert int(each["label"]) == int(each["choices"][:5].argmax()) + 1


def test_heads_by_type_learn_from_their_own_type_alone() -> None:
    learning = network("per_type")
    learning(images(), [target(1), target(2)])["category"].backward()
    (heads, *_) = [weights.grad for name, weights in learning.choices.named_parameters() if name == "0.weight"]
    assert heads is not None
    touched = heads.abs().sum(dim=1) > 0
    assert touched.tolist() == [True, True, False, False, False], "Tee and Blouse, nothing of lower and full"
    assert learning.types is not None
    assert learning.types.weight.grad is None


def test_a_category_is_as_likely_as_its_type_times_itself_within_it() -> None:
    sure = network("per_type").eval()
    own = dict(sure.named_parameters())
    with torch.no_grad():
        for head, bias in (("choices.0", [0, np.log(3), 5, 5, 0]), ("types", np.log([6, 3, 1]))):
            own[f"{head}.weight"].zero_()
            own[f"{head}.bias"].copy_(torch.tensor(bias))
    (prediction,) = sure.predict(images(1))
    assert prediction["choices"][:5].tolist() == pytest.approx([0.15, 0.45, 0.15, 0.15, 0.1])
    found = values(sure(images(1), [target(2)]))
    assert found["type"] == pytest.approx(-np.log(0.6))
    assert found["category"] == pytest.approx(-np.log(0.75))


def test_without_box_and_attributes_there_is_neither() -> None:
    table = network(attributes=0, box=False, local_features=False).eval()
    assert set(table.predict(images(1))[0]) == {"label", "choices"}
    assert set(table(images(1), [target(1)])) == {"category", "task_season"}
    assert table.choices[0].in_features == 512


def test_weights_of_torchvision_load_by_their_names() -> None:
    torch.manual_seed(5)
    theirs, ours = resnet18(weights=None), network()
    lines = pretrained.adopt(ours, Foreign(theirs.state_dict()), SimpleNamespace(name="resnet18.pth"))  # type: ignore[arg-type]
    assert torch.equal(ours.backbone["layer4"][1].conv2.weight, theirs.layer4[1].conv2.weight)
    assert any("fc.weight" in line for line in lines if "not used" in line), "told"


def test_an_input_is_cut_out_of_the_stretched_image() -> None:
    plain = Cut(width=224, height=112, stretched=(256, 128))
    assert plain.placement((512, 512)).matrix.tolist() == [[0.5, 0, -16], [0, 0.25, -8], [0, 0, 1]]
    random, drawn = np.random.default_rng(3), Cut(width=224, height=112, stretched=(256, 128), random_flip=1.0)
    corners = np.array([drawn.placement((256, 128), random).matrix[:2, 2] for _ in range(200)])
    assert ((corners[:, 0] >= 224) & (corners[:, 0] <= 256)).all(), "mirrored"
    assert ((corners[:, 1] <= 0) & (corners[:, 1] >= -16)).all()
    assert np.ptp(corners, axis=0) == pytest.approx([32, 16], rel=0.1)
    zooming = Cut(width=100, height=100, stretched=(100, 100), zoom=0.2, shift=0.1)
    scales = np.array([np.diag(zooming.placement((100, 100), random).matrix)[:2] for _ in range(200)])
    about_the_middle = replace(zooming, shift=0).placement((100, 100), random).matrix @ (50, 50, 1)
    assert about_the_middle[:2].tolist() == pytest.approx([50, 50])
    assert (scales.min() >= 0.8, scales.max() <= 1.2, np.ptp(scales) > 0.3) == (True, True, True)
