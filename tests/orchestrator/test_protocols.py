"""Every stage, toolkit and runner keeps to the protocol of its folder, the moment its file exists."""

import inspect
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from orchestrator import stages, toolkits
from orchestrator.pipeline import sequence
from orchestrator.runners import Place, Runner
from tltpipe import registry

STAGES = registry.names("orchestrator.stages")
TOOLKITS = registry.names("orchestrator.toolkits")
RUNNERS = registry.names("orchestrator.runners")


def lacking(thing: Any, protocol: type[Any]) -> list[str]:
    """What of the protocol the module or object does not provide, or takes other parameters for."""
    missing = [name for name in protocol.__annotations__ if not hasattr(thing, name)]
    for name, method in inspect.getmembers(protocol, inspect.isfunction):
        if name.startswith("_"):
            continue
        given = getattr(thing, name, None)
        if given is None:
            missing.append(name)
            continue
        wanted = list(inspect.signature(method).parameters)[1:]
        parameters = inspect.signature(given).parameters.values()
        # What may be left out and is only given by name, no caller of the protocol will notice.
        found = [each for each in parameters if each.kind != each.KEYWORD_ONLY or each.default is each.empty]
        # Functions of a library that serve as they are may call their parameters otherwise.
        if len(found) != len(wanted):
            missing.append(f"{name}({', '.join(wanted)})")
    return missing


@pytest.mark.parametrize("name", STAGES)
def test_stage(name: str) -> None:
    stage: ModuleType = registry.load("orchestrator.stages", name)
    assert lacking(stage, stages.Stage) == []
    assert set(stage.NEEDS) <= set(STAGES) - {name}
    assert stage.__doc__


@pytest.mark.parametrize("name", TOOLKITS)
def test_toolkit(name: str) -> None:
    toolkit = registry.load("orchestrator.toolkits", name)
    assert lacking(toolkit, toolkits.Toolkit) == []
    assert all(toolkit.template(stage.SPEC) for name in STAGES if (stage := sequence.load(name)).SPEC)


@pytest.mark.parametrize("name", RUNNERS, ids=[f"{name} runner" for name in RUNNERS])  # "docker" alone is a mark
def test_runner(name: str, tmp_path: Path) -> None:
    place = Place(workspace=tmp_path, logs=tmp_path / "logs", images=("tltpipe:none",))
    runner = registry.load("orchestrator.runners", name).open(place)
    assert lacking(runner, Runner) == []
    assert isinstance(runner.pretends, bool)
    assert runner.at(tmp_path / "specs" / "a.conf").endswith("/specs/a.conf")
    assert not (tmp_path / "logs").exists(), "opening a runner writes nothing"
