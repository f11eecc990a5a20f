"""HRNet as a model: official names and heat maps, published vectors of targets and peaks, weights that fit or not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
import yolox_vectors as vectors
from refusals import error_of

import specs
from converters.model import landmarks
from runtime import networks
from runtime.data.recipe import Recipe
from runtime.imaging import heatmaps
from runtime.networks.hrnet import decode, targets
from runtime.networks.hrnet.model import HRNet
from runtime.weights import checkpoint, pretrained
from runtime.weights.checkpoint import Checkpoint
from tltpipe.errors import ModelError, SpecError

pytestmark = pytest.mark.torch

GOLDEN = json.loads((Path(__file__).parents[1] / "golden/hrnet/heatmaps.json").read_text())
SPEC = """\
model: {{type: {size}, aggregated: {aggregated}}}
dataset: {{train_data_sources: [{{path: /d}}], classes: [{classes}], width: 96, height: 128}}
evaluate: {{flip_test: {flip_test}}}
"""


def recipe_of(
    size: str = "w18_small", classes: str = "skirt, vest", *, aggregated: str = "true", flip_test: str = "false"
) -> Recipe[Any]:
    text = SPEC.format(size=size, classes=classes, aggregated=aggregated, flip_test=flip_test)
    return networks.recipe(specs.parse_text(text, "hrnet", source="a.yaml"))


def built(*words: str, **options: str) -> HRNet:
    torch.manual_seed(0)
    model = networks.load("hrnet").build(recipe_of(*words, **options))
    assert isinstance(model, HRNet)
    return model


def official_names(model: HRNet) -> dict[str, tuple[int, ...]]:
    return {name.removeprefix("backbone."): tuple(tensor.shape) for name, tensor in model.state_dict().items()}


def by_formula(model: HRNet) -> dict[str, torch.Tensor]:
    """Weights under official names."""
    return vectors.weights(official_names(model))


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return vectors.images(128, 96)


@pytest.mark.parametrize("size", GOLDEN["names"])
def test_names_and_shapes_are_those_of_official_checkpoints(size: str) -> None:
    with torch.device("meta"):
        own = official_names(built(size, "person"))
    assert {"tensors": len(own), "fingerprint": vectors.fingerprint(own)} == GOLDEN["names"][size]


def test_parameters_are_those_of_the_winners_network() -> None:
    with torch.device("meta"):
        count = sum(weights.numel() for weights in built("w48").parameters())
    assert round(count / 1e6, 2) == 63.60


def test_official_checkpoints_load_by_name_and_give_the_same_heat_maps(tmp_path: Path, images: torch.Tensor) -> None:
    """As HRNet's code keeps them: a prefix of data parallelism, and a figure of NumPy's beside the weights."""
    model, path = built(), tmp_path / "checkpoint.pth"
    prefixed = {f"module.{name}": tensor for name, tensor in by_formula(model).items()}
    torch.save({"epoch": 12, "model": "pose_hrnet", "state_dict": prefixed, "perf": np.float64(0.615)}, path)
    first, *others = pretrained.adopt(model, pretrained.read(path), path)
    assert f"{len(model.state_dict())} of {len(model.state_dict())} tensors" in first
    assert others == []
    found = vectors.summary([model.eval().raw(images)])[0]
    assert found["shape"] == GOLDEN["maps"]["shape"]
    assert found["values"] == pytest.approx(GOLDEN["maps"]["values"], rel=1e-4, abs=1e-4)
    assert (found["mean"], found["square"]) == pytest.approx((GOLDEN["maps"]["mean"], GOLDEN["maps"]["square"]), 1e-4)


def test_the_last_layer_is_made_anew_for_other_channels(tmp_path: Path) -> None:
    person, model, path = built("w18_small", "person"), built(), tmp_path / "pose_hrnet.pth"
    torch.save({"best_state_dict": by_formula(person)}, path)
    before = model.final_layer.weight.detach().clone()
    (_, line) = pretrained.adopt(model, pretrained.read(path), path)
    assert "other shape, not taken: final_layer.weight, final_layer.bias" in line
    assert torch.equal(model.final_layer.weight, before)
    assert torch.equal(model.state_dict()["backbone.conv1.weight"], by_formula(person)["conv1.weight"])


@pytest.mark.parametrize(
    ("own", "others", "word"),
    [
        ("w18_small", "w18", "another size"),
        ("w18", "w18_small_v2", "lacks"),
        ("w18_small", "resnet50", "lacks"),
    ],
)
def test_weights_of_another_size_or_network_are_refused(tmp_path: Path, own: str, others: str, word: str) -> None:
    """The first stage of a ResNet has the names and shapes of HRNet's own."""
    model, path = built(own), tmp_path / "others.pth"
    names = official_names(model if others == "resnet50" else built(others))
    tensors = {name: torch.zeros(shape) for name, shape in names.items()}
    if others == "resnet50":
        tensors = {name: tensor for name, tensor in tensors.items() if name.startswith(("layer1.", "bn1."))}
    torch.save(tensors, path)
    error = error_of(ModelError, pretrained.adopt, model, pretrained.read(path), path)
    assert (error.exit_code, error.where) == (4, path)
    assert word in error.what


def test_a_training_of_one_category_begins_with_all_channels_of_the_first_stage(tmp_path: Path) -> None:
    first, path = built(), tmp_path / "hrnet_w18_small_epoch_012.safetensors"
    checkpoint.save(path, Checkpoint("hrnet_w18_small", ("skirt", "vest"), 12, first.state_dict(), ""))
    second = built("w18_small", "vest")
    with torch.no_grad():
        second.final_layer.weight.zero_()
    (line,) = pretrained.adopt(second, pretrained.read(path), path, classes=("vest",))
    assert "after 12 epochs" in line
    assert torch.equal(second.final_layer.weight, first.final_layer.weight)


def test_gaussians_are_those_of_the_published_vectors() -> None:
    """The point of the example of crops, on maps of 96 x 128."""
    points = torch.tensor([[
        [94.476190, 51.2, 2], [94.476190, 51.2, 1], [50, 50, 0], [-37, 300, 1], [-39, 300, 1], [383, 511, 1],
    ]])  # fmt: skip
    maps, counts = targets.gaussians(points, (128, 96), 3.0)
    row, column = divmod(int(maps[0, 0].argmax()), 96)
    assert (column, row) == (24, 13)
    found = [maps[0, 0, row + distance, column].item() for distance in (0, 1, 3, 9, 10)]
    assert found == pytest.approx([1, 0.945959, 0.606531, 0.011109, 0], abs=1e-6)
    assert maps[0, 0, row - 9, column + 9].item() == pytest.approx(0.011109**2, abs=1e-6)
    assert torch.equal(maps[0, 0], maps[0, 1]), "occluded landmarks are learnt like visible ones"
    assert counts.tolist() == [[1, 1, 0, 1, 0, 1]], "one that is beyond the map by no more than a window counts"
    assert maps[0, 2].abs().sum() == maps[0, 4].abs().sum() == 0
    assert maps[0, 3, 75, 0].item() == pytest.approx(0.011109, abs=1e-6)
    assert maps.shape == (1, 6, 128, 96)


def test_the_loss_is_that_of_the_published_vector() -> None:
    maps = torch.zeros(1, 2, 4, 4)
    maps[0, 0, 0, 0], maps[0, 1] = 0.5, 0.3
    points = torch.tensor([[[0.0, 0, 2], [0, 0, 0]]])
    assert targets.loss(maps, points, 0.01).item() == pytest.approx(0.00390625)


def test_only_channels_of_the_own_landmarks_learn(images: torch.Tensor) -> None:
    """A skirt has 8 of the 81, or of the 294; the eighth is not labelled here."""
    skirt = landmarks.layout("skirt")
    assert skirt is not None
    points = torch.zeros(1, 294, 3)
    points[0, skirt.offset : skirt.offset + 7] = torch.tensor([40.0, 60, 2])
    given = [{"keypoints": points}] * len(images)
    for aggregated, places in {"true": [each - 1 for each in skirt.aggregated], "false": list(skirt.slots)}.items():
        model = built("w18_small", "skirt", aggregated=aggregated)
        model(images, given)["heatmaps"].backward()
        learns = model.final_layer.weight.grad.abs().flatten(1).sum(1) > 0
        assert learns.nonzero()[:, 0].tolist() == sorted(places[:7])
        assert all(weights.grad is not None for weights in model.parameters()), "several processes need all"


def test_peaks_are_those_of_the_published_vector() -> None:
    maps = torch.zeros(1, 4, 128, 96)
    for x, y, value in ((30, 40, 0.8), (31, 40, 0.5), (29, 40, 0.3), (30, 41, 0.2), (30, 39, 0.4)):
        maps[0, 0, y, x] = value
    maps[0, 1, 60, 1], maps[0, 1, 60, 2] = 0.9, 0.8  # at the rim nothing is refined
    maps[0, 2] = -0.1
    maps[0, 3, 126, 50], maps[0, 3, 125, 50], maps[0, 3, 126, 49] = 0.7, 0.6, 0.5
    expected = [[121, 159, 0.8], [4, 240, 0.9], [0, 0, -0.1], [199, 503, 0.7]]
    np.testing.assert_allclose(decode.peaks(maps)[0], expected, rtol=1e-6)
    assert decode.peaks(maps)[0].numpy() / [4, 4, 1] == pytest.approx(heatmaps.peaks(maps[0].numpy()), rel=1e-6)


def test_every_slot_is_read_from_its_channel(images: torch.Tensor) -> None:
    model = built().eval()
    with torch.no_grad():
        model.load_state_dict({f"backbone.{name}": tensor for name, tensor in by_formula(model).items()}, strict=False)
        peaks = decode.peaks(model.raw(images))
    (first, *_) = model.predict(images)
    assert first["keypoints"].shape == (1, 294, 3)
    assert torch.equal(first["keypoints"][0], peaks[0, list(landmarks.CHANNELS)])
    both, losses = model.predict_with_loss(images, [{"keypoints": torch.ones(1, 294, 3)}] * len(images))
    assert torch.equal(both[0]["keypoints"], first["keypoints"])
    assert losses["heatmaps"] > 0


def test_flip_test_is_the_mean_with_the_mirror_image(images: torch.Tensor) -> None:
    """Channels 2 and 6 of the aggregated ones, the ends of the neckline, are each other's mirror."""
    plain, model = built().eval(), built(flip_test="true").eval()
    model.load_state_dict(plain.state_dict())
    with torch.no_grad():
        raw, mirrored, maps = plain.raw(images), plain.raw(images.flip(3)), model.maps(images)
    assert torch.equal(plain.maps(images), raw)
    torch.testing.assert_close(maps[:, 1, :, 7], (raw[:, 1, :, 7] + mirrored[:, 5, :, 23 - 6]) / 2)
    torch.testing.assert_close(maps[:, 1, :, 0], (raw[:, 1, :, 0] + mirrored[:, 5, :, 23]) / 2)


def test_a_recipe_has_what_the_spec_asks_for() -> None:
    recipe = recipe_of("w48")
    view: Any = recipe.training_view
    assert (recipe.name, recipe.size, recipe.evaluation.primary) == ("hrnet_w48", (128, 96), "OKS_AP")
    assert recipe.data.per_object
    assert (view.margin, view.scale, view.rotation, view.rotation_probability) == (1.25, 0.25, 30, 0.6)
    assert (view.random_flip, view.fill) == (0, (0, 0, 0))
    assert (recipe.optimizer.name, recipe.optimizer.settings["weight_decay"]) == ("Adam", 0)
    rate = recipe.schedule(12 * 100, 1)
    steps = (0, 699, 700, 999, 1000, 1199)
    assert [rate(step) for step in steps] == pytest.approx([1e-3, 1e-3, 1e-4, 1e-4, 1e-5, 1e-5])
    assert (recipe.model.channels, len(recipe.model.slots)) == (81, 294)


def test_what_a_spec_says_of_samples_and_of_the_evaluation_reaches_the_recipe() -> None:
    text = SPEC.format(size="w18", classes="skirt", aggregated="true", flip_test="true")
    text = text.replace("height: 128", "height: 128, margin: 1.5").replace(
        "flip_test", "visibility: visible, flip_test"
    )
    recipe = networks.recipe(specs.parse_text(text, "hrnet", source="a.yaml"))
    views: Any = (recipe.training_view, recipe.plain_view, recipe.inference_view)
    assert [view.margin for view in views] == [1.5, 1.5, 1.5]
    assert (recipe.evaluation.visibility, recipe.model.flip_test) == ("visible", True)


def test_a_person_has_17_landmarks_and_garments_apart_294() -> None:
    person, apart = recipe_of(classes="person"), recipe_of(aggregated="false")
    assert (person.model.channels, person.model.slots, person.model.flip[:5]) == (17, tuple(range(17)), (0, 2, 1, 4, 3))
    assert person.fields is not None
    assert replace(person.fields["keypoints"], count=294) == recipe_of().fields["keypoints"]  # type: ignore
    assert (apart.model.channels, apart.model.flip[182:190]) == (294, (184, 183, 182, 189, 188, 187, 186, 185))
    assert sorted(apart.model.flip) == list(range(294))


@pytest.mark.parametrize(
    ("section", "written", "word"),
    [
        ("dataset", "width: 100", "width"),
        ("dataset", "height: 32", "height"),
        ("dataset", "margin: 0.9", "margin"),
        ("dataset", "classes: [skirt, frock]", "frock"),
        ("dataset", "classes: [skirt, person]", "person"),
        ("dataset", "classes: []", "empty"),
        ("model", "type: w47", "type"),
        ("model", "sigma: 0", "sigma"),
        ("evaluate", "visibility: none", "visibility"),
        ("train", "optim: {lr_scheduler: cosine, lr_steps: [7]}", "lr_steps"),
    ],
)
def test_a_spec_that_makes_no_sense_names_the_field(section: str, written: str, word: str) -> None:
    sections = {"dataset": ["train_data_sources: [{path: /d}]"], "model": [], "train": [], "evaluate": []}
    sections["dataset"] += [] if "classes" in written else ["classes: [skirt]"]
    sections[section].append(written)
    text = "".join(f"{name}:\n" + "".join(f"  {line}\n" for line in lines) for name, lines in sections.items() if lines)
    with pytest.raises(SpecError) as refusal:
        networks.recipe(specs.parse_text(text, "hrnet", source="a.yaml"))
    line = text.splitlines().index(f"  {written}") + 1
    assert str(refusal.value.where).startswith(f"a.yaml:{line}:")
    assert word in refusal.value.what


def test_weights_name_the_size_they_are_of() -> None:
    assert specs.named_after("hrnet", "pose_hrnet_w48_384x288.pth") == {"type": "w48"}
    assert specs.named_after("hrnet", "hrnet_w18_small_v2_epoch_003.safetensors") == {"type": "w18_small_v2"}
    assert specs.named_after("hrnet", "epoch_11.pth") == {}
