"""Options and fixtures shared by all rooms."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--run-docker", action="store_true", help="run the tests that need a real Docker engine")
    parser.addoption("--update-golden", action="store_true", help="rewrite the golden files instead of comparing")


@pytest.fixture(scope="session", autouse=True)
def _state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What we keep for this user lies in a folder of the tests', for the programs they start, too."""
    folder = tmp_path_factory.mktemp("state")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder))
        yield folder


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--run-docker"):
        return
    skip = pytest.mark.skip(reason="needs a Docker engine: run `make test-docker` (pytest --run-docker)")
    for item in items:
        if item.get_closest_marker("docker"):
            item.add_marker(skip)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Who asked for the Docker tests wants them run: one that skips itself has failed."""
    report = yield
    if report.skipped and item.get_closest_marker("docker") and item.config.getoption("--run-docker"):
        report.outcome = "failed"
        report.longrepr = f"skipped in spite of --run-docker: {report.longrepr}"
    return report
