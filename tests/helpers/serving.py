"""Models being served, in this process: for tests that send requests without a network."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from starlette.testclient import TestClient

from runtime.imaging.pixels import PixelBatch
from runtime.inference.backends._seeing import BySize
from runtime.inference.crops import Crops
from runtime.serving import app
from runtime.serving.limits import Limits
from runtime.serving.models import Opening, Served, open_cascade, open_models
from runtime.serving.service import Batching, Service
from runtime.tasks import Prediction, detection

ORIGIN = "http://127.0.0.1"


def models(*paths: Path, cascade: tuple[Path, Path] | None = None, **options: Any) -> list[Served]:
    """Those in files; ``options`` are those of ``Opening``."""
    opening = Opening(**options)
    served = open_models([str(path) for path in paths], opening)
    if cascade is not None:
        first, second = map(str, cascade)
        served.append(open_cascade(first, second, opening, first_threshold=None, crops=Crops(), batch=4))
    return served


@contextmanager
def client(
    served: Sequence[Served],
    limits: Limits | None = None,
    batching: Batching | None = None,
    keep: Any = None,
    **more: Any,
) -> Iterator[TestClient]:
    """Sends requests to ``served``; ``more`` is for the application."""
    service = Service(served, limits or Limits(), batching or Batching(), keep=keep)
    with service.running():
        made = app.create(service, **more)
        sends = TestClient(made, base_url=ORIGIN, raise_server_exceptions=False)
        sends.app_state = {"service": service}
        yield sends


class StandIn:
    """A ``runtime.inference.backends.Model`` that does what a test wants of it: ``found`` gets the images of a call."""

    def __init__(self, found: Any, size: tuple[int, int] = (32, 32)) -> None:
        self.found, self.input_size = found, size
        self.about, self.name, self.classes, self.names, self.recipe = "a stand-in", "ssd_test", ("box",), {}, None
        self.load_image = BySize(size)

    def __call__(self, pixels: PixelBatch) -> Sequence[Prediction]:
        return [self.found(image) for image in np.asarray(pixels)]


def served(model: Any, name: str = "model") -> Served:
    return Served(name, model, "detection", detection, "0" * 64, 0.3)


def box(score: float = 0.9) -> Prediction:
    """A prediction of one object."""
    return {
        "boxes": np.array([[1, 2, 11, 12]], np.float32),
        "labels": np.ones(1, np.int64),
        "scores": np.array([score], np.float32),
    }


def encoded(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format, **options)
    return stream.getvalue()
