"""``tlt-evaluate`` after its last picture: figures, tables, charts, sheets and files of 5,000 pictures.

    python benchmarks/evaluation_report.py [FOLDER] [--against BIN] [--detections N] [--rounds N] [--plain]

The program runs as it is, on pictures of ``corpus.py``, but for its model: what that predicts is made up, 100
detections a picture, half of them near an object. Measured is CPU time and wall time from the last prediction to the
end of the process, matplotlib and all. ``--against`` is the folder of another version's programs, which take turns.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any

import commands
import corpus
import evaluation
import measure
import numpy as np

TARGET = 0.5
CHILD = "--child"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="keep the corpus here; without: in a temporary folder")
    parser.add_argument("--against", type=Path, metavar="BIN", help="programs of another version")
    parser.add_argument("--pictures", type=int, default=5000)
    parser.add_argument("--detections", type=int, default=100, help="a picture")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--plain", action="store_true", help="without the two COCO files")
    said = parser.parse_args()
    coco = [] if said.plain else ["--coco"]
    bins = [measure.BIN, *([said.against] if said.against else [])]
    with corpus.bench(said.folder, pictures=said.pictures) as bench:
        workspace = bench.workspace("workspace")
        measure.run(commands.prepare(workspace))
        took: dict[Path, list[tuple[float, float]]] = {bin: [] for bin in bins}
        for number in range(said.rounds + 1):
            for place, bin in enumerate(bins):
                results = bench.folder(f"results{number}-{place}")
                argv = [bin / "python", __file__, CHILD, workspace, results, said.detections, *coco]
                took[bin].append(after_last([*map(str, argv)]))
    for bin, rounds in took.items():
        cpu, wall = (sorted(column) for column in zip(*rounds[1:], strict=True))
        print(f"{bin}: CPU {median(cpu):.2f} s ({cpu[0]:.2f} to {cpu[-1]:.2f}), wall {median(wall):.2f} s")
    if said.against:
        pairs = list(zip(*took.values(), strict=True))[1:]
        cpu, wall = (median(own[which] / other[which] for own, other in pairs) for which in (0, 1))
        measure.told(f"{wall:.2f} of its wall time, {cpu:.2f} of its CPU time", f"{TARGET:g}", met=wall <= TARGET)


def after_last(argv: list[str]) -> tuple[float, float]:
    """Seconds of CPU time and of wall time from the last prediction on that the child ``argv`` makes up."""
    silent = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    child = os.posix_spawn(argv[0], argv, os.environ, file_actions=silent)
    _, status, used = os.wait4(child, 0)
    ended = time.monotonic()
    if status:
        raise RuntimeError(f"{' '.join(argv)} ended with {os.waitstatus_to_exitcode(status)}")
    cpu, wall = json.loads((Path(argv[4]) / "last.json").read_text())
    return used.ru_utime + used.ru_stime - cpu, ended - wall


def child(workspace: Path, results: Path, detections: int, *more: str) -> int:
    """tlt-evaluate on ``workspace``, whose model is made up."""
    import torch

    from runtime.evaluation import validation
    from runtime.inference import backends
    from runtime.programs import evaluate

    torch.nn.Conv2d(3, 3, 3)(torch.zeros(1, 3, 64, 64))  # the model has its threads, as any that has predicted

    def model(_path: Path, request: Any) -> Any:
        return SimpleNamespace(classes=request.recipe.classes, name="ssd", about="made up", recipe=request.recipe)

    def run_validation(
        _predict: Any, _task: Any, recipe: Any, split: Any, metrics: Any, _classes: Any, **_more: Any
    ) -> Any:
        *batches, last = list(batches_of(split, recipe.evaluation.batch_size, detections))
        for batch in batches:
            metrics.update(*batch)
        (results / "last.json").write_text(json.dumps([time.process_time(), time.monotonic()]))
        metrics.update(*last)
        return validation.Validation(0.0, examples(split, batches[0] if batches else last))

    backends.open, validation.run_validation = model, run_validation  # type: ignore[assignment]
    split = workspace / "Original-Data" / "train"
    spec, made_up = workspace / "specs" / "train.conf", workspace / "model.pth"
    made_up.touch()
    argv = ["-e", spec, "-m", made_up, "-r", results, "-i", split / "image", "-l", split / "label", *more]
    return evaluate.main(["ssd", *map(str, argv)])


def batches_of(split: Any, size: int, detections: int) -> Any:
    """Predictions, targets and images, batch by batch, in pixels of the network's input."""
    from runtime.tasks import ImageInfo
    from runtime.tasks.detection.detections import detections as best_first

    random = np.random.default_rng(0)
    scales = np.array(evaluation.SIZE) / split.sizes
    for first in range(0, len(split), size):
        batch: tuple[list[Any], list[Any], list[Any]] = ([], [], [])
        for number in range(first, min(first + size, len(split))):
            places = split.places(number)
            target = {"boxes": split.boxes[places] * np.tile(scales[number], 2), "labels": split.labels[places]}
            found = evaluation.detections_near(random, target, detections)
            order = np.argsort(-found["scores"], kind="stable")
            batch[0].append(best_first(*(found[name][order] for name in ("boxes", "labels", "scores"))))
            batch[1].append(target)
            image = ImageInfo(split.name(number), tuple(split.sizes[number].tolist()), evaluation.SIZE, None, number)
            batch[2].append(image)
        yield batch


def examples(split: Any, batch: Any) -> list[Any]:
    """The first pictures as the network saw them, for the sheet of targets beside predictions."""
    from PIL import Image

    from runtime.evaluation.validation import EXAMPLES
    from runtime.tasks import Example

    pixels = (np.asarray(Image.open(split.image(number)).resize(evaluation.SIZE)) for number in range(EXAMPLES))
    return [Example(*each) for each in zip(pixels, batch[1], batch[0], strict=False)]


if __name__ == "__main__":
    if sys.argv[1:2] == [CHILD]:
        workspace, results, detections, *more = sys.argv[2:]
        sys.exit(child(Path(workspace), Path(results), int(detections), *more))
    main()
