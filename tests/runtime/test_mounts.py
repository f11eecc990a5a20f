"""Paths of NVIDIA's containers, as this machine knows them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from refusals import error_of

from runtime.shell import mounts
from tltpipe import launcher_mounts
from tltpipe.errors import UsageError

Launcher = Callable[[object], Path]


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in (mounts.WORKSPACE, mounts.MOUNTS, launcher_mounts.VARIABLE):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def launcher(tmp_path: Path) -> Launcher:
    """Writes the file of NVIDIA's launcher."""

    def write(page: object) -> Path:
        path = tmp_path / ".tao_mounts.json"
        path.write_text(page if isinstance(page, str) else json.dumps(page))
        return path

    return write


def test_without_mounts_a_path_is_itself() -> None:
    assert mounts.host_text("/workspace/TFRecords/") == "/workspace/TFRecords/"


def test_the_workspace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(mounts.WORKSPACE, "/mnt/run/")
    assert mounts.host_text("/workspace/TFRecords/") == "/mnt/run/TFRecords/"
    assert mounts.host_text("/workspace/TFRecords/*") == "/mnt/run/TFRecords/*"
    assert mounts.host_text("/workspace") == "/mnt/run"
    assert mounts.host_text("/workspaces/x") == "/workspaces/x"
    assert mounts.host_text("workspace/x") == "workspace/x"


def test_any_number_of_folders_the_innermost_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(mounts.MOUNTS, "/data=/mnt/kitti:/data/val/=/mnt/other:/experiment_dir=/home/me/runs/")
    assert mounts.host_text("/data/train/images") == "/mnt/kitti/train/images"
    assert mounts.host_text("/data/val/images") == "/mnt/other/images"
    assert mounts.host_text("/data/validation") == "/mnt/kitti/validation"
    assert mounts.host_text("/experiment_dir/weights/") == "/home/me/runs/weights/"
    assert mounts.host_text("/database") == "/database"


def test_mounts_win_over_the_workspace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(mounts.WORKSPACE, "/one")
    monkeypatch.setenv(mounts.MOUNTS, "/workspace=/two:/workspace/data=/three")
    assert mounts.host_text("/workspace/x") == "/two/x"
    assert mounts.host_text("/workspace/data/x") == "/three/x"


@pytest.mark.parametrize("text", ["/data", "data=/x", "/data=", "/a=/b:/c"])
def test_what_is_no_mount(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(mounts.MOUNTS, text)
    assert error_of(UsageError, mounts.host_text, "/data/x", match="CONTAINER=HOST").where == mounts.MOUNTS


def test_the_file_of_the_launcher(launcher: Launcher, monkeypatch: pytest.MonkeyPatch) -> None:
    path = launcher({"Mounts": [{"source": "~/tao", "destination": "/workspace/tao"}], "Envs": []})
    assert mounts.host_text("/workspace/tao/specs/a.txt") == str(path.parent / "tao/specs/a.txt")
    monkeypatch.setenv(mounts.MOUNTS, "/workspace=/mnt")
    assert mounts.host_text("/workspace/tao/specs/a.txt") == "/mnt/tao/specs/a.txt"


def test_the_file_of_the_launcher_hides_no_folder_of_this_machine(launcher: Launcher, tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.mkdir()
    launcher({"Mounts": [{"source": "/elsewhere", "destination": str(there)}]})
    assert mounts.host_text(f"{there}/new.txt") == f"{there}/new.txt"
    assert mounts.host_text(f"{there}/deep/new.txt") == "/elsewhere/deep/new.txt"


def test_a_file_of_another_name(launcher: Launcher, monkeypatch: pytest.MonkeyPatch) -> None:
    path = launcher({"Mounts": [{"source": "/mnt/x", "destination": "/experiment"}]})
    moved = path.rename(path.with_name("mounts.json"))
    assert mounts.host_text("/experiment/a") == "/experiment/a"
    monkeypatch.setenv(launcher_mounts.VARIABLE, str(moved))
    assert mounts.host_text("/experiment/a") == "/mnt/x/a"


@pytest.mark.parametrize(
    ("page", "place"),
    [
        ("{", ":1:2"),
        ("[]", ":1:1"),
        ({}, ":1:1"),
        ('{"Mounts":\n 3}', ":2:2"),
        ('{"Mounts": [\n{"source": "/x"}]}', ":2:1"),
        ('{"Mounts": [\n{"source": 1, "destination": ""}]}', ":2:12"),
        ('{"Mounts": [{"source": "~nobody-by-that-name", "destination": "/x"}]}', ":1:24"),
    ],
)
def test_a_fault_in_the_file_of_the_launcher_has_its_place(launcher: Launcher, page: object, place: str) -> None:
    path = launcher(page)
    assert str(error_of(UsageError, mounts.host_text, "/workspace/x").where) == f"{path}{place}"
    assert mounts.host_text(str(path.parent)) == str(path.parent), "it is read for paths that lead nowhere"


def test_a_variable_that_names_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(launcher_mounts.VARIABLE, "/not/there.json")
    assert error_of(UsageError, mounts.host_text, "/workspace/x", match="not found").where == launcher_mounts.VARIABLE


@pytest.mark.parametrize(
    ("path", "remedy"),
    [
        ("/workspace/data", mounts.WORKSPACE),
        ("/experiment_dir/data", f"{mounts.MOUNTS}=/experiment_dir="),
        ("/home/user-of-a-container/data", f"{mounts.MOUNTS}=/home/user-of-a-container="),
        ("/tmp/data-not-there", None),
        ("data", None),
    ],
)
def test_the_remedy_for_a_path_of_a_container(path: str, remedy: str | None) -> None:
    hint = mounts.hint(path)
    assert (hint is None) if remedy is None else (hint is not None and remedy in hint)


def test_a_folder_that_is_mapped_to_one_that_is_not_there(
    launcher: Launcher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    monkeypatch.setenv(mounts.MOUNTS, f"/data={gone}")
    path = launcher({"Mounts": [{"source": str(tmp_path / "lost"), "destination": "/experiment"}]})
    for text, by in {"/data/train": mounts.MOUNTS, "/experiment/specs": str(path)}.items():
        hint = mounts.hint(mounts.host_text(text)) or ""
        assert by in hint
        assert text.rpartition("/")[0] in hint
