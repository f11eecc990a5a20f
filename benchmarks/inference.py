"""One picture at a time on the CPU, from pixels to detections: ONNX Runtime, fp32 and int8, beside PyTorch eager.

Weights are random but for what makes them answer as trained ones do: batch norms have settled, and the threshold lets
some three hundred candidates through to suppression. All have the same threads; they take turns, so that a machine
whose speed drifts slows all of them.
"""

from __future__ import annotations

import argparse
import importlib
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Literal, cast

from measure import told

from runtime.machine import device
from tltpipe.machine import cpu_count

if TYPE_CHECKING:
    from runtime.exporting.formats import Format

CLASSES, CANDIDATES = 13, 300
TARGET = 1.5
SPEC = Path(__file__).parents[1] / "tests/data/seed-specs/training.conf"


@dataclass(frozen=True)
class Contestant:
    """A ``model`` of images of ``side`` x ``side`` pixels, and the module of its export format."""

    model: Any
    network: str
    side: int
    format: str


def ssd_of(arch: str, nlayers: int, side: int = 300) -> Contestant:
    """An SSD that answers unlike things to unlike pictures."""
    import torch

    import specs
    from runtime.exporting import judging
    from runtime.networks import ssd
    from runtime.networks.ssd.model import SSD

    settings = ssd.recipe(specs.parse(SPEC, "ssd")).model
    settings = replace(settings, arch=arch, nlayers=nlayers, input_size=(side, side), freeze_blocks=())
    torch.manual_seed(1)
    detector: Any = SSD(settings, num_classes=CLASSES)
    pixels = torch.from_numpy(judging.sample((side, side), 4)).permute(0, 3, 1, 2).float()
    with torch.no_grad():
        for _ in range(3):
            detector.train().raw(pixels)
        logits, offsets = detector.eval().raw(pixels)
        for group, output in ((detector.conf, logits), (detector.loc, offsets)):
            for head in group:
                head.weight /= output.std()
        scores = detector.dense(pixels[:1])[0].flatten()
    threshold = float(scores.topk(CANDIDATES).values[-1])
    detector.settings = replace(detector.settings, confidence_threshold=threshold)
    return Contestant(detector, "ssd", side, "runtime.networks.ssd.export.onnx")


def yolox_of(kind: Literal["nano", "s"], side: int = 416) -> Contestant:
    """A YOLOX that does."""
    import torch

    from runtime.exporting import judging
    from runtime.networks.yolox import decode
    from runtime.networks.yolox.model import YOLOX
    from runtime.networks.yolox.settings import Settings
    from specs.yolox.settings import Model

    torch.manual_seed(1)
    detector: Any = YOLOX(Settings(Model(type=kind), (side, side), 1), classes=CLASSES)
    pixels = torch.from_numpy(judging.sample((side, side), 4)).permute(0, 3, 1, 2).float()
    with torch.no_grad():
        for norm in (each for each in detector.modules() if isinstance(each, torch.nn.BatchNorm2d)):
            norm.momentum = 1.0
        detector.train().raw(pixels)
        for number, said in enumerate(detector.eval().raw(pixels)):
            for head, part in (("cls_preds", said[:, 5:]), ("obj_preds", said[:, 4:5]), ("reg_preds", said[:, :4])):
                getattr(detector.head, head)[number].weight *= 0.5 / part.std()
        said = decode.cells(detector.raw(pixels[:1]))
        scores = said.objects.sigmoid() * said.classes.max(dim=2).values.sigmoid()
    threshold = float(scores.flatten().topk(CANDIDATES).values[-1])
    network = replace(detector.settings.network, score_thresh=threshold)
    detector.settings = replace(detector.settings, network=network)
    return Contestant(detector, "yolox", side, "runtime.networks.yolox.export.onnx")


CONTESTANTS: Mapping[str, Callable[[], Contestant]] = {
    "resnet18": lambda: ssd_of("resnet", 18),
    "mobilenet_v2": lambda: ssd_of("mobilenet_v2", 0),
    "yolox_nano": lambda: yolox_of("nano"),
    "yolox_s": lambda: yolox_of("s"),
}


def calls_of(name: str, folder: Path, *, threads: int) -> dict[str, Callable[[], object]]:
    """A call for each way to compute the contestant ``name``."""
    import torch

    from runtime.exporting import judging
    from runtime.inference.backends import Device
    from runtime.inference.backends.onnx import session
    from runtime.nn.export.subject import Subject

    torch.set_num_threads(threads)
    made = CONTESTANTS[name]()
    size = made.side, made.side
    picture = judging.sample(size, 1)
    images = torch.from_numpy(picture).permute(0, 3, 1, 2).float().contiguous()
    names = tuple(f"class_{number}" for number in range(CLASSES))
    subject = Subject(made.model, made.network, names, size, 17)
    pictures = [judging.sample(size, 8)]
    format = cast("Format", importlib.import_module(made.format))

    def eager() -> object:
        with torch.inference_mode():
            return made.model.predict(images)

    calls: dict[str, Callable[[], object]] = {"PyTorch eager": eager}
    for way, data_type in (("ONNX Runtime", "fp32"), ("ONNX Runtime int8", "int8")):
        path = folder / f"{name}-{data_type}.onnx"
        format.write(
            replace(
                subject, data_type=data_type, calibration=(lambda: iter(pictures)) if data_type == "int8" else None
            ),
            path,
        )
        runtime = session(str(path), Device(), threads=threads)
        calls[way] = lambda runtime=runtime: runtime.run(None, {"images": images.numpy()})  # type: ignore[misc]
    return calls


def in_turn(calls: Sequence[Callable[[], object]], *, rounds: int, repeats: int) -> list[list[float]]:
    """Median seconds of ``repeats`` calls of each, ``rounds`` times, after some that do not count."""
    taken: list[list[float]] = [[] for _ in calls]
    for number in range(rounds + 1):
        for times, call in zip(taken, calls, strict=True):
            seconds = []
            for _ in range(repeats):
                start = time.perf_counter()
                call()
                seconds.append(time.perf_counter() - start)
            if number:
                times.append(median(seconds))
    return taken


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=CONTESTANTS, default=list(CONTESTANTS), metavar="NAME")
    parser.add_argument("--threads", type=int, default=cpu_count())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=20)
    said = parser.parse_args()
    device.require_torch()
    with tempfile.TemporaryDirectory() as folder:
        for name in said.only:
            calls = calls_of(name, Path(folder), threads=said.threads)
            eager, *others = in_turn(list(calls.values()), rounds=said.rounds, repeats=said.repeats)
            print(f"{name}, {CLASSES} classes, {said.threads} threads", flush=True)
            print(f"  PyTorch eager: {1000 * median(eager):.1f} ms")
            for way, times in zip(list(calls)[1:], others, strict=True):
                ratio = median(slow / fast for slow, fast in zip(eager, times, strict=True))
                print(f"  {way}: {1000 * median(times):.1f} ms, {ratio:.2f} x PyTorch's speed")
                if way == "ONNX Runtime":
                    told(f"{ratio:.2f} x its speed", f"{TARGET:.1f}", met=ratio >= TARGET, bound="least")
