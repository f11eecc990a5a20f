"""prune in a workspace: what it asks for, where the smaller model goes, and training from it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from refusals import error_of

from orchestrator import pipeline
from orchestrator.jobs import describe
from orchestrator.run import Run
from tltpipe.errors import ConfigError, DataError, RunFailed, UsageError

Start = Callable[..., Run]
Write = Callable[[Path, str], Path]

PRUNE = """
flags = dict(zip(sys.argv[1::2], sys.argv[2::2]))
output = Path(flags["-o"])
output.parent.mkdir(parents=True, exist_ok=True)
output.write_text(f"{flags['-m']} above {flags['-pth']}")
import hashlib, json
digest = hashlib.sha256(Path(flags["-m"]).read_bytes()).hexdigest()
told = {"pruning_ratio": 0.5, "before": {"flops": 4}, "after": {"flops": 1}, "layers": [], "sha256": digest}
output.with_suffix(".pruning.json").write_text(json.dumps(told))
"""


@pytest.fixture
def weights(workspace: Path) -> Path:
    folder = workspace / "output/weights"
    folder.mkdir(parents=True)
    for epoch in (2, 10):
        (folder / f"ssd_resnet18_epoch_{epoch:03d}.safetensors").write_text("a model")
    return folder


@pytest.fixture
def programs(fake_programs: Callable[..., Path], write_program: Write) -> Path:
    folder = fake_programs()
    write_program(folder / "tlt-prune", PRUNE)
    return folder


def test_the_newest_model_is_pruned(start: Start, workspace: Path, weights: Path, programs: Path) -> None:
    run = start(programs=programs, **{"prune.threshold": 0.3})
    (result,) = pipeline.execute(run, ["prune"])
    place = "pruned/ssd_resnet18_epoch_010.safetensors"
    newest = weights / "ssd_resnet18_epoch_010.safetensors"
    assert (workspace / place).read_text() == f"{newest} above 0.3"
    assert result.told == {
        **{"model": "output/weights/ssd_resnet18_epoch_010.safetensors", "epoch": 10, "pruned": place},
        **{"pruning_ratio": 0.5, "before": {"flops": 4}, "after": {"flops": 1}},
    }
    assert f"tltpipe train --from {place}" in "\n".join(run.report.told)  # type: ignore[attr-defined]
    assert newest.read_text() == "a model"


def test_a_pruned_model_is_replaced_only_by_force(start: Start, workspace: Path, weights: Path, programs: Path) -> None:
    subject = weights / "ssd_resnet18_epoch_002.safetensors"
    pipeline.execute(start(programs=programs, subject=subject), ["prune"])
    target = workspace / "pruned/ssd_resnet18_epoch_002.safetensors"
    with pytest.raises(UsageError, match="pruned before"):
        pipeline.execute(start(programs=programs, subject=subject, **{"prune.threshold": 0.4}), ["prune"])
    assert target.read_text().endswith("above 0.1")
    pipeline.execute(start(programs=programs, subject=subject, force=True, **{"prune.threshold": 0.4}), ["prune"])
    assert target.read_text().endswith("above 0.4")
    subject.write_text("trained again")
    with pytest.raises(UsageError, match="another checkpoint of the same name"):
        pipeline.execute(start(programs=programs, subject=subject), ["prune"])


def test_a_program_that_leaves_nothing_has_failed(
    start: Start, weights: Path, programs: Path, write_program: Write
) -> None:
    write_program(programs / "tlt-prune", "print('all is well')")
    with pytest.raises(RunFailed, match="there is no pruned/ssd_resnet18_epoch_010"):
        pipeline.execute(start(programs=programs), ["prune"])


def test_without_a_model(start: Start, workspace: Path, programs: Path) -> None:
    error = error_of(DataError, lambda: pipeline.execute(start(programs=programs), ["prune"]), match="found")
    assert error.hint == "run `tltpipe train` first"


def test_a_model_that_is_named_and_not_there(start: Start, weights: Path, programs: Path) -> None:
    for settings in ({"model": "beste"}, {"subject": weights / "beste"}):
        with pytest.raises(DataError, match="found") as raised:
            pipeline.execute(start(programs=programs, **settings), ["prune"])
        assert "output/weights/ssd_resnet18_epoch_010" in str(raised.value.hint)
        assert "best" in str(raised.value.hint)


def test_settings_out_of_range(start: Start) -> None:
    with pytest.raises(ConfigError, match="criterion"):
        start(**{"prune.criterion": "onion"})
    with pytest.raises(ConfigError, match="granularity"):
        start(**{"prune.granularity": 0})


@pytest.mark.parametrize("toolkit", ["embedded", "tlt2"])
def test_nothing_of_this_machine_and_no_key_in_the_job(start: Start, workspace: Path, toolkit: str) -> None:
    run = start(runner="dry", toolkit=toolkit, key="hush", **{"prune.excluded": "conv1,block_1a_conv_1"})
    pipeline.execute(run, ["prune"])
    (job,) = run.runner.jobs  # type: ignore[attr-defined]
    told = describe(job)
    told.pop("mounts")
    assert str(workspace) not in json.dumps(told)
    assert "hush" not in json.dumps(told)
    assert told["argv"][:4] == ["tlt-prune", "-m", told["argv"][2], "-o"]
    assert told["argv"][4].startswith("/workspace/pruned/")
    assert told["argv"][4].endswith(".tlt")
    assert told["argv"][-3:] == ["-el", "conv1", "block_1a_conv_1"]
    assert not (workspace / "pruned").exists()


def test_training_starts_from_it(start: Start, workspace: Path) -> None:
    run = start(runner="dry", **{"train.weights": "pruned/model.safetensors"})
    pipeline.execute(run, ["train"])
    (job,) = run.runner.jobs  # type: ignore[attr-defined]
    words = list(job.argv)
    assert words[words.index("-m") + 1] == "/workspace/pruned/model.safetensors"


def test_a_workspace_is_told_its_own_words(start: Start, weights: Path, programs: Path, write_program: Write) -> None:
    """Not those of tlt-prune; and which setting removes more, where nothing was removed."""
    body = PRUNE.replace('"pruning_ratio": 0.5', '"pruning_ratio": 1.0')
    assert body != PRUNE
    write_program(programs / "tlt-prune", body + '\nprint("to train it again: tlt-train ssd -e SPEC -m x")')
    run = start(programs=programs)
    pipeline.execute(run, ["prune"])
    told = "\n".join(run.report.told)  # type: ignore[attr-defined]
    assert "prune.threshold" in told
    assert "tlt-train" not in told
