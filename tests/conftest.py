"""Options and fixtures shared by all rooms."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--run-docker", action="store_true", help="run the tests that need a real Docker engine")
    parser.addoption("--update-golden", action="store_true", help="rewrite the golden files instead of comparing")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--run-docker"):
        return
    skip = pytest.mark.skip(reason="needs a Docker engine: run `make test-docker` (pytest --run-docker)")
    for item in items:
        if "docker" in item.keywords:
            item.add_marker(skip)
