"""What ``tltpipe spec new`` has to know of a kind of spec: ``specs.<kind>.drafting``, else what holds for most."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

import specs
from tltpipe.errors import UsageError


class Drafting(Protocol):
    """The module-level names of ``specs.<kind>.drafting``."""

    @property
    def FORMATS(self) -> Mapping[str, str]:  # noqa: N802 (a module's constant)
        """The dialects that a spec can be written in, the usual one first, and the format of data each trains on."""
        ...

    def fit(
        self, boxes: Mapping[str, Any], split: str, classes: Mapping[str, Any], size: tuple[int, int]
    ) -> tuple[Mapping[str, Any], dict[str, Any]]:
        """Anchors for boxes, as ``converters.statistics.Fit``; nothing for a network without any to set."""
        ...

    def template(self, dialect: str) -> str: ...

    def backbone(self, text: str) -> Mapping[str, object]:
        """The settings that a backbone's name means: "resnet18". Raises UsageError."""
        ...

    def classes(self, names: Sequence[str]) -> list[str]:
        """``names`` of a data set as specs have them, in their order."""
        ...

    def fitted(self, anchors: Any) -> Mapping[str, object]:
        """The settings with these anchors."""
        ...

    def commented(self, text: str, dialect: str) -> str:
        """``text``, a rendered spec, with what each field is for."""
        ...


@dataclass(frozen=True)
class Usual:
    """For a kind with one template and nothing of its own to say; a backbone is its setting of that name."""

    kind: str

    @property
    def FORMATS(self) -> Mapping[str, str]:  # noqa: N802 (a module's constant)
        return {"": specs.load(self.kind).DATA}

    def template(self, dialect: str) -> str:  # noqa: ARG002 (the protocol's signature)
        return str(specs.template(self.kind))

    def backbone(self, text: str) -> Mapping[str, object]:
        if not hasattr(specs.tunables(self.kind), "backbone"):
            raise UsageError(f"--arch has no effect: {self.kind} has no setting backbone", hint="leave it out")
        return {"backbone": text}

    def classes(self, names: Sequence[str]) -> list[str]:
        return list(dict.fromkeys(names))

    def fit(
        self,
        boxes: Mapping[str, Any],  # noqa: ARG002
        split: str,  # noqa: ARG002
        classes: Mapping[str, Any],  # noqa: ARG002
        size: tuple[int, int],  # noqa: ARG002
    ) -> tuple[Mapping[str, Any], dict[str, Any]]:
        return {}, {}

    def fitted(self, anchors: Any) -> Mapping[str, object]:  # noqa: ARG002
        return {}

    def commented(self, text: str, dialect: str) -> str:  # noqa: ARG002
        return text


def load(kind: str) -> Drafting:
    """Raises UsageError for an unknown kind."""
    name = f"{specs.load(kind).__name__}.drafting"
    own = importlib.util.find_spec(name) is not None
    return cast("Drafting", importlib.import_module(name)) if own else Usual(kind)
