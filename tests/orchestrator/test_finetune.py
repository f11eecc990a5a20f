"""A model of each category from one of all: what is trained, skipped, gone on with and put together, by programs that
leave what the real ones would."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from refusals import error_of
from typer.testing import CliRunner

from orchestrator import pipeline
from orchestrator.cli import app
from orchestrator.jobs import leftovers
from orchestrator.run import Run
from orchestrator.screen.report import Quiet
from tltpipe.errors import ConfigError, DataError, Interrupted, UsageError

Start = Callable[..., Run]
Programs = Callable[..., Path]

TRAIN = """
import hashlib, os, signal
from time import sleep
flags = dict(zip(sys.argv[2::2], sys.argv[3::2]))
results, spec = Path(flags["-r"]), Path(flags["-e"]).read_text()
(results / "weights").mkdir(parents=True, exist_ok=True)
(results / "options.txt").write_text(f"{flags.get('--threads')} {flags.get('--gpu_index')}")
(results / "from.txt").write_text(flags.get("-m", ""))
done = [] if "--fresh" in sys.argv else sorted((results / "weights").glob("*.safetensors"))
text = done[-1].read_text() if done else Path(flags["-m"]).read_text() if "-m" in flags else "random"
for epoch in range(len(done) + 1, 3):
    text = hashlib.sha256(f"{text} {spec} {epoch}".encode()).hexdigest()
    half = results / "half"
    half.write_text(text)
    half.rename(results / "weights" / f"hrnet_w18_epoch_{epoch:03d}.safetensors")
    if STOP and epoch == 1 and results.name == STOP:
        if FAILS:
            print("error: out of room\\n  hint: make some", file=sys.stderr)
            sys.exit(3)
        for _ in range(4):  # Python loses a signal whose KeyboardInterrupt falls into a destructor
            os.kill(os.getppid(), signal.SIGINT)
            sleep(5)
"""
EVALUATE = """
import json
folder = Path(sys.argv[sys.argv.index("-r") + 1]) / "evaluation"
folder.mkdir(exist_ok=True)
if "--coco" in sys.argv:
    model = Path(sys.argv[sys.argv.index("-m") + 1])
    rows = [{"image_id": 1, "category_id": folder.parent.name, "score": 1, "model": model.read_text()}]
    (folder / "coco_results.json").write_text(json.dumps(rows))
else:
    rows = json.loads(Path(sys.argv[sys.argv.index("--results") + 1]).read_text())
scores = {"primary": "OKS_AP", "figures": {"OKS_AP": len(rows) / 10}, "per_class": {}, "OKS_AP": len(rows) / 10}
(folder / "evaluation.json").write_text(json.dumps(scores))
"""
SETTINGS: Mapping[str, Any] = {"network": "hrnet", "hrnet.type": "w18", "hrnet.num_epochs": 2}
SHOWN = ("long_sleeved_shirt", "short_sleeved_outwear", "long_sleeved_outwear")
"""Categories on the images of both splits; two more are on those of training alone."""


@pytest.fixture
def programs(fake_programs: Callable[[], Path], write_program: Callable[[Path, str], Path]) -> Programs:
    def make(*, stop: str = "", fails: bool = False) -> Path:
        folder = fake_programs()
        write_program(folder / "tlt-train", f"STOP, FAILS = {stop!r}, {fails}\n{TRAIN}")
        write_program(folder / "tlt-evaluate", EVALUATE)
        return folder

    return make


@pytest.fixture
def trained(start: Start, programs: Programs) -> Path:
    """A workspace whose network was trained on all categories."""
    run = start(programs=programs(), **SETTINGS)
    pipeline.execute(run, ["prepare", "train"])
    return run.workspace.root


def finetuned(start: Start, programs: Path, **settings: Any) -> pipeline.Result:
    (result,) = pipeline.execute(start(programs=programs, **{**SETTINGS, **settings}), ["finetune"])
    return result


def made(root: Path) -> dict[str, bytes]:
    folder = root / "output" / "finetune"
    paths = [path for each in SHOWN for path in folder.glob(f"{each}/weights/*")]
    paths += [path for each in SHOWN for path in folder.glob(f"{each}/evaluation/coco_results.json")]
    paths += folder.glob("*.json")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_each_category_with_data_is_trained_and_all_results_are_evaluated_once(
    start: Start, programs: Programs, trained: Path
) -> None:
    run = start(programs=programs(), **SETTINGS)
    (result,) = pipeline.execute(run, ["finetune"])
    assert isinstance(run.report, Quiet)
    assert "vest is skipped: no item with landmarks in validation" in run.report.told
    assert tuple(result.told["models"]) == SHOWN
    assert result.told["skipped"]["vest"] == "no item with landmarks in validation"
    assert result.told["skipped"]["skirt"] == "no item with landmarks in train"
    assert len(result.told["skipped"]) == 10
    begun = {path.read_text().rpartition("/weights/")[2] for path in (trained / "output/finetune").glob("*/from.txt")}
    assert begun == {"hrnet_w18_epoch_002.safetensors"}, "with the weights of all categories"
    rows = json.loads((trained / "output/finetune/results.json").read_text())
    assert [row["category_id"] for row in rows] == list(SHOWN)
    assert result.told["figures"] == {"OKS_AP": 0.3}
    spec = (trained / "specs/finetune-long_sleeved_shirt.yaml").read_text()
    for line in ('classes: ["long_sleeved_shirt"]', "lr: 0.0001", "random_flip: 0.5", "num_epochs: 2"):
        assert f" {line}\n" in spec
    assert "random_flip: 0.0\n" in (trained / "specs/train.yaml").read_text()
    assert finetuned(start, programs()).state == "skipped", "nothing changed"
    assert pipeline.survey(start(**SETTINGS))["finetune"].state == "done"
    before = made(trained)
    again = finetuned(start, programs(), **{"finetune.lr": 1e-3})
    assert again.state == "ran"
    assert made(trained).keys() == before.keys()
    assert not set(made(trained).values()) & set(before.values())
    assert len(leftovers.find(start().workspace)) == 3, "the earlier models are kept"
    only = finetuned(start, programs(), **{"finetune.lr": 1e-3, "finetune.categories": [SHOWN[2]], "force": True})
    assert tuple(only.told["models"]) == SHOWN, "the results of the others still hold"
    other = finetuned(start, programs(), **{"finetune.lr": 1e-2, "finetune.categories": [SHOWN[2]]})
    assert tuple(other.told["models"]) == SHOWN[2:], "now they are of another rate"


def test_a_killed_run_goes_on_to_the_same_bytes(start: Start, programs: Programs, trained: Path) -> None:
    """Two at a time are killed, in the first epoch of the second; one after another goes on."""
    finetuned(start, programs())
    whole = made(trained)
    run = start(programs=programs(stop=SHOWN[1]), force=True, **SETTINGS, **{"finetune.jobs": 2})
    error_of(Interrupted, pipeline.execute, run, ["finetune"])
    half = made(trained)
    assert f"{SHOWN[1]}/weights/hrnet_w18_epoch_001.safetensors" in half
    assert f"{SHOWN[1]}/weights/hrnet_w18_epoch_002.safetensors" not in half
    assert "results.json" not in half
    assert pipeline.survey(start(**SETTINGS))["finetune"].state == "interrupted"
    finetuned(start, programs())
    assert made(trained) == whole


def test_one_that_fails_ends_all_with_its_own_error(
    start: Start, programs: Programs, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 9)
    failing = programs(stop=SHOWN[1], fails=True)
    beside = {"finetune.jobs": 3}
    error = error_of(DataError, finetuned, start, failing, match="out of room", **beside)
    assert error.exit_code == 3
    assert not (trained / "output/finetune/results.json").exists()
    assert finetuned(start, programs(), **beside).told["figures"] == {"OKS_AP": 0.3}
    options = {path.read_text() for path in (trained / "output/finetune").glob("*/options.txt")}
    assert options == {"3 None"}, "they share the cores"


def test_what_cannot_be_finetuned_is_refused(start: Start, programs: Programs, trained: Path) -> None:
    error_of(UsageError, pipeline.execute, start(network="yolox"), ["finetune"], match="landmarks")
    error_of(ConfigError, finetuned, start, programs(), **{"finetune.categories": ["shirt"]}, match="shirt")
    error = error_of(DataError, finetuned, start, programs(), **{"finetune.categories": ["skirt"]}, match="landmarks")
    assert error.exit_code == 3
    assert not (trained / "output/finetune").exists()


def test_commands_write_files_of_landmarks_and_put_results_together(workspace: Path) -> None:
    def call(*words: object) -> Any:
        called = CliRunner().invoke(app, ["landmarks", *map(str, words), "--json"])
        return called.exit_code, json.loads(called.stdout)

    folder = workspace / "landmarks"
    code, told = call("split", workspace / "Original-Data", folder)
    assert code == 0
    assert told["losses"]["out"] == {"images": 8, "items": 8}
    assert told["splits"]["validation"]["files"] == [
        str(folder / part / f"validation_coco_category_{number}.json")
        for number in (2, 3, 4)
        for part in ("annotations_per_category", "annotations_per_category_agg81kps")
    ]
    assert call("aggregate", workspace / "Original-Data", folder)[0] == 0
    assert call("aggregate", workspace / "Original-Data", folder)[0] == 2, "it is there already"
    rows = {name: [{"image_id": 1, "category_id": name, "score": 0.5}] * name for name in (2, 3)}
    for name, results in rows.items():
        (workspace / f"{name}.json").write_text(json.dumps(results))
    code, told = call("collect", workspace / "2.json", workspace / "3.json", "-o", workspace / "all.json")
    assert list(told["results"].values()) == [2, 3]
    assert json.loads((workspace / "all.json").read_text()) == rows[2] + rows[3]
    (workspace / "4.json").write_text(json.dumps(rows[2]))
    code, told = call("collect", workspace / "2.json", workspace / "4.json", "-o", workspace / "twice.json")
    assert (code, told["error"]["where"]) == (3, f"{workspace / '4.json'}:1:2")
    assert not (workspace / "twice.json").exists()
    code, told = call("collect", workspace / "2.json", workspace / "2.json", "-o", workspace / "twice.json")
    assert (code, told["error"]["where"]) == (3, f"{workspace / '2.json'}:1:2")
