"""The server in one process: answers, forms, what is refused, batches and back-pressure."""

from __future__ import annotations

import base64
import io
import json
import struct
import threading
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

for module in ("fastapi", "httpx", "multipart", "onnxruntime", "prometheus_client", "websockets"):
    pytest.importorskip(module)

import serving
from fixed_model import model
from PIL import Image, ImageOps
from serving import StandIn, box, encoded
from starlette.testclient import TestClient

from converters.model import Mask, landmarks, run_lengths
from runtime.inference.cascade_task import OBJECT, PART_OF
from runtime.programs import infer
from runtime.serving import answers, uploads
from runtime.serving.engine import Asked, Engine, Job, Outcome
from runtime.serving.keeping import Keep
from runtime.serving.limits import Limits
from runtime.serving.meters import Meters
from runtime.serving.models import Served
from runtime.serving.service import Batching
from runtime.tasks import classification, keypoints, segmentation
from tltpipe.answers import Answer, ServedModel
from tltpipe.web.problems import RequestProblem

PEOPLE = [[16, 16, 56, 112], [64, 16, 104, 112], [120, 120, 122, 124]]
CLOTHES = [[16, 16, 48, 32], [8, 40, 56, 64]]
LIMITS = Limits(bytes=200_000, pixels=1_000_000, images=3, queue=8, timeout=5)
LIGHT = encoded(Image.new("RGB", (256, 128), (200, 180, 190)))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("models")
    people = model(folder / "people.onnx", ("dog", "person"), 128, PEOPLE, [2, 2, 2])
    return people, model(folder / "clothes.onnx", ("shirt", "shorts"), 64, CLOTHES, [1, 2], "mask_rcnn")


@pytest.fixture(scope="module")
def client(files: tuple[Path, Path]) -> Iterator[TestClient]:
    with serving.client(serving.models(*files, cascade=files), LIMITS) as sends:
        yield sends


def strict(value: Any, given: Any) -> None:
    """Every field of the answer is one of the schema's."""
    back = json.loads(value.model_dump_json(exclude_unset=True))
    assert back == given


def test_the_same_numbers_as_infer(client: TestClient, files: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "light.png").write_bytes(LIGHT)
    people, clothes = files
    words = ["-i", tmp_path / "light.png", "--coco", tmp_path / "coco.json", "-t", "0.65"]
    for network, query, more in (
        ("ssd", "people", ["-m", people]), ("mask_rcnn", "clothes", ["-m", clothes]),
        ("mask_rcnn", "people%2Bclothes", ["-m", clothes, "--cascade", people]),
    ):  # fmt: skip
        assert infer.main([network, *map(str, [*words, *more])]) == 0
        expected = sorted(json.loads((tmp_path / "coco.json").read_text()), key=lambda each: -each["score"])
        answer = client.post(f"/v1/predict?model={query}&threshold=0.65", content=LIGHT).json()
        strict(Answer.model_validate(answer), answer)
        found = answer["predictions"]
        for field in ("category_id", "score", "bbox", "segmentation"):
            assert [each.get(field) for each in found] == [each.get(field) for each in expected], (query, field)
        numbers = {each["object"]: place for place, each in enumerate(expected) if each.get("object")}
        assert [each.get("part_of") for each in found] == [numbers.get(each.get("part_of")) for each in expected]
        assert len(found) == {"people": 2, "clothes": 1, "people%2Bclothes": 5}[query]


@pytest.mark.torch
@pytest.mark.usefixtures("traced_once")
def test_a_checkpoint_answers_as_infer_does(learned: Any, tmp_path: Path) -> None:
    images = sorted(path for path in learned.pictures.iterdir() if path.suffix == ".jpg")[:5]
    words = ["ssd", "-i", *images, "-m", learned.model, "--coco", tmp_path / "coco.json", "-t", "0.1"]
    assert infer.main([*map(str, words)]) == 0
    expected: dict[str, list[Any]] = {path.name: [] for path in images}
    for each in json.loads((tmp_path / "coco.json").read_text()):
        expected[each["file_name"]].append(each)
    assert any(expected.values())
    with serving.client(serving.models(learned.model)) as sends:
        form = [("image", (path.name, path.read_bytes())) for path in images]
        for told in sends.post("/v1/predict?threshold=0.1", files=form).json()["images"]:
            there = expected[told["image"]["name"]]
            assert [each["category_id"] for each in told["predictions"]] == [each["category_id"] for each in there]
            for each, other in zip(told["predictions"], there, strict=True):
                assert each["score"] == pytest.approx(other["score"], abs=1e-4)
                assert each["bbox"] == pytest.approx(other["bbox"], abs=0.05)


def test_rings_for_drawing_are_those_of_the_mask(client: TestClient) -> None:
    (shirt, _) = client.post("/v1/predict?model=clothes", content=LIGHT).json()["predictions"]
    height, width = shirt["segmentation"]["size"]
    pixels = run_lengths.decode(Mask(width, height, shirt["segmentation"]["counts"].encode()))
    rows, columns = np.nonzero(pixels)
    (ring,) = shirt["polygons"]
    assert (min(ring[::2]), max(ring[::2])) == (columns.min() + 0.5, columns.max() + 0.5)
    assert (min(ring[1::2]), max(ring[1::2])) == (rows.min() + 0.5, rows.max() + 0.5)


def test_models_classes_thresholds_and_forms(client: TestClient) -> None:
    listed = client.get("/v1/models").json()
    assert [each["name"] for each in listed] == ["people", "clothes", "people+clothes"]
    assert [each["task"] for each in listed] == ["detection", "instance_segmentation", "instance_segmentation"]
    assert [each["input_size"] for each in listed] == [[128, 128], [64, 64], None]
    strict(ServedModel.model_validate(listed[0]), listed[0])
    assert client.get("/v1/models/people%2Bclothes").json() == listed[2]
    assert len(client.post("/v1/predict", content=LIGHT).json()["predictions"]) == 3
    assert client.post("/v1/predict?classes=dog", content=LIGHT).json()["predictions"] == []
    only = client.post("/v1/predict?model=people%2Bclothes&classes=shirt", content=LIGHT).json()["predictions"]
    assert [(each["category"], each.get("part_of")) for each in only] == [("shirt", None)] * 2
    dark = encoded(Image.new("RGB", (64, 64)), "JPEG")
    form = [("image", ("a.png", LIGHT)), ("image", ("b.jpg", dark))]
    images = client.post("/v1/predict", files=form).json()["images"]
    assert [(each["image"]["name"], len(each["predictions"])) for each in images] == [("a.png", 3), ("b.jpg", 0)]
    drawn = client.post("/v1/predict", content=LIGHT, headers={"Accept": "image/jpeg"})
    assert drawn.headers["content-type"] == "image/jpeg"
    changed = np.abs(np.asarray(Image.open(io.BytesIO(drawn.content)), int) - (200, 180, 190)).sum(axis=2) > 60
    assert changed.shape == (128, 256)
    assert changed[60, 30:34].any()
    assert not changed[125:, :100].any()


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_images_are_taken_as_they_are_shown(format: str) -> None:
    pixels = np.zeros((32, 48, 3), np.uint8)
    pixels[:16, :24] = 255, 0, 0
    pixels[16:, :24] = 0, 255, 0
    for turn in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = turn
        options = {"lossless": True} if format == "WEBP" else {"quality": 100} if format == "JPEG" else {}
        data = encoded(Image.fromarray(pixels), format, exif=exif, **options)
        upload = uploads.read("", data, pixels=10_000)
        with Image.open(io.BytesIO(data)) as image:
            shown = np.asarray(ImageOps.exif_transpose(image).convert("RGB"), int)
        seen = np.asarray(uploads.decoded(upload.place), int)
        assert upload.size == ((48, 32) if turn < 5 else (32, 48))
        assert seen.shape == shown.shape
        assert np.abs(seen - shown).max() < 12, turn
    assert np.abs(np.asarray(seen[4, 4]) - (0, 0, 0)).max() < 12  # turned by 8: what was right is on top


@pytest.mark.parametrize("mode", ["L", "P", "1", "CMYK", "RGBA", "LA", "I;16"])
def test_colours_of_every_kind_of_image(mode: str) -> None:
    red = Image.new("RGB", (20, 10), (255, 0, 0))
    image = Image.fromarray(np.full((10, 20), 40_000, np.uint16)) if mode == "I;16" else red.convert(mode)
    expected = 40_000 >> 8 if mode == "I;16" else np.asarray(image.convert("RGB"), int)
    data = encoded(image, "JPEG" if mode == "CMYK" else "PNG")
    seen = uploads.decoded(uploads.read("", data, pixels=1000).place)
    assert seen.shape == (10, 20, 3)
    assert np.abs(seen.astype(int) - expected).max() <= 3


def test_a_classifier_and_landmarks() -> None:
    names = {"tasks": ("category", "fit"), "values/fit": ("loose", "tight"), "attributes": ("red", "long", "silk"),
             "attribute_groups": ("colour", "shape", "fabric")}  # fmt: skip
    stand_in = StandIn(box)
    stand_in.classes, stand_in.names = ("Dress", "Top"), names
    shown = classification.presented(names, 0.3)
    prediction = {
        "label": np.array(2), "choices": np.array([0.25, 0.75, 0.9, 0.1], np.float32),
        "attributes": np.array([0.1, 0.8, 0.3], np.float32), "box": np.array([1, 2, 5, 8], np.float32),
    }  # fmt: skip
    outcome = Outcome(uploads.read("", LIGHT, pixels=10**6), prediction, 1, 2, 3)
    told = answers.answer(Served("m", stand_in, "classification", shown, "0", 0.3), outcome, "x.png")
    assert told["predictions"] == [{"category_id": 2, "category": "Top", "score": 0.75, "bbox": [1, 2, 4, 6]}]
    assert told["labels"]["tasks"]["category"][0] == {"name": "Top", "score": 0.75}
    assert [each["name"] for each in told["labels"]["tasks"]["fit"]] == ["loose", "tight"]
    assert told["labels"]["attributes"][1] == {"name": "long", "score": pytest.approx(0.8), "group": "shape"}
    told["timings_ms"]["post"] = 0.1
    strict(Answer.model_validate(told), told)

    layout = landmarks.layout("shorts")
    assert layout is not None
    points = np.zeros((1, layout.total, 3))
    points[0, layout.offset : layout.offset + layout.count] = np.arange(3 * layout.count).reshape(-1, 3) / 100
    stand_in.classes = ("skirt", "shorts")
    found = {**box(), "labels": np.array([2]), "keypoints": points}
    told = answers.answer(
        Served("m", stand_in, "keypoints", keypoints, "0", 0.3), Outcome(outcome.upload, found, 1, 2, 3), ""
    )
    (shorts,) = told["predictions"]
    assert shorts["keypoints"][:6] == [0, 0.01, 0.02, 0.03, 0.04, 0.05]
    assert len(shorts["keypoints"]) == 3 * layout.count
    assert shorts["skeleton"] == [list(edge) for edge in layout.edges]


def test_a_class_for_every_pixel() -> None:
    stand_in = StandIn(box)
    stand_in.classes = ("shirt", "skirt")
    values = np.arange(12, dtype=np.uint8).reshape(3, 4) % 3
    values[2, 3] = 255
    upload = uploads.read("", encoded(Image.new("RGB", (4, 3))), pixels=12)
    outcome = Outcome(upload, {"map": values}, 1, 2, 3)
    told = answers.answer(Served("m", stand_in, "segmentation", segmentation, "0", 0.3), outcome, "")
    assert (told["predictions"], told["map"]["size"]) == ([], [3, 4])
    assert told["map"]["classes"] == ["background", "shirt", "skirt"]
    image = Image.open(io.BytesIO(base64.b64decode(told["map"]["png"])))
    assert np.array_equal(np.asarray(image), values)
    palette = [tuple(image.getpalette()[3 * value : 3 * value + 3]) for value in range(3)]  # type: ignore[index]
    assert palette == [tuple(colour) for colour in told["map"]["palette"]]


def bomb() -> bytes:
    """A PNG of 9,000 x 9,000 grey pixels in a few bytes: too many for a request, whatever memory there is."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 9_000, 9_000, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(100_000)))
        + chunk(b"IEND", b"")
    )


def animated(format: str) -> bytes:
    first, second = (Image.new("RGB", (9, 9), (level, 0, 0)) for level in (10, 200))
    return encoded(first, format, save_all=True, append_images=[second])


NOISE = encoded(Image.fromarray(np.random.default_rng(1).integers(0, 256, (100, 120, 3), dtype=np.uint8)), "JPEG")
REFUSED: dict[str, tuple[bytes, int, str]] = {
    "nothing": (b"", 400, "empty"),
    "a byte": (b"x", 415, "format"),
    "text": (b"hello, I am a photograph" * 9, 415, "format"),
    "a page": (b"<html><body><img src=x></body></html>", 415, "format"),
    "SVG": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "format"),
    "a cut JPEG": (NOISE[: len(NOISE) // 2], 422, "damaged"),
    "a cut PNG": (LIGHT[:200], 422, "damaged"),
    "HEIC": (b"\0\0\0\x18ftypheic" + bytes(50), 415, "HEIC"),
    "animated GIF": (animated("GIF"), 415, "frames"),
    "animated WebP": (animated("WEBP"), 415, "frames"),
    "pages of TIFF": (animated("TIFF"), 415, "frames"),
    "a bomb": (bomb(), 413, "9000 x 9000"),
    "many scans": (encoded(Image.new("L", (8, 8)), "JPEG")[:-2] + 300 * b"\xff\xda\0\2" + b"\xff\xd9", 413, "scans"),
    "too many bytes": (bytes(300_000), 413, "bytes"),
    "too wide": (encoded(Image.new("1", (60_000, 20))), 413, "60000 x 20"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_image_is_refused_with_words(client: TestClient, what: str) -> None:
    data, status, word = REFUSED[what]
    answer = client.post("/v1/predict", content=data)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    told = answer.json()
    assert told["status"] == status
    assert word in told["detail"]
    assert told["hint"]
    assert client.post("/v1/predict", content=LIGHT).status_code == 200


@pytest.mark.parametrize(
    ("query", "options", "status", "word"),
    [
        ("?threshold=nan", {"content": LIGHT}, 422, "threshold"),
        ("?threshold=1.5", {"content": LIGHT}, 422, "threshold"),
        ("?classes=cat", {"content": LIGHT}, 422, "cat"),
        ("?classes=,", {"content": LIGHT}, 422, "no class"),
        ("?thresold=0.9", {"content": LIGHT}, 422, "thresold"),
        ("?model=../people", {"content": LIGHT}, 422, "../people"),
        ("", {"content": b"{}", "headers": {"Content-Type": "application/json"}}, 415, "URLs"),
        ("", {"content": b"<a/>", "headers": {"Content-Type": "text/html"}}, 415, "text/html"),
        ("", {"files": [("image", ("a", LIGHT))] * 4}, 413, "3 images"),
        ("", {"files": [("photo", ("a", LIGHT))]}, 400, "photo"),
        ("", {"data": {"image": "text"}, "files": [("image", ("a", LIGHT))]}, 400, "image"),
        ("", {"content": b"--x\r\ntorn", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}, 400, "form"),
        ("", {"content": b"", "headers": {"Content-Type": "multipart/form-data"}}, 400, "form"),
        ("", {"files": [("image", ("good.png", LIGHT)), ("image", ("bad.png", b"x"))]}, 415, "image 2 (bad.png)"),
        ("", {"files": [("image", ("a", LIGHT))] * 2, "headers": {"Accept": "image/jpeg"}}, 422, "picture"),
        ("", {"content": iter([bytes(90_000)] * 4)}, 413, "bytes"),
    ],
)
def test_requests_that_make_no_sense(
    client: TestClient, query: str, options: dict[str, Any], status: int, word: str
) -> None:
    answer = client.post(f"/v1/predict{query}", **options)
    assert answer.status_code == status, answer.text
    assert word in answer.json()["detail"]
    assert client.app_state["service"].engines["people"].taken == 0


def test_requests_share_calls_and_get_their_own_answers() -> None:
    calls: list[int] = []
    release = threading.Event()
    release.set()

    class Counting(StandIn):
        def __call__(self, pixels: Any) -> Any:
            release.wait(5)
            calls.append(len(pixels))
            return super().__call__(pixels)

    def found(image: Any) -> Any:
        level = float(image.mean() / 255)
        return box(level) if level < 0.97 else {}  # white is what this model fails on

    with serving.client([serving.served(Counting(found))], Limits(queue=20), Batching(8)) as sends:
        release.clear()
        levels = [60, 80, 100, 255, 120, 140, 160, 180, 200, 220]
        images = [encoded(Image.new("RGB", (32, 32), (level,) * 3)) for level in levels]
        with ThreadPoolExecutor(len(images)) as pool:
            waiting = [pool.submit(sends.post, "/v1/predict?threshold=0", content=image) for image in images]
            until = time.monotonic() + 5
            while sends.app_state["service"].engines["model"].taken < len(images) and time.monotonic() < until:
                time.sleep(0.01)
            time.sleep(0.2)
            calls.clear()
            release.set()
            answers = [each.result() for each in waiting]
        assert [each.status_code for each in answers] == [500 if level == 255 else 200 for level in levels]
        scores = [each.json()["predictions"][0]["score"] for each in answers if each.status_code == 200]
        assert scores == pytest.approx([level / 255 for level in levels if level != 255], abs=1e-4)
        assert max(calls) > 4
        metrics = sends.get("/metrics").text
        assert 'tltpipe_request_seconds_count{code="500",route="/v1/predict"} 1.0' in metrics
        assert 'tltpipe_images_in_progress{model="model"} 0.0' in metrics


def test_what_is_too_much_is_refused_before_it_waits() -> None:
    go = threading.Event()

    def found(image: Any) -> Any:
        assert go.wait(10)
        return box()

    go.set()
    limits = Limits(queue=2, images=1, timeout=1.5)
    with serving.client([serving.served(StandIn(found))], limits, Batching(1)) as sends:
        go.clear()
        with ThreadPoolExecutor(8) as pool:
            waiting = [pool.submit(sends.post, "/v1/predict", content=LIGHT) for _ in range(8)]
            time.sleep(0.5)
            begun = time.monotonic()
            assert sends.get("/healthz").json() == {"status": "alive"}
            assert time.monotonic() - begun < 0.5
            answers = [each.result() for each in waiting]
            codes = sorted(each.status_code for each in answers)
            assert codes == [429] * 5 + [504] * 3
            refused = next(each for each in answers if each.status_code == 429)
            assert int(refused.headers["retry-after"]) >= 1
        go.set()
        until = time.monotonic() + 5
        while sends.app_state["service"].engines["model"].taken and time.monotonic() < until:
            time.sleep(0.01)
        assert sends.post("/v1/predict", content=LIGHT).status_code == 200


def test_slow_bodies_end(client: TestClient, files: tuple[Path, Path]) -> None:
    import asyncio

    from runtime.serving.bodies import Bodies

    class Slow:
        headers: dict[str, str] = {}  # noqa: RUF012

        async def stream(self) -> Any:
            while True:
                await asyncio.sleep(0.05)
                yield b"x"

    bodies = Bodies(Limits(timeout=0.3))
    with pytest.raises(RequestProblem) as refused:
        asyncio.run(bodies.pictures(Slow()))  # type: ignore[arg-type]
    assert refused.value.status == 408
    assert bodies.received == 0


def test_streams_answer_the_newest_frame(client: TestClient) -> None:
    with client.websocket_connect("ws://127.0.0.1/v1/stream?model=people&threshold=0.7") as socket:
        socket.send_bytes(LIGHT)
        told = socket.receive_json()
        assert (told["frame"], len(told["predictions"])) == (1, 2)
        socket.send_bytes(b"no image")
        told = socket.receive_json()
        assert (told["frame"], told["problem"]["status"]) == (2, 415)
    gate = threading.Event()
    gate.set()

    def found(image: Any) -> Any:
        gate.wait(5)
        return box(float(image.mean() / 255))

    with (
        serving.client([serving.served(StandIn(found))]) as sends,
        sends.websocket_connect("ws://127.0.0.1/v1/stream") as socket,
    ):
        gate.clear()
        for level in (50, 100, 150, 200):
            socket.send_bytes(encoded(Image.new("RGB", (32, 32), (level,) * 3)))
            time.sleep(0.1)
        gate.set()
        frames = [socket.receive_json() for _ in range(2)]
        assert [each["frame"] for each in frames] == [1, 4]
        assert frames[1]["predictions"][0]["score"] == pytest.approx(200 / 255, abs=1e-4)


def test_tokens_origins_hosts_and_what_is_kept(files: tuple[Path, Path], tmp_path: Path) -> None:
    token = "a token of tests"
    with serving.client(
        serving.models(files[0]), keep=Keep(tmp_path), token=token, origins=["https://shop.example"]
    ) as sends:
        assert sends.get("/healthz").status_code == sends.get("/readyz").status_code == 200
        assert sends.get("/v1/models").status_code == 401
        assert sends.post("/v1/predict", content=LIGHT, headers={"Authorization": "Bearer x"}).status_code == 401
        sends.headers["Authorization"] = f"Bearer {token}"
        assert sends.get("/v1/models", headers={"Host": "evil.example"}).status_code == 421
        assert sends.get("/v1/models", headers={"Origin": "https://evil.example"}).status_code == 403
        allowed = sends.get("/v1/models", headers={"Origin": "https://shop.example"})
        assert allowed.headers["access-control-allow-origin"] == "https://shop.example"
        assert [*tmp_path.iterdir()] == []
        answer = sends.post("/v1/predict", content=LIGHT)
        image, told = sorted(tmp_path.iterdir(), key=lambda path: path.suffix == ".json")
        assert (image.suffix, image.read_bytes()) == (".png", LIGHT)
        assert json.loads(told.read_text()) == answer.json()
    assert sends.app_state["service"].ready is False
    assert sends.get("/readyz").status_code == 503


def test_requests_made_up_from_the_schema_meet_no_surprise(client: TestClient) -> None:
    schemathesis = pytest.importorskip("schemathesis")
    from hypothesis import HealthCheck, Phase, given, settings

    schema = schemathesis.openapi.from_asgi("/openapi.json", client.app, headers={"Host": "127.0.0.1"})
    seen: dict[str, set[int]] = {}
    for result in schema.get_all_operations():
        operation = result.ok()

        @given(case=operation.as_strategy())
        @settings(
            max_examples=5 if operation.path == "/v1/predict" else 1, deadline=None, derandomize=True, database=None,
            phases=[Phase.explicit, Phase.generate], suppress_health_check=[*HealthCheck],
        )  # fmt: skip
        def check(case: Any) -> None:
            # Names of classes and models are not in the schema: what fits it may be refused.
            excluded = [schemathesis.checks.CHECKS.get_one("positive_data_acceptance")]
            answer = case.call_and_validate(headers={"Host": "127.0.0.1"}, excluded_checks=excluded)
            seen.setdefault(case.path, set()).add(answer.status_code)

        check()
    assert {"/v1/predict", "/v1/models", "/v1/models/{name}", "/healthz", "/readyz", "/metrics"} == seen.keys()
    assert 500 not in set().union(*seen.values())
    assert {400, 415} & seen["/v1/predict"]


def test_an_answer_says_that_the_image_was_turned(client: TestClient) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = encoded(Image.new("RGB", (64, 32), (200, 180, 190)), "JPEG", exif=exif)
    told = client.post("/v1/predict", content=turned).json()["image"]
    assert told == {"name": "", "width": 32, "height": 64, "exif": {"orientation": 6, "turned": True}}


def test_a_drawn_image_has_what_counts_by_the_spec_and_is_kept_too(tmp_path: Path) -> None:
    with serving.client([serving.served(StandIn(lambda _: box(0.2)))], keep=Keep(tmp_path)) as sends:
        jpeg = {"Accept": "image/jpeg"}
        usual, low, high = (
            sends.post(f"/v1/predict{query}", content=LIGHT, headers=jpeg).content
            for query in ("", "?threshold=0.1", "?threshold=0.9")
        )
        assert (usual == high, usual == low) == (True, False), "0.2 is below the spec's 0.3"
        assert sorted({path.suffix for path in tmp_path.iterdir()}) == [".json", ".png"]
        assert len(sends.post("/v1/predict", content=LIGHT).json()["predictions"]) == 1
        assert sends.post("/v1/predict", content=b"x").status_code == 415
        assert 'tltpipe_rejected_total{code="415"} 1.0' in sends.get("/metrics").text


def test_a_large_form_never_touches_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    import tempfile

    large = encoded(Image.new("RGB", (700, 700)), "BMP")
    with serving.client([serving.served(StandIn(lambda _: box()))]) as sends:
        monkeypatch.setattr(tempfile, "tempdir", "/nowhere/at/all")
        assert sends.post("/v1/predict", files=[("image", ("a.bmp", large))]).status_code == 200


def test_bodies_that_arrive_at_once_have_a_bound() -> None:
    import asyncio

    from runtime.serving.bodies import Bodies

    class Sent:
        headers: dict[str, str] = {}  # noqa: RUF012

        async def stream(self) -> Any:
            yield b"12345"

    bodies = Bodies(Limits(bytes=10))
    assert asyncio.run(bodies.pictures(Sent()))[0][0].data == b"12345"  # type: ignore[arg-type]
    bodies.received = bodies.limits.bodies
    with pytest.raises(RequestProblem, match="at once") as refused:
        asyncio.run(bodies.pictures(Sent()))  # type: ignore[arg-type]
    assert (refused.value.status, refused.value.headers["Retry-After"]) == (503, "1")
    assert bodies.received == bodies.limits.bodies


def test_there_is_a_bound_on_streams_and_one_that_closed_makes_room(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from starlette.websockets import WebSocketDisconnect

    from runtime.serving import stream

    monkeypatch.setattr(stream, "AT_ONCE", 1)
    url = "ws://127.0.0.1/v1/stream?model=people"
    with client.websocket_connect(url) as socket:
        with pytest.raises(WebSocketDisconnect) as refused, client.websocket_connect(url):
            pass
        assert refused.value.code == stream.TRY_LATER
        socket.send_bytes(LIGHT)
        assert socket.receive_json()["frame"] == 1
    with client.websocket_connect(url) as socket:
        socket.send_bytes(LIGHT)
        assert socket.receive_json()["frame"] == 1


def test_a_cascade_answers_requests_of_one_threshold_together() -> None:
    cascade = replace(serving.served(StandIn(lambda _: box())), cascade=True)
    with ThreadPoolExecutor(1) as pool:
        engine = Engine(cascade, pool, Meters(), places=9, pixels=9, batch=8)
        jobs = [Job(Asked("", b"", threshold, 0.0), lambda _: b"") for threshold in (0.5, 0.5, 0.3, 0.3)]
        for job in jobs[1:]:
            engine._waiting.put(job)
        assert engine._gathered(jobs[0]) == jobs[:2]
        assert engine._held is jobs[2]
        assert engine._gathered(jobs[2]) == jobs[2:]


def test_one_image_that_a_model_fails_on_is_not_the_misfortune_of_those_beside_it() -> None:
    class Fails(StandIn):
        def __call__(self, pixels: Any) -> Any:
            if np.asarray(pixels).max(initial=0) == 255:
                raise ValueError("no white")
            return super().__call__(pixels)

    stand_in = serving.served(Fails(lambda _: box()))
    with serving.client([stand_in], Limits(timeout=3), Batching(2, wait=0.5)) as sends, ThreadPoolExecutor(2) as pool:
        images = [encoded(Image.new("RGB", (32, 32), (level,) * 3)) for level in (100, 255)]
        for order in (images, images[::-1]):
            answers = [
                each.status_code for each in pool.map(lambda data: sends.post("/v1/predict", content=data), order)
            ]
            assert sorted(answers) == [200, 500]


def test_as_many_images_as_are_allowed_have_room_and_none_after_the_end() -> None:
    limits = Limits(queue=1, images=4)
    with serving.client([serving.served(StandIn(lambda _: box()))], limits, Batching(1)) as sends:
        form = [("image", ("a", LIGHT))] * 4
        assert len(sends.post("/v1/predict?classes=%20box%20,", files=form).json()["images"]) == 4
        sends.app_state["service"].drain()
        late = sends.post("/v1/predict", content=LIGHT)
        assert (late.status_code, late.headers["retry-after"]) == (503, "5")


def test_a_part_names_its_object_by_its_place_in_the_answer() -> None:
    records: list[dict[str, Any]] = [{}, {}, {}]
    answers._link(records, {OBJECT: np.array([1, 2, 0]), PART_OF: np.array([0, 0, 2])}, [1, 2])
    assert records == [{}, {}, {"part_of": 0}]
