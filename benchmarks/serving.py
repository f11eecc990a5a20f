"""The server on this machine, under load that comes from this machine, too: SSD mobilenet_v2 at 288, ONNX Runtime.

    throughput  images a second for 16 clients, beside tlt-infer on a folder of the same image, in turn
    latency     p95 at half of that rate, beside one call of the model with decoding, nothing else running
    flood       50,000 requests or so many as fit into the time, more than can be served: what memory does, and /healthz
    abuse       1,000 uploads that are broken, while one client goes on sending good ones

Load is made by hey (Debian's package), which takes little of the two cores.
"""

from __future__ import annotations

import argparse
import http.client
import importlib
import io
import json
import re
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import inference
from measure import BIN, run, told
from PIL import Image

from runtime.machine import device

SIDE, CLIENTS, SIZE = 288, 16, 640
SHARE, SLOWER, FLAT = 0.8, 2.5, 20.0
IMAGES = 300
"""Of the folder that tlt-infer is timed on."""


@dataclass(frozen=True)
class Load:
    """What hey saw: answers by their codes, a second, and percentiles in seconds."""

    codes: Counter[int]
    rate: float
    percentiles: dict[int, float]


@dataclass(frozen=True)
class Server:
    process: subprocess.Popen[str]
    port: int

    @property
    def resident(self) -> float:
        """Memory in MB."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) / 1024  # type: ignore[index]

    def load(self, image: Path, *words: str) -> Load:
        url = f"http://127.0.0.1:{self.port}/v1/predict"
        argv = ["hey", *words, "-m", "POST", "-D", str(image), "-T", "image/jpeg", url]
        text = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
        codes = Counter({int(code): int(count) for code, count in re.findall(r"\[(\d+)\]\s+(\d+) responses", text)})
        seconds = float(re.search(r"Total:\s+([\d.]+) secs", text)[1])  # type: ignore[index]
        percentiles = {int(p): float(value) for p, value in re.findall(r"(\d+)%+ in ([\d.]+) secs", text)}
        assert codes, text
        return Load(codes, codes[200] / seconds, percentiles)

    def send(self, data: bytes, *, path: str = "/v1/predict", slow: float = 0.0) -> tuple[int, float]:
        """Code and seconds of one request; 0 where the server cut it off. ``slow`` seconds lie within its body."""
        begun, connection = time.perf_counter(), http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.putrequest("POST" if data else "GET", path)
            connection.putheader("Content-Length", str(len(data)))
            connection.endheaders()
            connection.send(data[: len(data) // 2])
            time.sleep(slow)
            connection.send(data[len(data) // 2 :])
            answer = connection.getresponse()
            answer.read()
            return answer.status, time.perf_counter() - begun
        except (OSError, http.client.HTTPException):
            return 0, time.perf_counter() - begun
        finally:
            connection.close()


@contextmanager
def serving(model: Path, *words: str) -> Iterator[Server]:
    argv = [str(BIN / "tlt-serve"), str(model), "--port", "0", *words]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if found := re.search(r"127\.0\.0\.1:(\d+)", line):
                yield Server(process, int(found[1]))
                break
    finally:
        process.terminate()
        process.wait(20)


def exported(folder: Path) -> Path:
    """SSD with random weights that answer as trained ones do, with its card."""
    import torch

    from runtime.exporting import judging
    from runtime.networks import ssd
    from runtime.nn.export.subject import Subject
    from runtime.weights import card

    torch.manual_seed(1)
    several = torch.from_numpy(judging.sample((SIDE, SIDE), 4)).permute(0, 3, 1, 2).float()
    detector, _ = inference.ssd_of("ssd_mobilenet_v2".removeprefix("ssd_"), several)
    names = tuple(f"class_{number}" for number in range(inference.CLASSES))
    subject, path = Subject(detector, "ssd_mobilenet_v2", names, (SIDE, SIDE), 17), folder / "model.onnx"
    made = importlib.import_module(ssd.EXPORTS["onnx"]).write(subject, path)
    facts = card.Card("onnx", subject.network, names, subject.size, made.input, made.outputs, **made.decoding)
    card.path_of(path).write_text(facts.text())
    return path


def drawn(folder: Path) -> Path:
    """A drawn photograph as JPEG."""
    run([BIN / "tltpipe", "sample", "-w", folder / "sample", "--train", "1", "--validation", "1", "--size", str(SIZE)])
    return next((folder / "sample").rglob("*.jpg"))


def inferred(model: Path, folder: Path) -> float:
    """Images a second of tlt-infer on ``folder``, by its own clock: without its start."""
    argv = [str(BIN / "tlt-infer"), "ssd", "-i", str(folder), "-m", str(model), "--json"]
    said = json.loads(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)
    return float(said["pictures"] / said["seconds"])


def direct(model: Path, image: Path, repeats: int = 100) -> float:
    """Median seconds of a call with decoding."""
    from runtime.inference.front_door import LoadedModel

    loaded, seconds = LoadedModel.load(model, threshold=0.05), []
    for _ in range(repeats + 30):
        begun = time.perf_counter()
        loaded(image)
        seconds.append(time.perf_counter() - begun)
    return median(seconds[30:])


def throughput(server: Server, model: Path, image: Path, folder: Path, *, rounds: int, seconds: int) -> float:
    """Images a second that are served."""
    shares, rates = [], []
    for number in range(rounds + 1):
        beside, load = inferred(model, folder), server.load(image, "-z", f"{seconds}s", "-c", str(CLIENTS))
        if number:
            shares.append(load.rate / beside)
            rates.append(load.rate)
            p50, p95, p99 = (1000 * load.percentiles.get(p, float("nan")) for p in (50, 95, 99))
            print(f"  {load.rate:.1f}/s of {beside:.1f}/s, p50 {p50:.0f} ms, p95 {p95:.0f} ms, p99 {p99:.0f} ms")
    told(f"served / inferred {median(shares):.2f}", f"{SHARE:.2f}", met=median(shares) >= SHARE, bound="least")
    return median(rates)


def latency(server: Server, model: Path, image: Path, rate: float, *, rounds: int, seconds: int) -> None:
    """Requests come evenly, and, for comparison, two at a time."""
    ratios: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(rounds):
        alone = direct(model, image)
        for clients, found in ratios.items():
            each = f"{max(1, round(rate / 2 / clients))}"
            load = server.load(image, "-z", f"{seconds}s", "-c", str(clients), "-q", each)
            found.append(load.percentiles[95] / alone)
            p95 = 1000 * load.percentiles[95]
            print(f"  {load.rate:.1f}/s, {clients} at a time: p95 {p95:.1f} ms, alone {1000 * alone:.1f} ms")
    evenly, bursts = (median(found) for found in ratios.values())
    print(f"  two at a time: p95 / a call alone {bursts:.2f}")
    told(f"p95 / a call alone {evenly:.2f}", f"{SLOWER:.2f}", met=evenly <= SLOWER, bound="most")


def flood(server: Server, image: Path, *, requests: int, seconds: float) -> None:
    sent, codes, memory, health = 0, Counter[int](), list[float](), list[float]()
    done, until = threading.Event(), time.monotonic() + seconds

    def probe() -> None:
        while not done.wait(0.1):
            health.append(server.send(b"", path="/healthz")[1])

    prober = threading.Thread(target=probe)
    prober.start()
    part = requests // 50
    while sent < requests and time.monotonic() < until:
        load = server.load(image, "-n", str(part), "-c", "50")
        codes += load.codes
        sent += part
        memory.append(server.resident)
    done.set()
    prober.join()
    after_tenth = memory[max(0, len(memory) // 10 - 1)]
    worst = 1000 * quantiles(health, n=100)[98]
    print(f"  {sent:,} requests: {dict(codes)}, /healthz p99 {worst:.0f} ms, {memory[0]:.1f} MB .. {memory[-1]:.1f} MB")
    grown = memory[-1] - after_tenth
    told(f"grown by {grown:.1f} MB after a tenth", f"{FLAT:.0f}", met=grown <= FLAT, bound="most")


def broken(image: bytes) -> list[bytes]:
    stream = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(stream, "PNG")
    return [image[:200], image[:-2000], b"x", b"hello" * 1000, stream.getvalue(), bytes(17 * 2**20), image[::-1]]


def abuse(server: Server, image: bytes, *, count: int) -> None:
    kinds, good, done = broken(image), list[tuple[int, float]](), threading.Event()

    def go_on() -> None:
        while not done.wait(0.05):
            good.append(server.send(image))

    client = threading.Thread(target=go_on)
    client.start()
    with ThreadPoolExecutor(32) as pool:
        slow = [pool.submit(server.send, image, slow=3.0) for _ in range(count // 50)]
        sent = [pool.submit(server.send, kinds[number % len(kinds)]) for number in range(count)]
        codes = Counter(each.result()[0] for each in sent)
        assert all(each.result()[0] in (200, 429) for each in slow)
    done.set()
    client.join()
    kept = sum(code == 200 for code, _ in good)
    worst = 1000 * max(seconds for _, seconds in good)
    print(f"  {count} broken uploads: {dict(codes)}; {len(good)} good ones beside, slowest {worst:.0f} ms")
    busy = sum(code == 429 for code, _ in good)
    answered = kept + busy == len(good) and codes.keys() <= {400, 413, 415, 422, 429}
    told(f"{kept} answered, {busy} told to come again, of {len(good)}", "all", met=answered, bound="least")


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figures", nargs="*", help="throughput, latency, flood, abuse (default: all)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=8, help="of a load (default: 8)")
    parser.add_argument("--requests", type=int, default=50_000)
    parser.add_argument("--flood", type=float, default=300.0, help="seconds of the flood at most (default: 300)")
    said = parser.parse_args(argv)
    chosen: Any = set(said.figures) or {"throughput", "latency", "flood", "abuse"}
    device.require_torch()
    with tempfile.TemporaryDirectory() as text:
        work, folder = Path(text), Path(text) / "images"
        model, image = exported(work), drawn(work)
        folder.mkdir()
        for number in range(IMAGES):
            (folder / f"{number}.jpg").hardlink_to(image)
        with serving(model) as server:
            rate = 0.0
            if chosen & {"throughput", "latency"}:
                print(f"{CLIENTS} clients")
                rate = throughput(server, model, image, folder, rounds=said.rounds, seconds=said.seconds)
            if "latency" in chosen:
                print("half of saturation")
                latency(server, model, image, rate, rounds=said.rounds, seconds=said.seconds)
            if "abuse" in chosen:
                print("abuse")
                abuse(server, image.read_bytes(), count=1000)
            if "flood" in chosen:
                print("flood")
                flood(server, image, requests=said.requests, seconds=said.flood)


if __name__ == "__main__":
    main()
