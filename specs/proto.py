"""Specs whose text is a protobuf message (NVIDIA's own form): what the folders with a MESSAGE have in common."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from specs.spec import Spec


@dataclass(frozen=True)
class Reader:
    """Reads and writes the specs of one folder: MESSAGE, and of each dialect SCHEMA, ELSEWHERE, IMAGE_SIZE, check()."""

    folder: ModuleType

    def parse_text(self, text: str, *, source: Path | str, strict: bool) -> Spec:
        """The dialect is recognised by the fields that the text uses. Raises SpecError as ``specs.parse`` does."""
        from specs import checks, dialects, foreign, prototext

        foreign.refuse(text, source)
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

    def dump(self, spec: Spec) -> str:
        from google.protobuf import text_format

        return str(text_format.MessageToString(spec.message, as_utf8=True))

    def image_size(self, spec: Spec) -> tuple[int, int] | None:
        from specs import dialects

        fields = dialects.named(self.folder, spec.dialect).IMAGE_SIZE
        if fields is None:
            return None
        width, height = (operator.attrgetter(field)(spec.message) for field in fields)
        return (width, height) if width and height else None
