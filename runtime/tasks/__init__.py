"""One module or package per task: what a target and a prediction are, how they are measured, drawn and written.

The folder is the list: ``registry.load("runtime.tasks", "detection")`` gives a module that fulfils ``Task``. The loop,
the log, evaluation and inference know a task by this protocol only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

Target = Mapping[str, NDArray[Any]]
"""What is on an image, as named arrays by torchvision's convention: "boxes" float32 [n, 4] left, top, right, bottom in
pixels, "labels" int64 [n] from 1, "masks" uint8 [n, H, W], "keypoints" float32 [n, K, 3]. Fields of objects share their
first axis."""
Prediction = Mapping[str, NDArray[Any]]
"""What a model says of an image, by the same convention; "scores" float32 [n], 0 to 1, best first."""
