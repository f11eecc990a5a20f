"""What lies on a disk is data: nothing in the product reads it with something that runs what it reads."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("tltpipe", "converters", "specs", "orchestrator", "runtime")
MODULES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "jsonpickle", "dbm"}
IN_MEMORY = {"runtime/launch.py": {"pickle"}}
"""What goes through a pipe between our own processes and never lies on a disk."""
BUILTINS = {"eval", "exec", "compile", "__import__"}
YAML = {"Loader", "CLoader", "FullLoader", "UnsafeLoader", "CFullLoader", "unsafe_load", "full_load", "unsafe_load_all"}


def offences(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name.split(".")[0] for alias in names if alias.name.split(".")[0] in MODULES)
            case ast.ImportFrom(module=str(module), level=0) if module.split(".")[0] in MODULES:
                yield module.split(".")[0]
            case ast.Call(func=ast.Name(id=name)) if name in BUILTINS:
                yield name
            case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr=attribute), keywords=keywords):
                given = {word.arg: word.value for word in keywords}
                if (owner, attribute) == ("torch", "load") and not _is(given.get("weights_only"), value=True):
                    yield "torch.load"
                if attribute == "load" and owner in ("np", "numpy") and not _is(given.get("allow_pickle"), value=False):
                    yield "numpy.load"
                if owner == "yaml" and attribute in ("load", "load_all") and "Loader" not in given:
                    yield "yaml.load"
                if attribute == "read_pickle":
                    yield "read_pickle"
            case ast.Attribute(value=ast.Name(id="yaml"), attr=attribute) if attribute in YAML:
                yield f"yaml.{attribute}"
            case ast.keyword(arg="allow_pickle", value=value) if not _is(value, value=False):
                yield "allow_pickle"


def _is(node: ast.expr | None, *, value: bool) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


@pytest.mark.parametrize("room", ROOMS)
def test_nothing_runs_what_it_reads(room: str) -> None:
    paths = list((ROOT / room).rglob("*.py"))
    assert paths
    found = {str(path.relative_to(ROOT)): set(offences(ast.parse(path.read_text("utf-8")))) for path in paths}
    assert {path: which - IN_MEMORY.get(path, set()) for path, which in found.items() if which} == {
        path: set() for path in found if path in IN_MEMORY
    }


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from pickle import loads",
        "def f():\n    import marshal",
        "import shelve",
        "import joblib.memory",
        "eval(text)",
        "exec(text)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "np.load(path)",
        "numpy.load(path, allow_pickle=True)",
        "load(path, allow_pickle=True)",
        "yaml.load(text)",
        "yaml.load(text, Loader=yaml.FullLoader)",
        "yaml.unsafe_load(text)",
        "pandas.read_pickle(path)",
    ],
)
def test_each_of_them_is_seen(code: str) -> None:
    assert list(offences(ast.parse(code)))


@pytest.mark.parametrize(
    "code",
    ["torch.load(p, weights_only=True)", "model.eval()", "yaml.load(t, Loader=yaml.SafeLoader)", "re.compile(t)"],
)
def test_what_is_sound_is_not(code: str) -> None:
    assert not list(offences(ast.parse(code)))
