"""Trees of specs: nothing of a text is lost but its layout, comments stay where they are."""

from pathlib import Path

import pytest

from specs.migration import reading, writing
from specs.migration.tree import Field, Scalar, Section, written
from tltpipe.errors import SpecError

MIXED = """# the head

a: "é\\n\\"q" 'b' # behind a
l: [1, 2,
 3] # behind l
s [{a: 1 # one
}, {b: 2}] # last
m < x: 1 ; y: "z" > # end of m
e {
 # nothing
} # end of e
# the tail
"""
CLEAN = """# the head

a: "é\\n\\"qb"  # behind a
l: 1
l: 2
l: 3  # behind l
s {
  a: 1  # one
}
s {
  b: 2
}  # last
m {
  x: 1
  y: "z"
}  # end of m
e {
  # nothing
}  # end of e
# the tail
"""
YAML = """# the head
train:
  # above lr
  lr: 1e-3  # behind lr
  steps: [1, [2, 3]]
  name: "a: b"
  # below train

data:
  sources:
    - path: "x"  # first
      weight: 2
    # the second
    - path: "y"
empty: null
# the tail
"""


def test_proto_text_keeps_all_but_its_layout() -> None:
    root = reading.proto_text(MIXED, source="a.conf")
    assert writing.proto_text(root) == CLEAN
    assert writing.proto_text(reading.proto_text(CLEAN, source="a.conf")) == CLEAN
    assert [(path, each.line, each.column) for path, each in root.walk()][4:8] == [
        ("s[0]", 6, 1),
        ("s[0].a", 6, 5),
        ("s[1]", 6, 1),
        ("s[1].b", 7, 5),
    ]
    assert root.value("a") == Scalar('é\n"qb', quoted=True)


def test_yaml_keeps_all_but_its_layout() -> None:
    root = reading.yaml_text(YAML, source="a.yaml")
    assert writing.yaml_text(root) == YAML
    assert root.value("train.steps") == [Scalar("1"), [Scalar("2"), Scalar("3")]]
    assert [path for path, _ in root.walk()][4:8] == [
        "data",
        "data.sources[0]",
        "data.sources[0].path",
        "data.sources[0].weight",
    ]


def test_proto_text_becomes_yaml_with_its_comments() -> None:
    text = writing.yaml_text(reading.proto_text(CLEAN, source="a.conf"))
    assert (
        text
        == """# the head

a: "é\\n\\"qb"  # behind a
l: [1, 2, 3]  # behind l
s:
  - a: 1  # one
  - b: 2
    # last
m:
  x: 1
  y: "z"
  # end of m
e: {}
  # nothing
  # end of e
# the tail
"""
    )
    assert reading.yaml_text(text, source="a.yaml").value("a") == Scalar('é\n"qb', quoted=True)


@pytest.mark.parametrize(
    ("read", "text", "place"),
    [
        (reading.proto_text, "a {\n b: 1\n", (3, 1)),
        (reading.proto_text, "a: }", (1, 4)),
        (reading.proto_text, "a 1", (1, 3)),
        (reading.proto_text, 'a: "x', (1, 4)),
        (reading.proto_text, 'a: "\\377"', (1, 4)),
        (reading.proto_text, "a {" * 200, (1, 301)),
        (reading.proto_text, "}", (1, 1)),
        (reading.yaml_text, "a: [1", (1, 6)),
        (reading.yaml_text, "- 1", (1, 1)),
        (reading.yaml_text, "a:\n- b: 1\n- 2", (2, 1)),
        (reading.yaml_text, "a: &x\n  b: *x", (1, 4)),
    ],
)
def test_what_is_no_tree_is_refused_with_its_place(read: object, text: str, place: tuple[int, int]) -> None:
    with pytest.raises(SpecError) as error:
        read(text, source=Path("x"))  # type: ignore[operator]
    where = error.value.where
    assert (where.line, where.column) == place  # type: ignore[union-attr]


def test_a_tree_can_be_built() -> None:
    root = Section("")
    root.put("train.optim.lr", written(0.001))
    root.put("train.optim.lr", written(0.01))
    root.put("classes", written(["a", "b: c"]))
    root.put("on", written(True))
    root.section("train").fields.append(Field("seed", written(None)))
    assert writing.yaml_text(root) == (
        'train:\n  optim:\n    lr: 0.01\n  seed: null\nclasses: ["a", "b: c"]\non: true\n'
    )
