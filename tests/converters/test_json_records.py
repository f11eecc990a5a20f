"""Records of a big JSON file: found by brackets alone, whatever is in them and wherever a window ends."""

from __future__ import annotations

import json
import random
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from refusals import error_of

from converters.files import json_document, json_records
from converters.files.json_records import Records
from tltpipe.errors import DataError, Location

TRICKS = ["},{", '"', '\\"', "\\", "\\\\", "]", "[", '"image_id":5', "ü{€}", "\n", "", "{", 'a\\"},\n{']


def value(chance: random.Random, depth: int = 0) -> Any:
    kind = chance.randrange(7 if depth < 3 else 4)
    if kind == 0:
        return "".join(chance.choices(TRICKS, k=chance.randrange(4)))
    if kind in (1, 2):
        return chance.choice([0, -5, 1.5, 1e9, None, True, False])
    if kind in (3, 4):
        return [value(chance, depth + 1) for _ in range(chance.randrange(4))]
    keys = [*TRICKS, "image_id", "id", "segments"]
    return {chance.choice(keys): value(chance, depth + 1) for _ in range(chance.randrange(5))}


def record(chance: random.Random) -> dict[str, Any]:
    fields = list({"image_id": chance.randrange(-9, 99), **{f"k{n}": value(chance) for n in range(3)}}.items())
    chance.shuffle(fields)
    return dict(fields)


def scanned(path: Path, *names: str) -> tuple[dict[str, list[Any]], dict[str, list[int]], dict[str, Any]]:
    """Records by parsing, their image ids without, and the other members."""
    document = json_document.opened(path)
    lists: dict[str, list[Any]] = {}
    ids: dict[str, list[int]] = {}

    def take(records: Records) -> None:
        found, numbers = lists.setdefault(records.name, []), ids.setdefault(records.name, [])
        for piece in records:
            found += piece.parsed()
            spans = zip(piece.offsets.tolist(), piece.lengths.tolist(), strict=True)
            assert piece.parsed() == [document.parse(at, at + length) for at, length in spans]
            known = piece.integers("image_id")
            numbers += known.tolist() if known is not None else [each.get("image_id") for each in piece.parsed()]

    kept = json_records.scan(document, lists=dict.fromkeys(names, take), keep=("info",))
    return lists, ids, kept


@pytest.mark.parametrize("window", [7, 64, 500, 1 << 20])
@pytest.mark.parametrize("style", [{}, {"separators": (",", ":")}, {"indent": 2}, {"ensure_ascii": False}])
def test_finds_what_a_parser_finds(
    window: int, style: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_records, "WINDOW", window)
    for seed in range(12):
        chance = random.Random(seed)
        page = {
            "info": value(chance),
            "other": value(chance),
            "a": [record(chance) for _ in range(chance.choice([0, 1, 30]))],
            "text": "".join(TRICKS),
            "b": [record(chance) for _ in range(40)],
            "last": chance.choice([1, "x", None, -2.5e3]),
        }
        members = list(page.items())
        chance.shuffle(members)
        path = tmp_path / f"{seed}.json"
        path.write_bytes(b"\xef\xbb\xbf" * (seed % 2) + json.dumps(dict(members), **style).encode() + b"\n" * seed)
        lists, ids, kept = scanned(path, "a", "b")
        assert lists == {"a": page["a"], "b": page["b"]}
        assert ids == {name: [each["image_id"] for each in page[name]] for name in ("a", "b")}
        assert kept == {"info": page["info"]}


def test_integers_are_those_of_the_record_itself(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for text in (
        '{"x": {"image_id": 1}}',
        '{"image_id": 1, "image_id": 2}',
        '{"image_id": "1"}',
        '{"image_id": 1.0}',
        '{"image_id": 123456789012345678901}',
        r'{"image\u005fid": 1}',
    ):
        path.write_text(f'{{"a": [{text}]}}')
        for piece in Records(json_document.opened(path), 7, "a"):
            assert piece.integers("image_id") is None


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("", None, None, "this file is empty"),
        ("[]", None, None, "a JSON object is needed here, not a list"),
        ("hello", 1, 1, "no JSON"),
        ('{"a": [{}', 1, 10, "cut off"),
        ('{"a": [{"b": "', 1, 15, "cut off"),
        ('{"a": [', 1, 8, "cut off"),
        ('{"a": [{}]', 1, 11, "cut off"),
        ('{"a"', 1, 5, "cut off"),
        ('{"a": [{}]]', 1, 11, "a comma or a closing brace"),
        ('{"a": [{}]} x', 1, 13, "more behind its end"),
        ('{"a": [{}], "a": []}', 1, 18, '"a" is here twice'),
        ('{"a": {}}', 1, 7, '"a" must be a list of objects, not an object'),
        ('{"a": null}', 1, 7, '"a" must be a list of objects, not null'),
        ('{"a": [1]}', 1, 8, '"a" must be a list of objects'),
        ('{"a": ["b"]}', 1, 8, '"a" must be a list of objects'),
        ('{"a": [[]]}', 1, 8, '"a" must be a list of objects'),
        ('{"a":\n [{},\n ü, {}]}', 3, 2, '"a" must be a list of objects'),
        ('{"a": [{}, ]}', 1, 12, '"a" must be a list of objects'),
        ('{"a": [{} {}]}', 1, 11, '"a" must be a list of objects'),
        ('{"a": [, {}]}', 1, 8, '"a" must be a list of objects'),
        ('{"a": [{}}', 1, 10, '"a" must be a list of objects'),
        ('{"a": [\n{"x": 1},\n{"ü": 1, "y": tru}]}', 3, 15, "not valid JSON"),
        ('{"a": [{"x": NaN}]}', 1, 14, "not valid JSON"),
        ('{"info": {"x": }, "a": []}', 1, 16, "not valid JSON"),
        ('{"info": [}, "a": []}', 1, 11, "not valid JSON"),
        ("{a: 1}", 1, 2, "the name of a member"),
        ('{"a" 1}', 1, 6, "a colon"),
        ('{"b": , "a": []}', 1, 7, "a value"),
        ('{"a": [{"x": ' + "[" * 2000 + "]" * 2000 + "}]}", 1, None, "not valid JSON"),
    ],
)
def test_says_where_it_is_wrong(text: str, line: int | None, column: int | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    error = error_of(DataError, scanned, path, "a", match=message)
    where = error.where
    if line is None:
        assert where == path
    else:
        assert isinstance(where, Location)
        assert (where.path, where.line, where.column) == (path, line, column or where.column)


@pytest.mark.parametrize("content", [b"\xff\xfe{\x00}\x00", b'{"a": [{"x": "\xff"}]}'])
def test_says_what_is_no_text(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match="not UTF-8"):
        scanned(path, "a")


def test_missing_and_no_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="missing"):
        json_document.opened(tmp_path / "a.json")
    with pytest.raises(DataError, match="not a file"):
        json_document.opened(tmp_path)


def test_another_file_of_the_same_name_is_another(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for number in (1, 22):
        path.unlink(missing_ok=True)
        path.write_text(f'{{"a": [{{"image_id": {number}}}]}}')
        assert scanned(path, "a")[1] == {"a": [number]}


@pytest.mark.parametrize("size", [1 << 10, 1 << 22])
def test_edges_are_members_for_sure(size: int, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    bulk = [{"x": "y" * 50, "categories": [1], "images": [{}]}] * (size // 100)

    def edges(page: Any) -> dict[str, Any]:
        path.write_text(json.dumps(page))
        document = json_document.opened(path)
        return json_records.edges(document, first=("images", "b"), last="categories", length=1 << 16)

    found = edges({"info": 1, "images": bulk, "b": bulk, "categories": [2], "z": 3})
    assert (found["info"], found["categories"], found["z"]) == (1, [2], 3)
    assert "categories" not in edges({"info": 1, "b": bulk, "x": {"categories": [1]}, "images": bulk})
    assert edges({"info": {"a": 1, "images": [5]}, "images": bulk}).keys() <= {"info", "images"}
    assert edges({"info": 0, "categories": [4], "images": bulk})["categories"] == [4]


@pytest.mark.parametrize(
    "text",
    [
        '{"a": [' + "{" * 2_000_000,
        '{"a": [' + "[" * 2_000_000,
        '{"a": [{"x": ' + "[]," * 2_000_000,
        '{"a": [' + " " * 9_000_000,
        '{"a": [{"x": "' + "\\" * 9_000_001,
        '{"a": [' + '{"},{":"},{"},' * 100_000,
        '{"a": [' + "{}," * 300_000,
        '{"a": [' + '{"image_id"' * 300_000,
        "{" + '"b":1,' * 1_000_000,
        '{"b": ' + "[" * 9_000_000,
        '{"b": "' + "x" * 9_000_000,
        '{"' + "b" * 9_000_000,
        "{" * 9_000_000,
        " " * 9_000_000,
    ],
    ids=lambda text: text[:20],
)
def test_hostile_files_end_soon(text: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    start = time.process_time()
    tracemalloc.start()
    with pytest.raises(DataError):
        scanned(path, "a")
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert time.process_time() - start < 10
    assert most < 400e6


def test_a_record_may_be_longer_than_a_window(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    records = [{"image_id": n, "x": "}" * (n * 700_000)} for n in range(5)]
    path.write_text(json.dumps({"a": records}))
    assert scanned(path, "a")[0] == {"a": records}
