"""One picture at a time on the CPU, from pixels to detections: ONNX Runtime, fp32 and int8, beside PyTorch eager.

Weights are random but for what makes them answer as trained ones do: batch norms have settled, and the threshold lets
some three hundred candidates through to suppression. All have the same threads; they take turns, so that a machine
whose speed drifts slows all of them.
"""

from __future__ import annotations

import argparse
import importlib
import re
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from measure import told

from runtime.machine import device
from tltpipe.machine import cpu_count

NETWORKS = ("ssd_resnet18", "ssd_mobilenet_v2", "yolox_nano", "yolox_s")
SIDES = {"ssd": 300, "yolox": 416}
CLASSES, CANDIDATES = 13, 300
TARGET = 1.5
SPEC = Path(__file__).parents[1] / "tests/data/seed-specs/training.conf"


def ssd_of(variant: str, pixels: Any) -> tuple[Any, Callable[[Any], object]]:
    """An SSD that answers unlike things to unlike pictures, and what it does with some."""
    import torch

    import specs
    from runtime.networks import ssd
    from runtime.networks.ssd.model import SSD

    settings = ssd.recipe(specs.parse(SPEC, "ssd")).model
    arch, layers = re.fullmatch(r"([a-z]+(?:_v\d)?)(\d*)", variant).groups()  # type: ignore[union-attr]
    size = (pixels.shape[2], pixels.shape[3])
    settings = replace(settings, arch=arch, nlayers=int(layers or 0), input_size=size, freeze_blocks=())
    detector: Any = SSD(settings, num_classes=CLASSES)
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
    return detector, detector.predict


def yolox_of(size: Any, pixels: Any) -> tuple[Any, Callable[[Any], object]]:
    """The same of YOLOX."""
    import torch

    from runtime.networks.yolox import decode
    from runtime.networks.yolox.model import YOLOX
    from runtime.networks.yolox.settings import Settings
    from specs.yolox.settings import Model

    model = YOLOX(Settings(Model(type=size), (pixels.shape[2], pixels.shape[3]), 0), classes=CLASSES)
    with torch.no_grad():
        for _ in range(3):
            model.train().raw(pixels)
        said = decode.cells(model.eval().raw(pixels))
        heads: Any = model.head
        for group, output in ((heads.obj_preds, said.objects), (heads.cls_preds, said.classes)):
            for head in group:
                head.weight /= output.std()
        said = decode.cells(model.raw(pixels[:1]))
        scores = (said.objects.sigmoid() * said.classes.max(dim=2).values.sigmoid()).flatten()
    network = replace(model.settings.network, score_thresh=float(scores.topk(CANDIDATES).values[-1]))
    model.settings = replace(model.settings, network=network)
    return model, model.predict


def models(name: str, folder: Path, *, threads: int) -> dict[str, Callable[[], object]]:
    """A call for each contestant."""
    import torch

    from runtime import networks
    from runtime.exporting import judging
    from runtime.inference.backends import Device
    from runtime.inference.backends.onnx import session
    from runtime.nn.export.subject import Subject

    torch.set_num_threads(threads)
    torch.manual_seed(1)
    network, _, variant = name.partition("_")
    size = (SIDES[network],) * 2
    several = torch.from_numpy(judging.sample(size, 4)).permute(0, 3, 1, 2).float()
    model, predict = {"ssd": ssd_of, "yolox": yolox_of}[network](variant, several)
    images = torch.from_numpy(judging.sample(size, 1)).permute(0, 3, 1, 2).float().contiguous()
    names = tuple(f"class_{number}" for number in range(CLASSES))
    subject, pictures = Subject(model, network, names, size, 17), [judging.sample(size, 8)]
    onnx: Any = importlib.import_module(networks.load(network).EXPORTS["onnx"])  # type: ignore[attr-defined]

    def eager() -> object:
        with torch.inference_mode():
            return predict(images)

    calls: dict[str, Callable[[], object]] = {"PyTorch eager": eager}
    for call, data_type in (("ONNX Runtime", "fp32"), ("ONNX Runtime int8", "int8")):
        path = folder / f"{name}-{data_type}.onnx"
        onnx.write(replace(subject, data_type=data_type, calibration=lambda: iter(pictures)), path)
        runtime = session(str(path), Device(), threads=threads)
        calls[call] = lambda runtime=runtime: runtime.run(None, {"images": images.numpy()})  # type: ignore[misc]
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
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help=f"{', '.join(NETWORKS)} (default: all)")
    parser.add_argument("--threads", type=int, default=cpu_count())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=20)
    said = parser.parse_args()
    device.require_torch()
    with tempfile.TemporaryDirectory() as folder:
        for network in said.networks or NETWORKS:
            calls = models(network, Path(folder), threads=said.threads)
            eager, *others = in_turn(list(calls.values()), rounds=said.rounds, repeats=said.repeats)
            print(f"{network}, {CLASSES} classes, {said.threads} threads", flush=True)
            print(f"  PyTorch eager: {1000 * median(eager):.1f} ms")
            for name, times in zip(list(calls)[1:], others, strict=True):
                ratio = median(slow / fast for slow, fast in zip(eager, times, strict=True))
                print(f"  {name}: {1000 * median(times):.1f} ms, {ratio:.2f} x PyTorch's speed")
                if name == "ONNX Runtime":
                    told(f"{ratio:.2f} x its speed", f"{TARGET:.1f}", met=ratio >= TARGET, bound="least")
