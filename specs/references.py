"""``${key}`` in a YAML spec: what is written for another key, as OmegaConf puts it in; ``\\${`` is text."""

from __future__ import annotations

import re
from collections.abc import Mapping

from specs.values import did_you_mean
from specs.yaml_nodes import quoted
from specs.yaml_text import Scalar, Value

LONGEST = 4096
"""Characters of a text, before and after: references to references grow fast."""
MISSING = ("???", "??")
"""OmegaConf's mark of a value to be filled in, and the one that NVIDIA's own examples have."""
_WHOLE = re.compile(r"\$\{([^{}]*)\}")
_REFERENCE = re.compile(r"(\\*)\$\{(?:([^{}]*)\})?")
"""With the backslashes before it: of an odd number the last one makes it text."""


def literal(text: str) -> str:
    """How ``text`` is written so that nothing in it is a reference."""
    return re.sub(r"(\\*)\$\{", lambda found: f"{found[1] * 2}\\${{", text)


class Misfit(ValueError):
    """A value that its key cannot have; the text goes on where the key's name ends."""

    def __init__(self, what: str, hint: str | None = None) -> None:
        super().__init__(what)
        self.hint = hint


class Values:
    """Values by dotted key, with what they refer to put in. Only whole keys are known: no ``${.x}``, no resolvers."""

    def __init__(self, written: Mapping[str, Value]) -> None:
        self._written = written
        self._done: dict[str, Value] = {}
        self._under_way: list[str] = []

    def __getitem__(self, key: str) -> Value:
        """Raises Misfit: no such key, nothing written for it, a circle, a list inside a text."""
        if key not in self._done:
            if key in self._under_way:
                raise Misfit(f"refers to itself: {' -> '.join([*self._under_way, key])}")
            self._under_way.append(key)
            try:
                self._done[key] = self._filled(self._written[key])
            finally:
                self._under_way.pop()
        return self._done[key]

    def _filled(self, value: Value) -> Value:
        if isinstance(value, Scalar):
            return self._scalar(value)
        parts = [self._scalar(part) for part in value]
        scalars = tuple(part for part in parts if isinstance(part, Scalar))
        if len(scalars) < len(parts):
            raise Misfit("has a list in a list by its ${...}")
        return scalars

    def _scalar(self, scalar: Scalar) -> Value:
        if len(scalar.text) > LONGEST:
            raise Misfit(f"is too long: {len(scalar.text):,} characters")
        if "${" not in scalar.text:
            return scalar
        if whole := _WHOLE.fullmatch(scalar.text):
            return self._referred(whole[1])

        def filled(found: re.Match[str]) -> str:
            slashes, written = "\\" * (len(found[1]) // 2), found[0].lstrip("\\")
            if len(found[1]) % 2:
                return slashes + written
            if found[2] is None:
                raise Misfit(f"has a ${{ that is not a ${{key}}: {quoted(scalar.text)}")
            return slashes + self._text(found[2])

        text = _REFERENCE.sub(filled, scalar.text)
        if len(text) > LONGEST:
            raise Misfit(f"is too long: {len(text):,} characters")
        return Scalar(text)

    def _text(self, name: str) -> str:
        value = self._referred(name)
        if not isinstance(value, Scalar):
            raise Misfit(f"has the list {name} inside a text")
        if value.null or value.text in ("", *MISSING):
            raise Misfit(f"refers to {name}, which has no value")
        return value.text

    def _referred(self, name: str) -> Value:
        if name in self._written:
            return self[name]
        told = f"refers to {quoted('${' + name + '}')}"
        if ":" in name:
            raise Misfit(f"{told}: resolvers are not read here", "write the value itself")
        if name.startswith("."):
            raise Misfit(f"{told}: relative references are not read here", "write the whole key: ${data.image_dir}")
        meant = did_you_mean(name[:100], list(self._written))
        raise Misfit(f"{told}, and there is no such key" + (f"; {meant}" if meant else ""))
