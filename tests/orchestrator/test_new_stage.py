"""A stage is one file: dropped into its folder it has settings, help, commands, receipts and something to show."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from orchestrator import pipeline, stages
from orchestrator.cli import app
from orchestrator.run import Run
from tltpipe.errors import ConfigError, UsageError

Start = Callable[..., Run]
STAGE = '''
"""count: how many COCO files there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from annotated_types import Ge

from orchestrator.jobs import Program
from orchestrator.settings import STRICT


@dataclass(frozen=True, kw_only=True)
class Counting:
    """Counting."""

    __pydantic_config__: ClassVar = STRICT

    least: Annotated[int, Ge(0)] = 1
    """Fewest files."""


ABOUT = "counting"
NEEDS = ("prepare",)
DATA = None
SPEC = None
SETTINGS = Counting
ON_REQUEST = False
MISSING = "run `tltpipe prepare` first"


def drafts(run):
    return []


def inputs(run):
    return [run.workspace.coco("train").parent]


def outputs(run):
    return [run.workspace.root / "count.txt"]


def requests(run):
    least = run.config.section(Counting).least
    return [Program("tlt-count", ("-i", *inputs(run), "-o", *outputs(run), "--least", str(least)))]


def execute(run):
    run.launch(*requests(run))
    return {"count": 0 if run.runner.pretends else int(outputs(run)[0].read_text())}


def show(console, told):
    console.put(f"counted: {told['count']}")
'''
PROGRAM = """
flags = dict(zip(sys.argv[1::2], sys.argv[2::2]))
Path(flags["-o"]).write_text(str(len(list(Path(flags["-i"]).glob("*.json")))))
"""


@pytest.fixture(autouse=True)
def stage(tmp_path: Path) -> Iterator[None]:
    folder = tmp_path / "more stages"
    folder.mkdir()
    (folder / "count.py").write_text(STAGE)
    stages.__path__.append(str(folder))
    yield
    stages.__path__.remove(str(folder))
    sys.modules.pop("orchestrator.stages.count", None)
    vars(stages).pop("count", None)


def test_it_runs_holds_and_has_settings(
    start: Start, fake_programs: Callable[..., Path], write_program: Callable[[Path, str], Path], workspace: Path
) -> None:
    programs = fake_programs()
    write_program(programs / "tlt-count", PROGRAM)

    def go(**settings: object) -> dict[str, tuple[str, Any]]:
        done = pipeline.execute(start(programs=programs, **settings), ["count"], with_needed=True)
        return {result.stage: (result.state, result.told.get("count")) for result in done}

    assert go() == {"prepare": ("ran", None), "count": ("ran", 2)}
    assert go() == {"count": ("skipped", None)}
    assert go(**{"count.least": 3}) == {"count": ("ran", 2)}
    assert pipeline.survey(start())["count"].why == "settings changed: --least 3 -> 1"
    with pytest.raises(ConfigError, match="least"):
        go(**{"count.least": -1})


def test_the_commands_know_it(workspace: Path) -> None:
    def tltpipe(*words: str) -> str:
        return CliRunner().invoke(app, [*words, "--workspace", str(workspace)]).stdout

    shown = tltpipe("run", "count", "--dry-run", "--set", "count.least=5")
    assert "$ tlt-count" in shown
    assert "counted: 0" in shown
    assert "count" in json.loads(tltpipe("status", "--json"))["stages"]
    written = tltpipe("init", "--dry-run", "--set", "count.least=4")
    assert yaml.safe_load(written)["count"] == {"least": 4}
    assert "# Fewest files." in written


def test_nvidias_programs_have_no_such(start: Start) -> None:
    with pytest.raises(UsageError, match="tlt-count"):
        pipeline.execute(start(toolkit="tlt2", runner="dry"), ["count"])
