"""Options and fixtures shared by all rooms."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from browser import Pages
    from faults import Record
    from playwright.sync_api import Browser

NEEDS = {
    "docker": "needs a Docker engine: run `make test-docker` (pytest --run-docker)",
    "browser": "needs /usr/bin/chromium and playwright: run pytest --run-browser",
    "slurm": "needs Slurm's daemons (.ci/slurm.sh installs them): run pytest --run-slurm, as root",
    "ray": "needs a Ray cluster, which they start themselves: run pytest --run-ray",
}
"""Marks of tests that run only when asked for, each by its option ``--run-<mark>``."""


def pytest_configure() -> None:
    """One thread computes in each process. Sums of other numbers of threads differ in their last bits, which tests
    compare, and figures of a detector that learned little hang on them: they are the same on every machine. Two threads
    each of two processes on two cores would take many times as long. It is set before PyTorch is imported: a number
    that is set later is not all the same to its kernels. Tests of the choice itself take the variable away."""
    os.environ["OMP_NUM_THREADS"] = "1"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--run-docker", action="store_true", help="run the tests that need a real Docker engine")
    parser.addoption("--run-browser", action="store_true", help="run the tests that need a real browser, Chromium")
    parser.addoption("--run-slurm", action="store_true", help="run the tests that start a real Slurm of two nodes")
    parser.addoption("--run-ray", action="store_true", help="run the tests that start a Ray cluster")
    shots = os.environ.get("TLTPIPE_SCREENSHOTS")
    parser.addoption("--screenshots", metavar="DIR", default=shots, help="keep the screenshots of pages in DIR")
    parser.addoption("--faults", metavar="FILE", help="append what faults came to, for docs/faults.py")
    parser.addoption("--update-golden", action="store_true", help="rewrite the golden files instead of comparing")


@pytest.fixture(scope="session", autouse=True)
def _state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What we keep for this user lies in a folder of the tests', for the programs they start, too; what the launcher of
    NVIDIA's containers mounts for this user is nothing to them."""
    folder = tmp_path_factory.mktemp("state")
    (folder / "mounts.json").write_text('{"Mounts": []}')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(folder))
        patch.setenv("LAUNCHER_MOUNTS", str(folder / "mounts.json"))
        yield folder


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for mark, reason in NEEDS.items():
        if not config.getoption(f"--run-{mark}"):
            skip = pytest.mark.skip(reason=reason)
            for item in items:
                if item.get_closest_marker(mark):
                    item.add_marker(skip)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With several processes (``-n 2``) a file's tests stay in one, for its fixtures' sake; those of a folder that is
    called as a mark of NEEDS, too: they share an engine or a cluster.

    Files are handed out in order: the slowest are not among the last ones, and no process waits for long in the end.
    """
    from xdist.scheduler import LoadFileScheduling

    config.option.loadscopereorder = False
    scheduler = LoadFileScheduling(config, log)
    file = scheduler._split_scope
    folders = tuple(f"tests/{mark}/" for mark in NEEDS)
    scheduler._split_scope = lambda test: test.split("/")[1] if test.startswith(folders) else file(test)
    return scheduler


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Who asked for tests with an engine or a browser wants them run: one that skips itself has failed."""
    report = yield
    for mark in NEEDS:
        if report.skipped and item.get_closest_marker(mark) and item.config.getoption(f"--run-{mark}"):
            report.outcome = "failed"
            report.longrepr = f"skipped in spite of --run-{mark}: {report.longrepr}"
    return report


@pytest.fixture
def record_fault(request: pytest.FixtureRequest) -> Record:
    """For a fault that the test causes: where, what, and what comes of it. ``over()`` says that it has."""
    from faults import Fault

    file = request.config.getoption("--faults")
    return lambda *words: Fault(*words, request.function.__name__, Path(file) if file else None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, once for the tests of a file: as long as it runs, this thread has an event loop that runs, beside which
    there can be no other."""
    from browser import launched

    with launched() as started:
        yield started


@pytest.fixture
def pages(browser: Browser, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Pages]:
    """Opens pages and takes their screenshots (``--screenshots``); fails the test for a page that has a fault."""
    from browser import Pages

    folder = request.config.getoption("--screenshots")
    opened = Pages(browser, Path(folder) if folder else tmp_path / "screenshots", request.node.name)
    try:
        yield opened
    finally:
        opened.close()
