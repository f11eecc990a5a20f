"""Trainings as their files tell of them: ours and NVIDIA's, half written, written anew, and with links out of them."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import run_folders
from fastapi.testclient import TestClient

from orchestrator.commands import submitted_jobs
from orchestrator.pages import live_app
from orchestrator.pages.live import Seen
from orchestrator.trainings import Training, find
from orchestrator.trainings.status import seconds
from orchestrator.trainings.steps import MOST, Steps
from tltpipe import locks
from tltpipe.errors import HostError

JPEG = b"\xff\xd8 an image"
NVIDIA = """\
epoch,AP_shirt,AP_trousers,loss,lr,mAP,validation_loss
1,nan,nan,9.5,0.001,nan,nan
2,0.5,0.25,4.25,0.002,0.375,5.5
"""


def line(step: int, loss: float, **more: Any) -> str:
    return json.dumps({"step": step, "epoch": 1, "loss": loss, "terms": {"a": loss / 2}, "lr": 0.1} | more) + "\n"


def status(status: str, message: str, **more: Any) -> str:
    return json.dumps({"date": "11/3/2026", "time": "9:5:0", "status": status, "message": message} | more) + "\n"


BEGUN, DONE = status("STARTED", "Starting Training Loop."), status("SUCCESS", "Training finished successfully.")


def run_of(results: Path, **described: Any) -> Training:
    """A training of ours in ``results``, that wrote three steps."""
    (results / "samples").mkdir(parents=True, exist_ok=True)
    told = {"network": "ssd", "name": "ssd_resnet10", "epochs": 4, "steps": 40, "primary": "mAP"} | described
    (results / "training.json").write_text(json.dumps(told))
    (results / "steps.jsonl").write_text("".join(line(step, 4.0 - step) for step in range(3)))
    (results / "samples" / "epoch_0001.jpg").write_bytes(JPEG)
    (training,) = find([results])
    training.update()
    return training


def losses(training: Training) -> list[tuple[float, float]]:
    training.update()
    return [(point[0], point[3]) for point in training.steps.points()["loss"]]


# ----------------------------------------------------------------------------------------- files that change


def test_a_line_counts_once_it_is_whole(tmp_path: Path) -> None:
    training = run_of(tmp_path)
    with (tmp_path / "steps.jsonl").open("a") as stream:
        stream.write(line(3, 1.5)[:20])
        stream.flush()
        assert losses(training) == [(0, 4), (1, 3), (2, 2)]
        stream.write(line(3, 1.5)[20:] + "\0garbage\n" + line(4, 1.25))
    assert losses(training) == [(0, 4), (1, 3), (2, 2), (3, 1.5), (4, 1.25)]


def test_what_is_appended_is_read_alone_and_a_torn_end_behind_whole_lines_waits(tmp_path: Path) -> None:
    training = run_of(tmp_path)
    generation = training.steps.generation
    with (tmp_path / "steps.jsonl").open("a") as stream:
        stream.write(line(3, 1.5) + line(4, 1.25)[:9])
        stream.flush()
        assert losses(training)[-1] == (3, 1.5)
        stream.write(line(4, 1.25)[9:])
    assert losses(training)[-2:] == [(3, 1.5), (4, 1.25)]
    assert training.steps.generation == generation, "nothing was read twice"


def test_a_file_that_shrank_was_replaced_or_written_anew_is_read_anew(tmp_path: Path) -> None:
    training, path = run_of(tmp_path), tmp_path / "steps.jsonl"
    path.write_text(line(0, 8.0))
    assert losses(training) == [(0, 8)], "it shrank"
    (tmp_path / "other").write_text(line(0, 7.0))
    (tmp_path / "other").replace(path)
    assert losses(training) == [(0, 7)], "another file of the same size"
    path.write_text("".join(line(step, 6.0) for step in range(9)))
    assert losses(training) == [(step, 6) for step in range(9)], "cut, and longer than before at once"
    path.unlink()
    assert losses(training)[-1] == (8, 6), "it may be back in a moment"


def test_a_curve_has_a_bounded_number_of_points_and_keeps_its_extremes() -> None:
    steps, count = Steps(), MOST + 4000
    steps.take(line(step, 100.0 if step == 30_000 else step % 2).encode() for step in range(count))
    points = steps.points(500)["loss"]
    assert len(steps.curves["loss"]) < MOST
    assert len(points) <= 500
    assert points[-1][0] == count - 1
    assert max(point[2] for point in points) == 100
    assert {point[1] for point in points} == {0}
    assert sum(point[3] for point in points[:100]) / 100 == pytest.approx(0.5, abs=0.01)
    assert [point[0] for point in steps.points(10_000, after=count - 9)["loss"]][-1] == count - 1


def test_a_line_of_several_steps_has_their_range() -> None:
    steps = Steps()
    steps.take([line(199, 3.0, steps=200, loss_min=1.0, loss_max=9.0).encode()])
    assert steps.points()["loss"] == [[199, 1, 9, 3]]
    assert steps.points()["loss/a"] == [[199, 1.5, 1.5, 1.5]]


# ----------------------------------------------------------------------------------------------- how it goes


def test_results_of_nvidias_programs(tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    for epoch in (1, 2):
        (tmp_path / f"weights/ssd_resnet18_epoch_00{epoch}.tlt").write_bytes(b"x")
    (tmp_path / "ssd_training_log_resnet18.csv").write_text(NVIDIA + "3,0.5,0.2")
    going = status("RUNNING", "Training loop in progress", epoch=2, max_epoch=80, eta="1 day, 2:00:30.5")
    failure = status("FAILURE", "out of memory on GPU 0")
    (tmp_path / "status.json").write_text(BEGUN + going + failure + failure[:30])
    (training,) = find([tmp_path])
    training.update()
    told = training.details()
    assert (told["state"], told["message"]) == ("failed", "out of memory on GPU 0")
    assert (told["network"], told["epoch"], told["epochs"], told["primary"]) == ("ssd_resnet18", 2, 80, "mAP")
    assert told["columns"]["mAP"] == [(2, 0.375)], "nan is none, and the last row is torn"
    assert told["columns"]["loss"] == [(1, 9.5), (2, 4.25)]
    assert told["per_class"] == {"AP": {"shirt": 0.5, "trousers": 0.25}}
    model = tmp_path / "weights/ssd_resnet18_epoch_002.tlt"
    assert told["resume"] == f"tlt-train ssd -e SPEC -r {tmp_path} -k KEY -m {model} --initial_epoch 3"
    assert seconds("1 day, 2:00:30.5") == 93630.5
    assert [told["log"][0], len(told["log"])] == ["11/3/2026 9:5:0 STARTED: Starting Training Loop.", 3]


def test_an_evaluation_in_the_same_file_does_not_end_a_training(tmp_path: Path) -> None:
    training = run_of(tmp_path)
    evaluated = status("STARTED", "Starting SSD evaluation.") + status("FAILURE", "no images")
    (tmp_path / "status.json").write_text(BEGUN + DONE + evaluated)
    training.update()
    assert training.state() == ("finished", "")


@pytest.mark.parametrize(
    ("lines", "state", "message"),
    [
        (BEGUN, "silent", "nothing was written for"),
        (BEGUN + DONE, "finished", ""),
        (BEGUN + status("FAILURE", "Training was interrupted"), "interrupted", ""),
        (BEGUN + status("FAILURE", "loss became NaN") + BEGUN, "silent", "nothing was written for"),
        (BEGUN + "no JSON\n[]\n" + DONE, "finished", ""),
    ],
)
def test_how_it_ended(tmp_path: Path, lines: str, state: str, message: str) -> None:
    training = run_of(tmp_path, command="tlt-train ssd -r 'my run'", folder="/my data", host="elsewhere", process=1)
    (tmp_path / "status.json").write_text(lines)
    training.update()
    training.heard = None  # as if it were looked at long after
    told = training.progress()
    assert (told["state"], told["message"][: len(message)]) == (state, message)
    assert told["resume"] == ("" if state == "finished" else "cd '/my data' && tlt-train ssd -r 'my run'")


def test_what_grows_is_alive_and_what_holds_its_lock(tmp_path: Path) -> None:
    training = run_of(tmp_path, host="elsewhere", process=1)
    (tmp_path / "status.json").write_text(BEGUN)
    training.update()
    assert training.state()[0] == "running", "it wrote while we looked, whatever its clock says"
    training.heard = None
    assert training.state()[0] == "silent"
    (tmp_path / "status.json").write_text(BEGUN + status("FAILURE", "x"))
    child = os.fork()
    if child == 0:
        with locks.held(tmp_path / ".training.lock", HostError("taken")):
            (tmp_path / "held").touch()
            time.sleep(30)
        os._exit(0)
    while not (tmp_path / "held").exists():
        time.sleep(0.01)
    training.update()
    assert training.state()[0] == "running", "it goes on again"
    os.kill(child, 9)
    os.waitpid(child, 0)
    assert training.state() == ("failed", "x")


@pytest.mark.parametrize(("ago", "state"), [(5, "running"), (-5, "running"), (300, "silent"), (-7200, "silent")])
def test_a_clock_that_is_far_ahead_keeps_nothing_alive(tmp_path: Path, ago: float, state: str) -> None:
    training = run_of(tmp_path, host="elsewhere", process=1)
    with (tmp_path / "steps.jsonl").open("a") as stream:
        stream.write(line(3, 1.0, time=time.time() - ago))
    (again,) = find([tmp_path])
    again.update(steps=False)
    assert again.state()[0] == state, "by the last line alone"
    training.update()
    assert training.state()[0] == "running", "it was seen to grow"


def test_to_read_all_of_what_a_list_took_note_of_is_no_news(tmp_path: Path) -> None:
    run_of(tmp_path, host="elsewhere", process=1)
    (training,) = find([tmp_path])
    training.update(steps=False)
    training.update()
    assert len(training.steps.points()["loss"]) == 3
    assert training.state()[0] == "silent", "it is opened, and wrote nothing since it was listed"
    with (tmp_path / "steps.jsonl").open("a") as stream:
        stream.write(line(3, 1.0))
    training.update(steps=False)
    assert training.state()[0] == "running"


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        (b"\x1b[1;31mred\x1b[0m\tand\x1b(B plain", "red\tand plain"),
        (b"\x1b]0;a title\x07text \x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "text link"),
        (b"10 %\r 20 %\r", " 20 %"),
        (b"1/9 [=]\x08\x08\x08\x08 2/9 [==]", " 2/9 [==]"),
        ("safe \u202egpj.exe".encode(), "safe gpj.exe"),
        (b"<b>&\x00\xff", "<b>&\ufffd"),
    ],
)
def test_a_log_as_it_stood_on_the_terminal(tmp_path: Path, printed: bytes, shown: str) -> None:
    training = run_of(tmp_path)
    (tmp_path / "train.log").write_bytes(b"begins\n" + printed + b"\n")
    (tmp_path / "status.json").write_text(BEGUN + status("FAILURE", printed.decode("utf-8", "replace")))
    training.update()
    assert training.lines() == ["begins", shown]
    assert training.state() == ("failed", shown)


def test_a_process_that_is_gone_from_this_machine(tmp_path: Path) -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    training = run_of(tmp_path, host=socket.gethostname(), process=child)
    (tmp_path / "status.json").write_text(BEGUN)
    training.update()
    assert training.state()[0] == "interrupted"
    far = run_of(tmp_path, host="elsewhere", process=child)
    assert far.state()[0] != "interrupted", "of another machine's processes nothing is known here"


def test_who_listens_hears_of_new_steps_and_lines_once_and_of_a_new_beginning(tmp_path: Path) -> None:
    training, log = run_of(tmp_path), tmp_path / "train.log"
    log.write_text("one\n")
    training.update()
    seen = Seen(training.identity)
    assert (seen.curves(training)["steps"]["loss"][-1][0], seen.log(training)) == (2, {})
    with log.open("a") as stream:
        stream.write("two\n")
    with (tmp_path / "steps.jsonl").open("a") as stream:
        stream.write(line(3, 1.0))
    training.update()
    assert [point[0] for point in seen.curves(training)["steps"]["loss"]] == [3]
    assert (seen.log(training), seen.log(training), seen.curves(training)) == ({"log": ["two"]}, {}, {})
    (tmp_path / "steps.jsonl").write_text(line(0, 8.0) + line(1, 7.0))
    training.update()
    again = seen.curves(training)
    assert (again["restarted"], [point[0] for point in again["steps"]["loss"]]) == (True, [0, 1])


def test_a_workspace_says_how_its_stage_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run_of(tmp_path / "output", command="tlt-train ssd -r /workspace/output", folder="/workspace")
    state = tmp_path / ".tltpipe"
    (state / "logs").mkdir(parents=True)
    (state / "receipts").mkdir()
    for hour in (1, 2):
        (state / f"logs/20261103-0{hour}0000-train.log").write_text(f"$ tlt-train\nat {hour}\x1b[1m o'clock\n")
    (state / "logs/20261103-030000-evaluate.log").write_text("other\n")
    attempt = {"began": "2026-11-03T09:00:00+01:00", "state": "failed", "why": "no room on the disk"}
    (state / "receipts/train.attempt.json").write_text(json.dumps(attempt))
    (training,) = find([tmp_path])
    training.update()
    told = training.details()
    assert (told["name"], told["state"], told["message"]) == (tmp_path.name, "failed", "no room on the disk")
    assert told["resume"] == f"tltpipe train --workspace {tmp_path}"
    assert told["log"] == ["$ tlt-train", "at 2 o'clock"]
    monkeypatch.chdir(tmp_path)
    assert training.progress()["resume"] == "tltpipe train"


def test_runs_below_a_folder_by_their_paths(tmp_path: Path) -> None:
    run_of(tmp_path / "b/second")
    run_of(tmp_path / "a/output")
    (tmp_path / "a/.tltpipe").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "b")
    (tmp_path / "circle").symlink_to(tmp_path)
    found = find([tmp_path])
    assert [(each.name, each.folder) for each in found] == [
        ("a", tmp_path / "a/output"),
        ("b/second", tmp_path / "b/second"),
    ]
    assert len({each.identity for each in found}) == 2
    assert [each.name for each in find([tmp_path / "b", tmp_path / "link/second"])] == ["b/second"]


def test_steps_that_were_done_again_count_once_and_the_rest_takes_its_time(tmp_path: Path) -> None:
    training, now = run_of(tmp_path), time.time()
    with (tmp_path / "steps.jsonl").open("a") as stream:
        stream.writelines(line(step, 9.0, time=now + step) for step in (1, 2, 3))
    assert losses(training) == [(0, 4), (1, 3), (2, 2), (3, 9)]
    with (tmp_path / "steps.jsonl").open("w") as stream:
        stream.writelines(line(step, 9.0, time=now + 2 * step) for step in range(4))
    training.update()
    assert training.remaining() == pytest.approx(2 * (40 - 4)), "of 40 steps 4 are done, of 2 s each"
    assert training.steps.points(after=2)["loss"] == [[3, 9, 9, 9]]


def test_samples_are_those_of_the_training_in_the_order_they_came(tmp_path: Path) -> None:
    training = run_of(tmp_path)
    for name in ("epoch_0002.jpg", "step_00000015.jpg", "step_00000005.jpg", "notes.jpg"):
        (tmp_path / "samples" / name).write_bytes(JPEG)
    assert [(each["name"], each["step"]) for each in training.samples()] == [
        ("step_00000005.jpg", 5),
        ("epoch_0001.jpg", 10),
        ("step_00000015.jpg", 15),
        ("epoch_0002.jpg", 20),
    ]
    assert training.sample("epoch_0002.jpg") == tmp_path.resolve() / "samples/epoch_0002.jpg"
    assert training.sample("notes.jpg") is None


# ------------------------------------------------------------------------------------------------------- the API


@contextmanager
def served(*paths: Path) -> Iterator[TestClient]:
    with TestClient(live_app.create(paths, Event()), base_url="http://127.0.0.1") as client:
        yield client


def test_the_api_reads_and_refuses(tmp_path: Path) -> None:
    run_of(tmp_path / "run")
    (tmp_path / "run/curves.png").write_bytes(JPEG)
    (tmp_path / "run/secret.txt").write_text("secret")
    with served(tmp_path) as client:
        (run,) = client.get("/api/runs").json()
        path = f"/api/runs/{run['id']}"
        assert client.get(f"{path}/samples/epoch_0001.jpg").content == JPEG
        assert client.get(f"{path}/pictures/curves.png").headers["content-type"] == "image/png"
        series = client.get(f"{path}/steps?points=1&after=0").json()["series"]
        assert series["loss"] == [[2, 2, 3, 2.5]]
        assert client.get(f"{path}/log").json() == {"lines": [], "next": 0}
        page = client.get("/")
        assert page.headers["content-type"].startswith("text/html")
        odd = [
            "secret.txt",
            "../secret.txt",
            "..%2fsecret.txt",
            "%2e%2e/secret.txt",
            "/etc/passwd",
            "training.json",
            "%00",
            ".",
        ]
        for kind in ("samples", "pictures"):
            answers = [client.get(f"{path}/{kind}/{name}") for name in odd]
            assert {answer.status_code for answer in answers} <= {404, 307}
            assert not [answer for answer in answers if b"secret" in answer.content and "secret" not in str(answer.url)]
        assert client.get("/api/runs/other").status_code == 404
        assert client.get("/api/events?runs=other").status_code == 404
        for query in ("points=0", "points=99999", "after=x", "points=nan"):
            answer = client.get(f"{path}/steps?{query}")
            assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
        assert client.post(path).status_code == client.delete(path).status_code == 405
        assert client.get("/api/runs", headers={"Host": "evil.example"}).status_code == 421


def test_links_that_lead_out_of_a_run_are_not_followed(tmp_path: Path) -> None:
    training = run_of(tmp_path / "run")
    outside = tmp_path / "outside"
    outside.mkdir()
    secret = {"curves.png": "curves.png", "training.log": "lines.log", "samples/epoch_0002.jpg": "x.jpg"}
    for name in secret.values():
        (outside / name).write_text("a secret\n")
    for link, name in secret.items():
        (tmp_path / "run" / link).symlink_to(outside / name)
    for name in ("val_batch.jpg", "labels.png", "status.json"):
        os.mkfifo(tmp_path / "run" / name)
    (tmp_path / "run/steps.jsonl").unlink()
    (outside / "steps.jsonl").write_text(line(7, 7.0))
    (tmp_path / "run/steps.jsonl").symlink_to(outside / "steps.jsonl")
    (tmp_path / "run/train_batch1.jpg").symlink_to("samples/epoch_0001.jpg")
    with served(tmp_path / "run") as client:
        path = f"/api/runs/{training.identity}"
        told = client.get(path).json()
        assert told["pictures"] == ["train_batch1.jpg"], "a link within the run is no harm"
        assert client.get(f"{path}/pictures/curves.png").status_code == 404
        assert client.get(f"{path}/samples/epoch_0002.jpg").status_code == 404
        assert [each["name"] for each in told["samples"]] == ["epoch_0001.jpg"], "what cannot be shown is not offered"
        assert "secret" not in json.dumps(told)
        assert client.get(f"{path}/steps").json()["series"] == {}
        (tmp_path / "run/samples/epoch_0001.jpg").rename(outside / "epoch_0001.jpg")
        (tmp_path / "run/samples/epoch_0002.jpg").unlink()
        (tmp_path / "run/samples").rmdir()
        (tmp_path / "run/samples").symlink_to(outside)
        assert client.get(f"{path}/samples/epoch_0001.jpg").status_code == 404


def test_odd_files_are_no_fault_of_the_server(tmp_path: Path) -> None:
    run_of(tmp_path / "run", classes="no list")
    (tmp_path / "run/ssd_training_log_resnet10.csv").write_bytes(b"\xff\xfe,\0\nepoch\n1\n\n")
    (tmp_path / "run/status.json").write_bytes(b'{"status": 5, "epoch": "x"}\n{"status": {}}\n\xff\n')
    (tmp_path / "run/steps.jsonl").write_text(
        '{"step": "a"}\n{"step": 1e400}\n{"step": 3, "loss": null, "terms": {"b": null}}\n'
    )
    with served(tmp_path) as client:
        (run,) = client.get("/api/runs").json()
        told = client.get(f"/api/runs/{run['id']}").json()
        assert (told["columns"], told["step"]) == ({}, 4)
        assert client.get(f"/api/runs/{run['id']}/steps").json()["series"] == {}


def test_the_processes_of_a_training_on_several_nodes(tmp_path: Path) -> None:
    folder = run_folders.write(tmp_path / "output", epochs=9, done=3)
    (folder / "ranks").mkdir()
    notes = {
        "0": {"rank": 0, "world": 2, "node": "n1", "step": 55, "time": 200.0},
        "1": {"rank": 1, "world": 2, "node": "n2", "step": 58, "time": 201.0},
        "3": {"rank": 3, "world": 4, "node": "n4", "step": 99, "time": 100.0},  # of an earlier run
    }
    for name, note in notes.items():
        (folder / "ranks" / f"{name}.json").write_text(json.dumps(note))
    (folder / "ranks" / "2.json").write_text('{"rank": 2, "wor')
    (folder / "ranks" / "4.json").symlink_to("/etc/passwd")
    [training] = submitted_jobs.trainings(tmp_path)
    assert (training["epoch"], training["step"], training["total_steps"]) == (3, 60, 180)
    assert training["ranks"] == [
        {"rank": 0, "node": "n1", "step": 60, "updated": 200.0},
        {"rank": 1, "node": "n2", "step": 59, "updated": 201.0},
    ]
