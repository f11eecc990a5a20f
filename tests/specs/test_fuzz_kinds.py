"""Thousands of damaged specs of all kinds, read, judged for every toolkit, shown and migrated: findings or one clear
error with a place, never a traceback, never long; what is migrated stays as it is, and comes back.

TLTPIPE_FUZZ sets how many (10000 take about ten minutes).
"""

from __future__ import annotations

import os
import random
import re
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from fuzzing import mutate

import specs
from specs import effective, rules
from specs.augment import tao5
from specs.checks import located
from specs.migration import Migrated, migrate
from specs.migration.targets import TARGETS, Target
from tltpipe.errors import SpecError, UsageError

COUNT = int(os.environ.get("TLTPIPE_FUZZ", "60"))
SECONDS = 1.0
TESTS = Path(__file__).parents[1]
TEXTS = [
    path.read_text()
    for folder in ("data", "data/seed-specs", "data/tao-specs", "golden/specs")
    for path in sorted((TESTS / folder).glob("*.*"))
    if path.suffix in (".conf", ".yaml", ".txt", ".cfg")
]
TEXTS += [
    tao5.write_default().replace("???", "/data/set"),
    (TESTS / "data/training.tlt3.conf").read_text().replace("ssd_", "dssd_"),
]
TOOLKITS = ("tlt2", "tlt3", "tao5", "embedded")
HOME: dict[tuple[str, str], Target] = {
    ("ssd", "tlt2"): "tlt2",
    ("ssd", "tlt3"): "tlt3",
    ("dssd", "tlt3"): "tlt3",
    ("augment", "tlt2"): "tlt2",
    ("augment", "tao5"): "tao5",
}
"""Where specs of a kind and dialect are read as they lie."""
TOKEN = re.compile(r'"[^"\n]*"|[A-Za-z_][\w.]*|-?[\d.][\w.+-]*|[{}\[\]:,]')
WORDS = sorted({word for text in TEXTS for word in TOKEN.findall(text)})
NUMBER = re.compile(r"(?<![\w.])-?\d+(\.\d+)?(e-?\d+)?(?![\w.])")
QUOTED = re.compile(r'"[^"\n]*"')
TEXT = [
    *('""', '"a b"', '"é"', '"\\n"', '"\\""', '"a\\\\b"', "'x'", '"${a.b}"', '"${train.num_epochs}"', '"{{ a }}"'),
    *('"[1, 2]"', '"[1/0]"', f'"{"[" * 99}"', '"Car"', '"/a/*"', '"auto"', '"jpg"', '"resnet"', '"sequence"', '"null"'),
]
COMMENTS = [
    *("# as we had it", "#", '# é { } "', "# yaml: [}", "# tltpipe: ignore S501, S519", "# tltpipe: strict-tlt"),
    *("# tltpipe: nothing", "# tltpipe: was", "# tltpipe: was tlt2 nms_config.top_k: nan"),
    *("# tltpipe: was tlt2 ssd_config.focal_loss_alpha: 0.25", "# tltpipe: was tao5 nothing.at_all: 1"),
]
ODD = [
    *(TEXT + COMMENTS),
    *("0", "-1", "1", "2", "1e-30", "1e30", "4294967296", "010", "0x10", "1.5", "nan", "inf", "-inf", "true", "null"),
    *("[]", "{}", "{", "}", "[", "]", ":", ",", "&a", "*a", "- ", "\n", "\t", "\0", "\u2028", "auto"),
]


def swapped(text: str, chance: random.Random) -> str:
    """One word or value in place of another."""
    places = list(TOKEN.finditer(text))
    if not places:
        return text
    place = chance.choice(places)
    return text[: place.start()] + chance.choice(chance.choice([WORDS, ODD])) + text[place.end() :]


def inserted(text: str, chance: random.Random) -> str:
    place = chance.randrange(len(text) + 1)
    return text[:place] + chance.choice(ODD) + text[place:]


def shuffled(text: str, chance: random.Random) -> str:
    """A line less, twice, elsewhere, or one of another spec."""
    lines = text.split("\n")
    line = lines.pop(chance.randrange(len(lines)))
    for _ in range(chance.randrange(3)):
        lines.insert(chance.randrange(len(lines) + 1), line)
    if not chance.randrange(4):
        lines.insert(chance.randrange(len(lines) + 1), chance.choice(chance.choice(TEXTS).split("\n")))
    return "\n".join(lines)


def damaged(text: str, chance: random.Random) -> str:
    """Bits and pieces, as far as they leave text."""
    return mutate(text.encode(errors="replace"), chance).decode(errors="replace")


def nudged(text: str, chance: random.Random) -> str:
    """Another number in place of one."""
    places = list(NUMBER.finditer(text))
    if not places:
        return swapped(text, chance)
    place = chance.choice(places)
    number = float(place[0])
    others = (0, 1, -number, number + 1, number * 2, number / 4, 1e30, 32, 0.5, 3e-5)
    return f"{text[: place.start()]}{chance.choice(others):g}{text[place.end() :]}"


def named(text: str, chance: random.Random) -> str:
    """Another text in place of a quoted one."""
    places = list(QUOTED.finditer(text))
    if not places:
        return nudged(text, chance)
    place = chance.choice(places)
    return text[: place.start()] + chance.choice([*TEXT, *QUOTED.findall(text)]) + text[place.end() :]


def commented(text: str, chance: random.Random) -> str:
    """A comment behind a line, or on one of its own."""
    lines = text.split("\n")
    place = chance.randrange(len(lines))
    lines[place] += chance.choice([" ", "\n"]) + chance.choice(COMMENTS)
    return "\n".join(lines)


MUTATIONS: list[Callable[[str, random.Random], str]] = [
    *([nudged] * 8 + [named] * 5 + [commented] * 4 + [shuffled] * 2),
    *(swapped, inserted, damaged),
]


def mutated(chance: random.Random) -> str:
    text = chance.choice(TEXTS)
    for _ in range(chance.randint(1, 3)):
        text = chance.choice(MUTATIONS)(text, chance) or " "
    return text


def fit(error: SpecError | UsageError) -> None:
    """Assert that each line of an error begins with the place in the file, or the file where it is about all of it;
    one about options of the command line has none."""
    lines = str(error).split("\n")
    assert not isinstance(error, SpecError) or all(re.match(r"spec\b|and more$", line) for line in lines), str(error)
    (str(error) + (error.hint or "")).encode()


def judged(text: str) -> str:
    """What came of ``text``, in a word; asserts that it is fit to be shown."""
    try:
        spec = specs.parse_text(text, specs.recognise(text, source="spec"), source="spec")
    except SpecError as error:
        fit(error)
        return "refused"
    for toolkit in TOOLKITS:
        for finding in rules.examine(rules.Subject(spec, toolkit=toolkit)):
            assert re.fullmatch(r"S\d{3}", finding.code), finding
            assert 0 <= (located(spec, finding).line or 0) <= text.count("\n") + 1
            (finding.what + (finding.hint or "")).encode()
    for shown in effective.effective(spec):
        assert shown.text.isprintable()
    assert specs.parse_text(specs.dump(spec), spec.kind, source="spec").message == spec.message
    return spec.kind


def moved(text: str) -> int:
    """Into how many generations ``text`` could be migrated; asserts that a second time changes nothing, and that the
    way there and back leads to the same values."""
    found: dict[Target, Migrated] = {}
    for target in TARGETS:
        try:
            found[target] = made = migrate(text, source="spec", to=target)
        except (SpecError, UsageError) as error:
            fit(error)
        else:
            assert migrate(made.text, source="spec", to=target).text == made.text, f"twice to {target}"
    try:
        spec = specs.parse_text(text, specs.recognise(text, source="spec"), source="spec")
    except SpecError:
        return len(found)
    home = HOME.get((spec.kind, spec.dialect))
    if home in found and "tltpipe: was" not in text:
        for target, made in found.items():
            assert home is not None
            back = migrate(made.text, source="spec", to=home)
            lost = effective.difference(
                *(specs.parse_text(each.text, spec.kind, source="") for each in (found[home], back))
            )
            assert not lost, f"{target} and back: {lost}"
    return len(found)


def timed(judge: Callable[[str], object], text: str) -> object:
    began = time.process_time()
    result = judge(text)
    assert time.process_time() - began < SECONDS, "too slow"
    return result


def test_untouched_they_are_fine() -> None:
    kinds = Counter(judged(text) for text in TEXTS)
    assert set(kinds) >= {*specs.folders()}, kinds
    assert all(moved(text) for text in TEXTS)


def test_mutated() -> None:
    came: Counter[str] = Counter()
    for seed in range(COUNT):
        chance = random.Random(seed)
        text = mutated(chance)
        try:
            came[str(timed(judged, text))] += 1
            came["migrated"] += timed(moved, text) != 0
        except Exception as fault:
            raise AssertionError(f"seed {seed}: {fault!r}; the text: {text!r}") from fault
    assert 0 < came["refused"] < COUNT * 0.9, came  # neither all nothing nor all something
    assert came["migrated"] > COUNT * 0.2, came
