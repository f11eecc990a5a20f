"""Every rule: an example that breaks it and one that does not, a row in docs/spec-rules.md, what silences it."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from rule_example import TLT3, Example, edited

import specs
from orchestrator.commands import spec_checking
from specs import checks, rule_docs, rules

EXAMPLES: dict[str, Example] = {}
for path in sorted((Path(__file__).parent / "rule_examples").glob("*.py")):
    found = importlib.util.spec_from_file_location(f"rule_examples.{path.stem}", path)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    assert EXAMPLES.keys().isdisjoint(module.EXAMPLES), path
    EXAMPLES |= module.EXAMPLES

YAML = """
dataset: {train_data_sources: [{image_dir: /d, json_file: /d/a.json}], classes: [a], letterbox: true}
train: {num_epochs: 3, seed: 4}
"""
CATALOGUE = {each.code: each for each in rules.catalogue()}


def examine(example: Example, text: str, folder: Path) -> tuple[specs.Spec | None, list[checks.Finding]]:
    about = partial(example.about, folder) if example.about else partial(rules.Subject, toolkit=example.toolkit)
    return specs.examine(text, example.kind, source="spec", strict=example.strict, about=about)


OF_FILES = {"S001", "S009", "S014"}
"""Their examples are below."""


def test_every_rule_has_examples() -> None:
    assert sorted(CATALOGUE.keys() - EXAMPLES.keys()) == sorted(OF_FILES)


@pytest.mark.parametrize("anchors", ['scales: "[0.1, 0.2]"', 'scales: "[0.1"', 'aspect_ratios: "[[1.0], [2.0]]"'])
def test_anchors_that_cannot_be_read_are_not_laid_over_boxes(anchors: str, tmp_path: Path) -> None:
    text = edited(EXAMPLES["S461"].bad, "clip_boxes: false", anchors)
    codes = {finding.code for finding in examine(EXAMPLES["S461"], text, tmp_path)[1]}
    assert "S461" not in codes
    assert codes & {"S108", "S109"}


@pytest.mark.parametrize("code", sorted(EXAMPLES))
def test_examples(code: str, tmp_path: Path) -> None:
    example, rule = EXAMPLES[code], CATALOGUE[code]
    spec, findings = examine(example, example.bad, tmp_path)
    mine = [finding for finding in findings if finding.code == code]
    assert mine, findings
    assert {finding.severity for finding in mine} == {rule.severity}
    where = checks.located(spec or specs.Spec(None, "spec"), mine[0])
    if example.at is None:
        assert where.line is None
    else:
        assert where.line is not None
        assert where.column is not None
        assert example.bad.split("\n")[where.line - 1][where.column - 1 :].startswith(example.at)
    good, others = examine(example, example.good, tmp_path)
    assert good is not None
    codes = {finding.code for finding in others}
    assert code not in codes
    assert {finding.code for finding in findings} - codes == {code, *example.also}


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [('ratios: "[[', 'ratios: "[[2], [', "S108"), ('scales: "[', 'scales: "', "S109")],
)
def test_boxes_are_not_held_against_lists_that_make_no_anchors(old: str, new: str, code: str, tmp_path: Path) -> None:
    example = EXAMPLES["S461"]
    _, findings = examine(example, edited(example.bad, old, new), tmp_path)
    assert [finding.code for finding in findings] == [code]


def test_of_another_generation_is_all_there_is_to_say(tmp_path: Path) -> None:
    example = replace(EXAMPLES["S528"], toolkit="tlt2")  # a spec of TLT 3.0, with clip_boxes
    _, findings = examine(example, example.bad, tmp_path)
    assert [(each.code, each.hint) for each in findings] == [("S501", "tltpipe spec migrate spec --to tlt2")]


def test_a_folder_is_no_file_of_annotations(tmp_path: Path) -> None:
    paths = 'root_directory_path: "/workspace/data" img_dir_names: "train/images" annotation_files: "train"'
    example = replace(EXAMPLES["S304"], kind="dataset_convert")
    _, findings = examine(example, f"coco_config {{ num_partitions: 1 {paths} }}", tmp_path)
    assert [(finding.code, finding.path) for finding in findings] == [("S304", "coco_config.annotation_files[0]")]


@pytest.mark.parametrize(
    ("content", "strict", "code"),
    [
        (b"\xff", False, "S001"),
        (b"colour: 3\n", False, "S009"),
        (YAML.encode(), True, "S014"),
        (YAML.encode(), False, ""),
    ],
)
def test_examples_of_files(content: bytes, strict: bool, code: str, tmp_path: Path) -> None:
    (tmp_path / "spec").write_bytes(content)
    verdict = spec_checking.examine(tmp_path / "spec", spec_checking.Request(strict=strict))
    assert [finding.code for finding in verdict.findings] == ([code] if code else [])


def test_the_table_in_the_docs_is_that_of_the_rules() -> None:
    """Written by ``python -m specs.rule_docs``."""
    assert rule_docs.PAGE.read_text() == rule_docs.page()


def test_one_style() -> None:
    """What to do: words in lower case without a full stop."""
    for rule in CATALOGUE.values():
        assert re.match(r"[^A-Z]|[A-Z]+\b", rule.fix), rule
        assert rule.fix.endswith("...") or not rule.fix.endswith("."), rule


TWICE = edited(edited(TLT3, "enable_qat: false", "enable_qat: true"), "n_workers: 8", "max_queue_size: 8")
SPOILT = edited(TLT3, "nlayers: 18", "nlayers: 17")


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        (TWICE, ["S139", "S139"]),
        (edited(TWICE, "enable_qat: true", "enable_qat: true  # tltpipe: ignore S139"), ["S139"]),
        (edited(TWICE, "enable_qat: true", "enable_qat: true  # tltpipe: ignore 139"), ["S139", "S010", "S139"]),
        (edited(TWICE, "enable_qat: true", "enable_qat: true  # tltpipe: strict-tlt"), ["S139", "S010", "S139"]),
        (edited(TWICE, "interval: 5", "interval: 5  # tltpipe: ignore S139"), ["S139", "S139"]),
        (f"# tltpipe: ignore S104 S13\n{TWICE}", []),
        (f"# tltpipe: ignore S104\n{SPOILT}", ["S104"]),
    ],
)
def test_comments_silence_warnings_alone(text: str, codes: list[str]) -> None:
    _, findings = specs.examine(text, "ssd", source="spec")
    assert [finding.code for finding in findings] == codes


def test_errors_that_a_spec_cannot_be_used_with_are_not_silenced() -> None:
    example = EXAMPLES["S242"]
    _, findings = specs.examine(f"# tltpipe: ignore S2\n{example.bad}", example.kind, source="spec", ignore=("S2",))
    assert "S242" in [finding.code for finding in findings]


def test_select_and_ignore() -> None:
    def codes(**chosen: tuple[str, ...]) -> list[str]:
        text = edited(TWICE, "top_k: 200", "top_k: 0")
        return [finding.code for finding in specs.examine(text, "ssd", source="spec", **chosen)[1]]

    assert codes() == ["S139", "S139", "S146"]
    assert codes(ignore=("S1",)) == codes(select=("S4",)) == codes(select=("S146",)) == ["S146"]
    assert codes(select=("S13",)) == ["S139", "S139", "S146"]


def test_rules_of_one_code_are_refused() -> None:
    with pytest.raises(ValueError, match="S139"):
        rules.rule("S139", "error", title="", fix="")(lambda subject: ())  # noqa: ARG005
