"""tlt-tfrecords as a user meets it: tables, JSON, exit codes, drawn pictures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from kept import skirt
from PIL import Image

from converters.tfrecords import records
from runtime.programs import inspect_records

Capture = pytest.CaptureFixture[str]

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "records"
    (root / "images").mkdir(parents=True)
    for number in range(3):
        Image.effect_noise((80, 60), 50).convert("RGB").save(root / "images" / f"{number:06d}.jpg")
    records.write_records(root / "a-fold-000-of-001-shard-00000-of-00002", [skirt(n) for n in range(3)])
    records.write_records(root / "a-fold-000-of-001-shard-00001-of-00002", [])
    return root


def damage(folder: Path) -> Path:
    path = folder / "a-fold-000-of-001-shard-00000-of-00002"
    data = bytearray(path.read_bytes())
    data[-20] ^= 16
    path.write_bytes(data)
    return path


def test_tables(folder: Path, capsys: Capture) -> None:
    assert inspect_records.main([str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == str(folder)
    size = (folder / "a-fold-000-of-001-shard-00000-of-00002").stat().st_size
    assert lines[1:5] == [
        "file                                    records  objects  bytes",
        f"a-fold-000-of-001-shard-00000-of-00002        3        3  {size:>5,}",
        "a-fold-000-of-001-shard-00001-of-00002        0        0      0  empty",
        f"all                                           3        3  {size:>5,}",
    ]
    assert "skirt        3           3" in lines
    assert lines[-1] == "every check sum fits, in 3 records of 2 files"


def test_json(folder: Path, capsys: Capture) -> None:
    assert inspect_records.main([f"{folder}/a-*", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["records"], told["classes"], len(told["empty"])) == (3, {"skirt": {"objects": 3, "records": 3}}, 1)


def test_records_one_a_line(folder: Path, capsys: Capture) -> None:
    assert inspect_records.main([str(folder), "--json", "--records", "2"]) == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first["features"]["target/coordinates_y2"] == [40.1]
    assert second["features"]["frame/id"] == ["images/000001"]
    assert inspect_records.main([str(folder), "--records"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3


@pytest.mark.parametrize("options", [[], ["--json"], ["--records"]])
def test_damage_is_exit_code_3_after_all_else(folder: Path, capsys: Capture, options: list[str]) -> None:
    path = damage(folder)
    assert inspect_records.main([str(folder), *options]) == 3
    out, error = capsys.readouterr()
    byte = list(records.offsets(path))[2]
    assert error.startswith(f"error: {path}: the record at byte {byte} is damaged (check sum differs); the 2 records")
    if options == ["--records"]:
        assert len(out.splitlines()) == 2
    elif options:
        assert json.loads(out)["files"][0]["damage"]["byte"] == byte
    else:
        assert f"damaged at byte {byte}" in out


def test_draws(folder: Path, tmp_path: Path, capsys: Capture) -> None:
    out = tmp_path / "drawn"
    assert inspect_records.main([str(folder), "--draw", str(out), "--count", "2", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["drawn"]["sheet"] == str(out / "contact-sheet.jpg")
    assert sorted(map(str, out.rglob("0*.jpg"))) == sorted(told["drawn"]["written"])
    assert len(told["drawn"]["written"]) == 2
    assert inspect_records.main([str(folder), "--draw", str(out), "--images", str(folder)]) == 0
    assert "3 pictures in" in capsys.readouterr().out
    assert inspect_records.main([str(folder), "--draw", str(folder)]) == 2
    assert "holds other things" in capsys.readouterr().err


def test_paths_of_the_container(folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TLTPIPE_WORKSPACE", str(folder.parent))
    assert inspect_records.main(["/workspace/records/a-*"]) == 0
    assert "3 records of 2 files" in capsys.readouterr().out


def test_what_is_asked_wrongly(folder: Path, tmp_path: Path, capsys: Capture) -> None:
    assert inspect_records.main([str(tmp_path / "none")]) == 3
    assert "no record files here" in capsys.readouterr().err
    assert inspect_records.main([str(folder), "--records", "--draw", "x"]) == 2
    with pytest.raises(SystemExit, match="2"):
        inspect_records.main(["--records", str(folder)])
    assert "paths come first" in capsys.readouterr().err


def test_help_imports_nothing_heavy_and_a_closed_pipe_is_quiet(folder: Path) -> None:
    script = (
        "import sys\nfrom runtime.programs import inspect_records\n"
        "try: inspect_records.main(['--help'])\nexcept SystemExit: pass\n"
        "heavy = ('numpy', 'PIL', 'torch', 'google.protobuf')\n"
        "print(*[name for name in heavy if name in sys.modules], file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stderr.strip() == ""
    read, write = os.pipe()
    os.close(read)
    script = (
        f"from runtime.programs.inspect_records import main; raise SystemExit(main([{str(folder)!r}, '--records']))"
    )
    ended = subprocess.run([sys.executable, "-c", script], cwd=ROOT, stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert (ended.returncode, ended.stderr) == (141, b"")
