"""What lies on a disk is data: nothing in the product reads it with something that runs what it reads."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("tltpipe", "converters", "specs", "orchestrator", "runtime")
MODULES = {
    *("pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "jsonpickle", "dbm"),
    "imp",
}
MODULES |= {"runpy", "code", "codeop"}
BUILTINS = {"eval", "exec", "compile", "__import__"}
YAML = {"Loader", "CLoader", "FullLoader", "UnsafeLoader", "CFullLoader", "unsafe_load", "full_load"}
YAML |= {"unsafe_load_all", "full_load_all"}
CALLS = {
    *BUILTINS,
    *(f"builtins.{name}" for name in BUILTINS),
    *("os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput"),
    *("torch.jit.load", "torch.export.load", "torch.hub.load", "torch.package.PackageImporter"),
    *("numpy.lib.format.read_array", "pandas.read_pickle", "logging.config.fileConfig", "shutil.unpack_archive"),
    *("importlib.util.spec_from_file_location", "importlib.machinery.SourceFileLoader", "zipimport.zipimporter"),
    *(f"yaml.{name}" for name in YAML),
}
"""Names that run what they are given, or what they read."""
METHODS = {"read_pickle", "extractall", "load_module", "exec_module"}
"""The same, whatever they are methods of."""
ALLOWED = {
    "runtime/machine/launch.py": {"pickle"},  # through a pipe between our own processes: it never lies on a disk
    "tltpipe/executors/_spool.py": {"pickle"},  # behind a seal with a key that is on no disk: test_executors_ray.py
    "runtime/inference/backends/pt2.py": {"torch.export.load"},  # behind a seal: test_models.py
}


def offences(tree: ast.AST) -> Iterator[str]:
    names = dict(_imported(tree))
    for node in ast.walk(tree):
        match node:
            case ast.Import() | ast.ImportFrom():
                for name in dict(_imported(node)).values():
                    yield from {name.split(".")[0]} & MODULES
                    yield from {name} & CALLS
            case ast.Attribute(ctx=ast.Load()) | ast.Name(ctx=ast.Load()) if (name := _dotted(node, names)) in CALLS:
                yield name
            case ast.Attribute(attr=attribute) if attribute in METHODS:
                yield attribute
            case ast.keyword(arg="allow_pickle", value=value) if not _is(value, value=False):
                yield "allow_pickle"
            case ast.keyword(arg="shell", value=value) if not _is(value, value=False):
                yield "shell"
            case ast.Call(func=function, args=words, keywords=keywords):
                given = {word.arg: word.value for word in keywords}
                called = _dotted(function, names)
                if called in ("torch.load", "torch.serialization.load") and not _is(
                    given.get("weights_only"), value=True
                ):
                    yield "torch.load"
                if called == "numpy.load" and not _is(given.get("allow_pickle"), value=False):
                    yield "numpy.load"
                if called in ("yaml.load", "yaml.load_all") and "Loader" not in given:
                    yield "yaml.load"
                if called == "importlib.import_module" and isinstance(words[0], ast.Constant):
                    yield from {str(words[0].value).split(".")[0]} & MODULES


def _imported(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """What each name of a module stands for: "np" for "numpy", "load" for "torch.load"."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                for alias in names:
                    yield (
                        alias.asname or alias.name.split(".")[0],
                        alias.name if alias.asname else alias.name.split(".")[0],
                    )
            case ast.ImportFrom(module=str(module), names=names, level=0):
                yield from ((alias.asname or alias.name, f"{module}.{alias.name}") for alias in names)


def _dotted(node: ast.AST, names: dict[str, str]) -> str:
    """The name that ``node`` is, with its module; empty for all else."""
    match node:
        case ast.Name(id=name):
            return names.get(name, "numpy" if name == "np" else name)
        case ast.Attribute(value=inner, attr=attribute) if owner := _dotted(inner, names):
            return f"{owner}.{attribute}"
    return ""


def _is(node: ast.expr | None, *, value: bool) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


@pytest.mark.parametrize("room", ROOMS)
def test_nothing_runs_what_it_reads(room: str) -> None:
    paths = list((ROOT / room).rglob("*.py"))
    assert paths
    found = {str(path.relative_to(ROOT)): set(offences(ast.parse(path.read_text("utf-8")))) for path in paths}
    assert {path: which for path, which in found.items() if which} == {
        path: which for path, which in ALLOWED.items() if path in found
    }


@pytest.mark.parametrize(
    "code",
    [
        *("import pickle", "from pickle import loads", "def f():\n    import marshal", "import shelve"),
        *("import joblib.memory", "eval(text)", "exec(text)", "torch.load(path)"),
        *("torch.load(path, weights_only=False)", "np.load(path)", "numpy.load(path, allow_pickle=True)"),
        *("load(path, allow_pickle=True)", "yaml.load(text)", "yaml.load(text, Loader=yaml.FullLoader)"),
        *("yaml.unsafe_load(text)", "pandas.read_pickle(path)", "import torch as t\nt.load(path)"),
        *("from torch import load\nload(path, weights_only=False)", "from numpy import load as read\nread(path)"),
        *("from yaml import unsafe_load", "import yaml as y\ny.unsafe_load(text)"),
        *("import importlib\nimportlib.import_module('pickle')", "import builtins\nbuiltins.eval(text)"),
        *("run = eval", "torch.jit.load(path)", "torch.export.load(path)", "subprocess.run(text, shell=True)"),
        *("os.system(text)", "from os import system", "import runpy", "tarfile.open(path).extractall()"),
        *("shutil.unpack_archive(path)", "importlib.util.spec_from_file_location('x', path)"),
    ],
)
def test_each_of_them_is_seen(code: str) -> None:
    assert list(offences(ast.parse(code)))


@pytest.mark.parametrize(
    "code",
    [
        *("torch.load(p, weights_only=True)", "model.eval()", "yaml.load(t, Loader=yaml.SafeLoader)"),
        *("re.compile(t)", "f(compile=True)", "json.load(s)"),
    ],
)
def test_what_is_sound_is_not(code: str) -> None:
    assert not list(offences(ast.parse(code)))
