"""Specs whose text is a protobuf message (NVIDIA's own form): what the folders with a MESSAGE have in common.

One whose later generation is YAML names the module in the folder that reads it, a ``specs.Reader``, in YAML.
"""

from __future__ import annotations

import dataclasses
import importlib
import operator
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from specs import checks
from specs.spec import Spec
from tltpipe.errors import SpecError


@dataclass(frozen=True)
class Reader:
    """Reads and writes the specs of one folder: MESSAGE, and of each dialect SCHEMA, ELSEWHERE, IMAGE_SIZE."""

    folder: ModuleType

    def parse_text(self, text: str, *, source: Path | str, strict: bool) -> Spec:
        """The dialect is recognised by the fields that the text uses. Raises SpecError as ``specs.parse`` does."""
        spec, errors = self.walk(text, source=source, strict=strict)
        if spec is None or errors:
            raise checks.together(errors)
        return spec

    def walk(self, text: str, *, source: Path | str, strict: bool) -> tuple[Spec | None, list[SpecError]]:
        """What fits, None where there is no telling, and what does not. Raises SpecError for another network's spec."""
        from specs import foreign

        yaml = self._yaml()
        if yaml is not None and (yaml.recognises(text) > 0 or foreign.is_yaml(text)):
            read: tuple[Spec | None, list[SpecError]] = yaml.walk(text, source=source)
            return read
        foreign.refuse(text, source)
        return self._message(text, source, strict=strict)

    def dump(self, spec: Spec) -> str:
        from google.protobuf import text_format

        yaml = self._yaml(spec.dialect)
        return str(text_format.MessageToString(spec.message, as_utf8=True) if yaml is None else yaml.dump(spec))

    def image_size(self, spec: Spec) -> tuple[int, int] | None:
        from specs import dialects

        if (yaml := self._yaml(spec.dialect)) is not None:
            size: tuple[int, int] | None = yaml.image_size(spec)
            return size
        fields = dialects.named(self.folder, spec.dialect).IMAGE_SIZE
        if fields is None:
            return None
        width, height = (operator.attrgetter(field)(spec.message) for field in fields)
        return (width, height) if width and height else None

    def recognises(self, text: str) -> int:
        """As ``specs.Reader``; of the generation in YAML alone."""
        yaml = self._yaml()
        return 0 if yaml is None else int(yaml.recognises(text))

    def _message(self, text: str, source: Path | str, *, strict: bool) -> tuple[Spec | None, list[SpecError]]:
        from specs import comments, dialects, prototext

        dialect, witness = dialects.choose(self.folder, text)
        elsewhere: Mapping[str, str] = dialect.ELSEWHERE
        if witness is not None:
            why = f"this spec is one of {dialect.TITLE} by its {witness.text} in line {witness.line}"
            elsewhere = {name: f"{told}; {why}" for name, told in elsewhere.items()}
        message = dialects.message(dialect, self.folder.MESSAGE)
        spec, errors = prototext.walk(text, message, source=source, elsewhere=elsewhere)
        to_the_letter = strict or comments.strict(text)
        return spec and dataclasses.replace(spec, strict=to_the_letter), errors

    def _yaml(self, dialect: str | None = None) -> Any | None:
        """The module of the generation in YAML; with ``dialect``, only where that is its own."""
        name = getattr(self.folder, "YAML", None)
        module = None if name is None else importlib.import_module(f"{self.folder.__name__}.{name}")
        return None if module is None or dialect not in (None, module.DIALECT) else module
