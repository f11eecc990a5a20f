"""A real engine, our image on it, and a runner over an empty workspace. Nothing here skips: see the root conftest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.engine import engine, image, pull
from orchestrator.runners import Place
from orchestrator.runners.docker import DockerRunner


@pytest.fixture(scope="session")
def client() -> Any:
    return engine.connect()


@pytest.fixture(scope="session")
def our_image(client: Any) -> str:
    """The image that `tltpipe image build` made, of the sources that are tested here."""
    if pull.identity(client, image.TAG) is None:
        pytest.fail(f"there is no image {image.TAG}: run `tltpipe image build` first")
    return image.TAG


@pytest.fixture
def containers_left(client: Any) -> Iterator[Callable[[Path], list[str]]]:
    """The names of the containers, running or not, that belong to a workspace; none may be left by a test."""
    asked: list[Path] = []

    def left(workspace: Path) -> list[str]:
        asked.append(workspace)
        label = f"tltpipe.workspace={workspace}"
        return [container.name for container in client.containers.list(all=True, filters={"label": label})]

    yield left
    for workspace in tuple(asked):
        for name in left(workspace):
            client.api.remove_container(name, force=True)


@pytest.fixture
def runner(tmp_path: Path, our_image: str) -> DockerRunner:
    root = tmp_path / "work"
    root.mkdir()
    return DockerRunner(Place(root, root / ".tltpipe" / "logs", images=(our_image,)))
