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

from specs.spec import Spec


@dataclass(frozen=True)
class Reader:
    """Reads and writes the specs of one folder: MESSAGE, and of each dialect SCHEMA, ELSEWHERE, IMAGE_SIZE, check()."""

    folder: ModuleType

    def parse_text(self, text: str, *, source: Path | str, strict: bool) -> Spec:
        """The dialect is recognised by the fields that the text uses. Raises SpecError as ``specs.parse`` does."""
        from specs import foreign

        yaml = self._yaml()
        if yaml is not None and (yaml.recognises(text) > 0 or foreign.is_yaml(text)):
            spec: Spec = yaml.parse_text(text, source=source, strict=strict)
            return spec
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

    def _message(self, text: str, source: Path | str, *, strict: bool) -> Spec:
        from specs import checks, dialects, prototext

        dialect, witness = dialects.choose(self.folder, text)
        elsewhere: Mapping[str, str] = dialect.ELSEWHERE
        if witness is not None:
            why = f"this spec is one of {dialect.TITLE} by its {witness.text} in line {witness.line}"
            elsewhere = {name: f"{told}; {why}" for name, told in elsewhere.items()}
        message = dialects.message(dialect, self.folder.MESSAGE)
        spec = prototext.parse(text, message, source=source, elsewhere=elsewhere)
        spec = dataclasses.replace(spec, strict=strict or dialects.strict(text))
        spec = checks.judge(spec, [*checks.unknown_enum_numbers(spec), *dialect.check(spec)])
        return dataclasses.replace(spec, warnings=(*dialects.misread(text, source), *spec.warnings))

    def _yaml(self, dialect: str | None = None) -> Any | None:
        """The module of the generation in YAML; with ``dialect``, only where that is its own."""
        name = getattr(self.folder, "YAML", None)
        module = None if name is None else importlib.import_module(f"{self.folder.__name__}.{name}")
        return None if module is None or dialect not in (None, module.DIALECT) else module
