"""One file per kind of training data, by the DATA of a network's ``specs``: where it lies, how a spec names it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from tltpipe import registry

if TYPE_CHECKING:
    from orchestrator.run import Run


class Sources(Protocol):
    """What a module in this folder provides."""

    ABOUT: str
    """What it is, after "trained on"."""

    KITTI: bool
    """Whether it is made of KITTI labels, which prepare then writes beside the COCO files."""

    UNVALIDATED: str
    """What to do where no split is for validation."""

    def annotation_path(self, run: Run, split: str) -> Path:
        """The file or folder with the annotations of ``split``."""
        ...

    def image_path(self, run: Run, split: str) -> Path:
        """The folder with its images."""
        ...

    def validates(self, run: Run) -> bool:
        """Whether there is anything to validate on."""
        ...

    def variables(self, run: Run) -> dict[str, Any]:
        """What the template of a training spec needs to name them, as the job sees them."""
        ...


def of_run(run: Run) -> Sources:
    """Those that the network of ``run`` is trained on."""
    return cast("Sources", registry.load("orchestrator.jobs.sources", run.trained_on))
