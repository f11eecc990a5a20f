"""Codes of the rules that whoever reads a text keeps; ``specs.rules.text`` says what each is about."""

from __future__ import annotations

UNREADABLE = "S001"
SYNTAX = "S002"
EMPTY = "S003"
UNKNOWN = "S004"
VALUE = "S005"
TWICE = "S006"
MISSING = "S007"
OTHER_KIND = "S008"
UNPLACED = "S009"
REFERENCE = "S012"
STRICT = "S014"
