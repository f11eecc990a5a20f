"""The live page: how soon it shows a long training, in how much memory, and what it costs a training to be watched.

    python benchmarks/watch.py [page] [step] [--rounds N]

``page`` writes what a training of 200 epochs of 20,000 steps and 13 classes leaves, opens the page in Chromium and
measures its first paint, the moment its curves are there, and the largest memory of the server. ``step`` trains alone
and with an open page in turns, and compares the CPU time of the trainings, which other programs disturb least; beside
it is what writing the steps takes of one.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from measure import BIN, run

EPOCHS, STEPS, SHARE = 200, 20_000, 200
CLASSES = [f"garment {number}" for number in range(1, 14)]
TERMS = ("iou", "objectness", "classification", "l1")


def write(results: Path) -> None:
    """A training as long as people have them, by the files that it leaves."""
    results.mkdir(parents=True)
    described = {
        "network": "yolox", "name": "yolox_x", "classes": CLASSES, "epochs": EPOCHS, "steps": EPOCHS * STEPS,
        "primary": "mAP50_95", "per_class": {"AP": CLASSES}, "log": "yolox_training_log_x.csv",
        "spec": "model:\n" * 150,
    }  # fmt: skip
    (results / "training.json").write_text(json.dumps(described))
    draw = random.Random(1)
    with (results / "steps.jsonl").open("w") as stream:
        for last in range(SHARE - 1, EPOCHS * STEPS, SHARE):
            terms = {name: round(draw.random(), 6) for name in TERMS}
            loss = sum(terms.values())
            told: dict[str, object] = {
                "step": last,
                "epoch": last // STEPS + 1,
                "loss": loss,
                "steps": SHARE,
                "loss_min": loss / 2,
            }
            told |= {
                "loss_max": 2 * loss,
                "terms": terms,
                "lr": 0.01,
                "gradient_norm": 3.25,
                "images_per_second": 512.5,
            }
            stream.write(json.dumps(told | {"data_wait": 0.0125, "time": 1.8e9 + last / 8}) + "\n")
    names = ["epoch", *(f"AP_{name}" for name in CLASSES), "loss", "lr", "mAP", "validation_loss", "mAP50", "mAP50_95"]
    rows = [",".join([str(epoch), *(f"{draw.random():.5f}" for _ in names[1:])]) for epoch in range(1, EPOCHS + 1)]
    (results / "yolox_training_log_x.csv").write_text("\n".join([",".join(names), *rows, ""]))
    line = {"date": "11/3/2026", "time": "9:5:0", "status": "RUNNING", "message": "Training loop in progress"}
    lines = [{**line, "epoch": epoch, "max_epoch": EPOCHS} for epoch in range(1, EPOCHS + 1)]
    (results / "status.json").write_text("".join(json.dumps(each) + "\n" for each in lines))


@contextmanager
def watched(folder: Path) -> Iterator[tuple[str, int]]:
    """The address and the process of ``tltpipe watch``."""
    command: list[str | Path] = [BIN / "tltpipe", "watch", folder, "--port", "0", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    told = ""
    while not told.endswith("}\n"):
        told += process.stdout.readline()
    try:
        yield json.loads(told)["url"], process.pid
    finally:
        process.terminate()
        process.wait()


def page(folder: Path) -> None:
    from playwright.sync_api import sync_playwright

    write(folder / "long")
    size = (folder / "long/steps.jsonl").stat().st_size
    with watched(folder) as (url, process), sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"])
        opened = browser.new_page()
        begun = time.perf_counter()
        opened.goto(url, wait_until="commit")
        opened.wait_for_selector(".charts svg path, .charts canvas", state="attached")
        drawn = time.perf_counter() - begun
        paint = opened.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime")
        browser.close()
        status = Path(f"/proc/{process}/status").read_text()
        memory = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024
    print(f"{EPOCHS} epochs of {STEPS:,} steps: steps.jsonl {size / 1e6:.1f} MB")
    print(
        f"first paint {paint / 1000:.2f} s, curves {drawn:.2f} s (target: paint 1 s) | server {memory:.0f} MB (150 MB)"
    )


def step(folder: Path, rounds: int) -> None:
    run([BIN / "tltpipe", "sample", folder / "data", "--train", "64", "--validation", "8", "--size", "160"])
    train: list[str | Path] = [
        "yolox",
        "--data",
        folder / "data",
        "--size",
        "nano",
        "--img",
        "160",
        "--batch",
        "8",
        "--epochs",
        "4",
    ]
    alone: list[float] = []
    seen: list[float] = []
    for number in range(rounds):
        for times, listens in ((alone, False), (seen, True)):
            results = folder / f"run{number}{listens}"
            with watched(folder) as (url, _):
                if listens:
                    threading.Thread(target=_listen, args=(url,), daemon=True).start()
                before = resource.getrusage(resource.RUSAGE_CHILDREN)
                run([BIN / "tlt-train", *train, "-r", results, "--threads", "1"])
                after = resource.getrusage(resource.RUSAGE_CHILDREN)
            times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        print(f"round {number + 1}: alone {alone[-1]:.2f} s, watched {seen[-1]:.2f} s of CPU time", flush=True)
    ratios = [b / a for a, b in zip(alone, seen, strict=True)]
    print(f"watched / alone {median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f}), target 1.01")
    print(f"writing what a step measured: {1e6 * _writing(folder):.0f} us a step")


def _listen(url: str) -> None:
    """As an open page does, until the server ends."""
    try:
        with urllib.request.urlopen(f"{url}api/events") as stream:
            while stream.readline():
                pass
    except OSError:
        pass


def _writing(folder: Path, count: int = 10_000) -> float:
    """Seconds that ``StepLog`` takes for a step."""
    from runtime.training.loop import Step
    from runtime.training.steps import StepLog

    log = StepLog(folder / "steps.jsonl", count)
    log.begin(0)
    begun = time.process_time()
    for number in range(count):
        log.add(1, Step(number, 0.01, dict.fromkeys(TERMS, 0.5), 3.0, 0.01, 0.5, 8))
    log.flush()
    return (time.process_time() - begun) / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help="page, step (default: both)")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        if not given.parts or "page" in given.parts:
            page(Path(name) / "page")
        if not given.parts or "step" in given.parts:
            (Path(name) / "step").mkdir()
            step(Path(name) / "step", given.rounds)


if __name__ == "__main__":
    main()
