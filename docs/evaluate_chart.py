"""Draws ``confusion.png``: the confusion matrix of a made-up detector that mixes up clothes as real ones do.

python docs/evaluate_chart.py
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from converters.model.garments import CATEGORIES
from runtime.tasks import ImageInfo
from runtime.tasks.detection.evaluation import charts
from runtime.tasks.detection.evaluation.analysis import Analysis
from runtime.tasks.detection.findings import Collector, Findings

SIZE = (288, 288)
ALIKE = {0: (1, 4), 1: (0, 3), 3: (1,), 4: (0, 5), 6: (8,), 9: (0, 10, 11), 11: (9, 12), 12: (11,)}
"""Classes that are taken for each other."""


def main() -> None:
    names = [garment.name for garment in CATEGORIES]
    findings = made_up(names)
    analysis = Analysis(findings, 0.5)
    about = f"a made-up detector · {findings.pictures} pictures · overlap 0.5, score {analysis.threshold:.2f} or more"
    path = Path(__file__).with_name("confusion.png")
    charts.confusion(path, analysis.confusion(), names, about=about)
    picture = Image.open(io.BytesIO(path.read_bytes())).convert("RGB")
    small = picture.resize((900, round(900 * picture.height / picture.width)), Image.Resampling.LANCZOS)
    small.quantize(128).save(path, optimize=True)


def made_up(names: list[str]) -> Findings:
    random = np.random.default_rng(4)
    collector, skill = Collector(names), random.uniform(0.55, 0.95, len(names))
    for _ in range(700):
        count = int(random.integers(1, 4))
        low, span = random.uniform(0, 150, (count, 2)), random.uniform(50, 130, (count, 2))
        objects = np.concatenate([low, low + span], 1)
        labels = np.minimum(random.exponential(4, count).astype(int), len(names) - 1)
        found: list[tuple[np.ndarray, int, float]] = []
        for box, label in zip(objects, labels.tolist(), strict=True):
            if random.random() < skill[label]:
                mixed = label in ALIKE and random.random() < 0.2
                said = int(random.choice(ALIKE[label])) if mixed else label
                found.append((box + random.normal(0, 6, 4), said, random.beta(3, 3) if mixed else random.beta(5, 2)))
        for _ in range(int(random.poisson(1.2))):
            corner = random.uniform(0, 180, 2)
            box = np.concatenate([corner, corner + random.uniform(30, 100, 2)])
            found.append((box, int(random.integers(0, len(names))), random.beta(1.3, 4)))
        collector.add(
            {
                "boxes": [box for box, _, _ in found],
                "labels": [label + 1 for _, label, _ in found],
                "scores": [score for _, _, score in found],
            },
            {"boxes": objects, "labels": labels + 1},
            ImageInfo("", SIZE, SIZE),
        )
    return collector.findings()


if __name__ == "__main__":
    main()
