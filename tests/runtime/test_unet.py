"""The network of per-pixel classes by itself: its parts, what it learns by, whose weights it takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.torch

torch = pytest.importorskip("torch")

from torchvision.models import resnet18

import specs
from runtime import networks
from runtime.imaging.views.framing import Letterbox, Stretch
from runtime.networks.unet import fairnet, losses
from runtime.networks.unet.model import PixelClassifier
from runtime.networks.unet.settings import Settings
from runtime.weights import pretrained
from runtime.weights.pretrained import Foreign
from specs.unet.settings import Loss, Model
from tltpipe.errors import ModelError, SpecError

SMALLEST = "dataset:\n  train_data_sources: [{path: /d}]\n  classes: [skirt, vest]\n"
ARCHS = ("unet", "unetplusplus", "fpn", "deeplabv3plus", "upernet", "segformer")
TWO = {"arch": "fairnet", "dilations": (2, 3)}
"""A ResNet18 has two blocks in its last stage."""


def network(loss: Loss | None = None, **model: Any) -> PixelClassifier:
    torch.manual_seed(1)
    return PixelClassifier(Settings(Model(**model), loss or Loss(), (64, 96), classes=2))


def parsed(text: str) -> specs.Spec:
    return specs.parse_text(SMALLEST + text, "unet", source="a.yaml")


def targets(count: int = 2) -> list[dict[str, Any]]:
    random = np.random.default_rng(1)
    return [{"map": torch.from_numpy(random.choice([0, 1, 2, 255], (64, 96)).astype(np.uint8))} for _ in range(count)]


def test_the_cross_entropy_is_the_mean_over_pixels_that_are_known() -> None:
    logits = torch.tensor([[2.0, 0.0, 0.0], [0.0, 1.0, 0.0], [9.0, 9.0, 9.0]]).T[None, :, None]
    truth = torch.tensor([[[0, 2, 255]]])
    first, second = -np.log(np.e**2 / (np.e**2 + 2)), -np.log(1 / (np.e + 2))
    assert float(losses.cross_entropy(logits, truth)) == pytest.approx((first + second) / 2)
    weighted = losses.cross_entropy(logits, truth, torch.tensor([3.0, 1.0, 0.5]))
    assert float(weighted) == pytest.approx((3 * first + 0.5 * second) / 3.5)


@pytest.mark.parametrize("weights", [None, [3.0, 1.0, 0.5]])
def test_a_batch_of_which_nothing_is_known_teaches_nothing(weights: list[float] | None) -> None:
    logits, truth = torch.ones(1, 3, 4, 4, requires_grad=True), torch.full((1, 4, 4), 255)
    loss = losses.cross_entropy(logits, truth, weights and torch.tensor(weights)) + losses.dice(logits, truth)
    loss.backward()  # type: ignore[no-untyped-call]
    assert (float(loss.detach()), float(logits.grad.abs().max())) == (0, 0)


def test_dice_is_of_the_batch_as_a_whole() -> None:
    logits, truth = torch.zeros(1, 2, 1, 4), torch.tensor([[[0, 0, 0, 1]]])
    # Even odds: 2 * 1.5 / (2 + 3) of the background, 2 * 0.5 / (2 + 1) of the class.
    assert float(losses.dice(logits, truth)) == pytest.approx(((1 - 3 / 5) + (1 - 1 / 3)) / 2)


@pytest.mark.parametrize(
    "model",
    [{"arch": name} for name in ("unet", "unetplusplus", "fpn", "deeplabv3plus", "upernet", "segformer")] + [TWO],
)
def test_every_architecture_says_something_of_each_pixel(model: dict[str, Any]) -> None:
    built = network(Loss(loss="cross_dice_sum"), **model)
    images = torch.rand(2, 3, 64, 96) * 255
    summed = torch.stack(list(built(images, targets()).values()))
    assert summed.shape == (2,)
    summed.sum().backward()
    assert all(weights.grad is not None for weights in built.parameters()), "training with several processes wants that"
    (first, _), loss = built.eval().predict_with_loss(images, targets())
    assert (first["map"].dtype, first["map"].shape) == (torch.uint8, (64, 96))
    assert int(first["map"].max()) <= 2
    assert {*loss} == {"cross_entropy", "dice"}


def test_fairnet_dilates_the_last_stage_and_keeps_its_stride() -> None:
    built = network(**TWO)
    stage: Any = built.encoder.get_submodule("layer4")
    assert [block.conv2.dilation for block in stage] == [(2, 2), (3, 3)]
    maps = built.encoder(torch.zeros(1, 3, 64, 96))
    assert maps[-1].shape[-2:] == (2, 3)
    assert built.decoder(maps).shape == (1, 768, 8, 12), "three levels side by side at stride 8"


@pytest.mark.parametrize(
    ("text", "place", "word"),
    [
        ("model:\n  encoder: resnet19\n", "a.yaml:5:3", "resnet1"),
        ("model:\n  encoder: tu-convnet\n", "a.yaml:5:3", "tu-convne"),
        ("model:\n  encoder: tu-swin_tiny_patch4_window7_224\n", "a.yaml:5:3", "224"),
        ("model:\n  arch: fairnet\n  encoder: mobilenet_v2\n", "a.yaml:6:3", "ResNet"),
        ("model:\n  arch: fairnet\n  dilations: [2, 3, 5]\n", "a.yaml:6:3", "2 blocks"),
    ],
)
def test_what_cannot_be_built_is_an_error_of_the_spec(text: str, place: str, word: str) -> None:
    recipe = networks.recipe(parsed(text))
    with pytest.raises(SpecError) as refusal:
        networks.load("unet").build(recipe)
    assert str(refusal.value.where) == place
    assert word in f"{refusal.value} {refusal.value.hint}"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("loss: {class_weights: [1, 2]}", "a.yaml:4:8"),
        ("loss: {loss: dice, class_weights: [1, 2, 3]}", "a.yaml:4:20"),
        ("model: {decoder_channels: [64]}", "a.yaml:4:9"),
        ("model: {arch: fpn, decoder_channels: [64, 32]}", "a.yaml:4:20"),
        ("  batch_size: 1\nmodel: {arch: upernet}", "a.yaml:4:3"),
        ("  augmentation: {crop_area: [0.9, 0.5]}", "a.yaml:4:18"),
        ("evaluate: {primary: boundary_F1}", "a.yaml:4:12"),
        ("train: {optim: {lr_scheduler: constant, lr_decay_epochs: 5}}", "a.yaml:4:41"),
        ("train: {num_iterations: 9, optim: {lr_decay_epochs: 5}}", "a.yaml:4:36"),
    ],
)
def test_what_does_not_fit_together(text: str, place: str) -> None:
    with pytest.raises(SpecError) as refusal:
        parsed(text)
    assert str(refusal.value.where) == place


def test_images_are_shown_as_exported_models_show_them() -> None:
    """A view that cards can tell of: what is drawn at random is a training's alone."""
    boxed = networks.recipe(parsed("  resize: letterbox\n"))
    assert boxed.inference_view == boxed.plain_view == Letterbox(width=320, height=512)
    filled = networks.recipe(parsed("  augmentation: {backgrounds: /b}\n"))
    assert filled.inference_view == filled.plain_view == Stretch(width=320, height=512)
    view: Any = filled.training_view
    assert (view.random_flip, view.cut_paste, view.backgrounds) == (0.5, 0.4, Path("/b"))


def test_poly_falls_over_the_whole_training_unless_the_spec_says_otherwise() -> None:
    rate = networks.recipe(parsed("train: {num_epochs: 200}")).schedule(2000, 1)
    assert rate(0) == pytest.approx(2e-4)
    assert rate(1000) == pytest.approx(1e-7 + (2e-4 - 1e-7) * 0.5**0.9)
    assert rate(2000) == pytest.approx(1e-7)
    published = parsed("train: {num_epochs: 200, optim: {lr_decay_epochs: 10}}")
    (warning,) = published.warnings
    assert warning.startswith("a.yaml:4:34: ")
    assert "190 of 200" in warning
    rate = networks.recipe(published).schedule(2000, 1)
    assert (rate(50), rate(100), rate(1999)) == pytest.approx((1e-7 + (2e-4 - 1e-7) * 0.5**0.9, 1e-7, 1e-7))


@pytest.mark.parametrize(
    "text",
    [
        "model: {encoder: mit_b2}",
        "train: {pretrained_model_path: /w/resnext101_32x4d.swsl.safetensors}",
        "train: {pretrained_model_path: /w/ig_resnext101_32x8-c38310e5.pth}",
        "train: {pretrained_model_path: /w/convnextv2_tiny.fcmae_ft_in1k.safetensors}",
    ],
)
def test_research_weights_are_named_as_such(text: str) -> None:
    (warning,) = parsed(text).warnings
    assert "non-commercial" in warning


def test_weights_of_torchvision_become_those_of_the_encoder() -> None:
    model = network()
    theirs = resnet18(weights=None).state_dict()
    pretrained.adopt(model, Foreign(theirs), Path("resnet18.pth"))
    own = model.encoder.state_dict()
    assert all(torch.equal(own[name], theirs[name]) for name in own)
    larger = network(encoder="resnet34")
    with pytest.raises(ModelError, match="lacks"):
        pretrained.adopt(larger, Foreign(theirs), Path("resnet18.pth"))


def test_the_losses_are_those_of_the_spec() -> None:
    random = np.random.default_rng(3)
    logits = torch.from_numpy(random.normal(size=(1, 3, 4, 4)).astype(np.float32))
    truth = torch.from_numpy(random.choice([0, 1, 2, 255], (1, 4, 4)))
    weights = torch.tensor([1.0, 5.0, 2.0])
    told = dict(losses.losses(logits, truth, Loss(loss="cross_dice_sum"), weights))
    assert torch.equal(told["cross_entropy"], losses.cross_entropy(logits, truth, weights))
    assert not torch.equal(told["cross_entropy"], losses.cross_entropy(logits, truth))
    other = torch.where((truth == 255)[:, None], torch.randn(1, 3, 4, 4), logits)
    assert torch.allclose(told["dice"], losses.dice(other, truth)), "what is ignored has no say"
    assert [*dict(losses.losses(logits, truth, Loss(loss="dice"), None))] == ["dice"]


def test_pixels_reach_the_encoder_as_it_was_trained_on_them() -> None:
    built, seen = network(), []
    built.encoder.register_forward_pre_hook(lambda _module, given: seen.append(given[0]))
    with torch.no_grad():
        built.eval().raw(255 * torch.tensor([0.485, 0.456 + 0.224, 0.406]).view(1, 3, 1, 1).expand(1, 3, 64, 96))
    assert seen[0][0, :, 0, 0].tolist() == pytest.approx([0, 1, 0], abs=1e-5)


def test_what_the_coarsest_level_of_fairnet_sees_reaches_the_finest() -> None:
    decoder = fairnet.Decoder((3, 4, 5), 2).eval()
    maps = [torch.rand(1, count, 16 // 2**place, 16 // 2**place) for place, count in enumerate((3, 4, 5))]
    changed = [*maps[:2], maps[2] + 1]
    with torch.no_grad():
        before, after = decoder(maps), decoder(changed)
    assert all((before[:, at : at + 2] != after[:, at : at + 2]).any() for at in (0, 2, 4))
