"""Image names as annotation files give them, matched to the image files that are there.

A name that was written on another machine is often spelled otherwise than the file: blanks as %20, backslashes, Unicode
in another normal form, another extension, folders of that machine. Readers try the name as it stands first, which
costs nothing here; only when that fails is the folder of the images listed, once a set and process.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from unicodedata import normalize
from urllib.parse import unquote

from converters.files import listing


@dataclass(frozen=True)
class Match:
    """``path`` is that of the file below the folder of the images; ``rule`` says how it was matched, in words."""

    path: str
    rule: str

    @property
    def stem(self) -> str:
        """``path`` without its extension."""
        return self.path.rpartition(".")[0]

    def example(self, name: str) -> str:
        """The match of ``name``, for a finding."""
        return f"{name} -> {self.path} ({self.rule})"


class UnclearName(Exception):
    """A name that may mean several images, or an image that several names may mean; the text says which."""


class ImageNames:
    """What the names that a set gives to its images mean in ``folder``.

    ``names`` are all of them, gone through only when one is not the name of a file: no two may mean the same image.
    """

    def __init__(self, folder: Path, names: Callable[[], Iterable[str]] = tuple) -> None:
        self._folder, self._names = folder, names

    def match(self, name: str) -> Match | None:
        """The image that ``name`` means; None where there is none. Raises UnclearName."""
        match = self._match(name)
        if match is None or match.path in self._literal:
            return None  # an image that is called so belongs to the name that says so
        others = [other for other in self._claims.get(match.stem, ()) if other != name]
        if others:
            raise UnclearName(f'"{name}" is matched to {match.path} by its {match.rule}, but so is "{others[0]}"')
        return match

    def _match(self, name: str) -> Match | None:
        for spelling, how in _spellings(name).items():
            if spelling in self._paths:
                return Match(spelling, how)
        for rule, key in _RULES.items():
            for spelling, how in _spellings(name).items():
                if rule in _BASE_RULES and not self._may_be_elsewhere(spelling, rule):
                    continue
                paths = self._by_rule(rule).get(key(spelling), ())
                if len(paths) > 1:
                    raise UnclearName(f'"{name}" may be {paths[0]} or {paths[1]}, by its {rule}')
                if paths:
                    return Match(paths[0], f"{how} and {rule}" if how else rule)
        return None

    def _may_be_elsewhere(self, name: str, rule: str) -> bool:
        """Whether ``name`` may be an image in another folder: if its own is there, then the image is missing."""
        return name.rpartition("/")[0] not in self._folders and (rule == _BASE_NAME or _stem(name) == _composed(name))

    @cached_property
    def _paths(self) -> frozenset[str]:
        return frozenset(listing.files(self._folder, listing.PICTURES)) if self._folder.is_dir() else frozenset()

    @cached_property
    def _folders(self) -> frozenset[str]:
        return frozenset(path.rpartition("/")[0] for path in self._paths)

    @cached_property
    def _literal(self) -> frozenset[str]:
        """The images that some name of the set is the name of."""
        return self._paths.intersection(self._names())

    @cached_property
    def _claims(self) -> Mapping[str, Sequence[str]]:
        """The names that mean an image of each stem: labels are named after the stem."""
        claims: dict[str, list[str]] = {}
        for name in dict.fromkeys(self._names()):
            try:
                match = Match(name, "") if name in self._paths else self._match(name)
            except UnclearName:
                continue
            if match is not None:
                claims.setdefault(match.stem, []).append(name)
        return claims

    def _by_rule(self, rule: str) -> Mapping[str, Sequence[str]]:
        if rule not in self._indexes:
            found: dict[str, list[str]] = {}
            for path in sorted(self._paths):
                found.setdefault(_RULES[rule](path), []).append(path)
            self._indexes[rule] = found
        return self._indexes[rule]

    @cached_property
    def _indexes(self) -> dict[str, Mapping[str, Sequence[str]]]:
        return {}


def _spellings(name: str) -> dict[str, str]:
    """``name`` and what it may stand for, each with how that is had from it; no spelling leads out of a folder."""
    found = {name: ""}
    for how, spelled in _REPAIRS.items():
        for text, before in list(found.items()):
            found.setdefault(spelled(text), f"{before} and {how}" if before else how)
    return found


_QUERY = re.compile(r"\?(?:d=(?P<path>.*)|.*)$", re.DOTALL)

_REPAIRS: Mapping[str, Callable[[str], str]] = {
    "backslashes": lambda name: name.replace("\\", "/"),
    "query of the URL": lambda name: _QUERY.sub(lambda match: match["path"] or "", name),
    "percent-encoding": unquote,
}


def _composed(path: str) -> str:
    return normalize("NFC", path)


def _folded(path: str) -> str:
    return normalize("NFC", _composed(path).casefold())


def _stem(path: str) -> str:
    """Without an extension of images."""
    stem, _, extension = path.rpartition(".")
    return _composed(stem if stem and extension.lower() in listing.PICTURES else path)


def _base(path: str) -> str:
    return _folded(path.rpartition("/")[2])


_BASE_NAME, _BASE_STEM = "base name", "base name without extension"
_BASE_RULES = (_BASE_NAME, _BASE_STEM)
_RULES: Mapping[str, Callable[[str], str]] = {
    "Unicode normal form": _composed,
    "letter case": _folded,
    "extension": _stem,
    _BASE_NAME: _base,
    _BASE_STEM: lambda path: _base(_stem(path)),  # of names that have none
}
"""How names are compared, the closest first."""
