"""Specs whose text is a protobuf message (NVIDIA's own form): what the folders with a MESSAGE have in common."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

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
        from specs import dialects, foreign, prototext

        foreign.refuse(text, source)
        dialect, witness = dialects.choose(self.folder, text)
        elsewhere: Mapping[str, str] = dialect.ELSEWHERE
        if witness is not None:
            why = f"this spec is one of {dialect.TITLE} by its {witness.text} in line {witness.line}"
            elsewhere = {name: f"{told}; {why}" for name, told in elsewhere.items()}
        message = dialects.message(dialect, self.folder.MESSAGE)
        spec, errors = prototext.walk(text, message, source=source, elsewhere=elsewhere)
        to_the_letter = strict or dialects.strict(text)
        return spec and dataclasses.replace(spec, strict=to_the_letter), errors

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
