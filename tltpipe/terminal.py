"""Text for a terminal: names from a data set are shown, and command nothing."""

from __future__ import annotations

import re

_COMMANDS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def harmless(text: str) -> str:
    """``text`` with control characters, marks that turn the direction of writing, and bytes that are no text, escaped.

    Line ends and tabs stay. A name could else set colours and titles, hide what stands before it, or end the program.
    """
    return _COMMANDS.sub(lambda found: _escaped(found[0]), text)


def _escaped(character: str) -> str:
    """As JSON has it, too, which holds none of the characters below 0x20 itself."""
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x20 else f"\\u{code:04x}"
