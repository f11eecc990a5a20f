"""Names of classes come out of every template and every reader as they went in, whatever is in them."""

from __future__ import annotations

import contextlib
from dataclasses import fields
from typing import Any

import pytest

import specs
from specs import drafting, effective, templating
from specs.migration import migrate
from specs.migration.targets import Target

NAMES = [
    *(
        'say "hi"',
        "it's",
        "back\\slash",
        "\\n",
        "\\",
        "new\nline",
        "\r\n",
        "tab\there",
        "\x00",
        "\x7f",
        "\x85",
        "\u2028",
    ),
    *("{{ name }}", "{% raw %}", "{# no #}", "{name}", "}", "<a>", "[1, 2]", "a: b", "- item", "? key", "# no comment"),
    *("null", "~", "true", "no", "1", "1e3", "0x10", ".nan", "=", "<<", "&a", "*a", "!tag", "%a", "@", "`", "|", ">"),
    *(" lead", "trail ", "a  b", "a,b", "naïve 猫 \U0001f457", "e\u0301", "\ufeffa", "---", "..."),
    *("${name}", "${model.type}", "a ${b} c", "\\${c}", "d\\\\${e}", "${", "$", "{$}"),
]
MARK = "???"
"""What YAML specs take for a value that is to be filled in, as OmegaConf does."""
WITH_CLASSES = [
    (folder, path.name)
    for folder in specs.folders()
    for path in sorted(templating.templates(folder).glob("*.j2"))
    if "classes" in templating.settings_of(folder, path.name)
]
OTHERS = ("path", "val_path", "validation_fold")
"""Variables in place of others."""


def rendered(folder: str, template: str, names: list[str]) -> str:
    """A spec of these classes, with the settings by default and some path in all other places."""
    tunables = specs.tunables(folder)()
    settings = {field.name for field in fields(tunables)}
    given = dict.fromkeys(templating.settings_of(folder, template) - settings - set(OTHERS), "/data/x")
    return specs.render(folder, template, tunables, **{**given, "image_extension": ".jpg", "classes": names})


def classes(spec: specs.Spec) -> list[str]:
    message: Any = spec.message
    if not hasattr(message, "DESCRIPTOR"):
        return list(message.dataset.classes)
    mapping = getattr(message, "dataset_config", message).target_class_mapping
    assert all(key == value for key, value in mapping.items())
    return list(mapping)


def dialect(template: str) -> str:
    return template.split(".")[1] if template.endswith(".conf.j2") else ""


@pytest.mark.parametrize(("folder", "template"), WITH_CLASSES)
def test_they_come_back(folder: str, template: str) -> None:
    text = rendered(folder, template, NAMES)
    spec = specs.parse_text(text, folder, source="spec")
    assert sorted(classes(spec)) == sorted(NAMES)
    assert specs.parse_text(specs.dump(spec), folder, source="dumped").message == spec.message
    commented = drafting.load(folder).commented(text, dialect(template))
    assert specs.parse_text(commented, folder, source="commented").message == spec.message
    shown = effective.effective(spec)
    assert all("\n" not in each.path and each.text.isprintable() for each in shown)


@pytest.mark.parametrize(("folder", "template"), [each for each in WITH_CLASSES if each[1].endswith(".conf.j2")])
@pytest.mark.parametrize("target", ["tlt2", "tlt3"])
def test_they_survive_migrations(folder: str, template: str, target: Target) -> None:
    """TLT 2.0 converts without classes, which are then in comments."""
    text = rendered(folder, template, NAMES)
    with contextlib.suppress(specs.SpecError):  # TLT 2.0 has no DSSD
        text = migrate(text, source="spec", to=target).text
    text = migrate(text, source="spec", to="tao5").text
    assert sorted(classes(specs.parse_text(text, folder, source="made"))) == sorted(NAMES)


@pytest.mark.parametrize(("folder", "template"), WITH_CLASSES)
def test_the_mark_of_what_is_to_be_filled_in_is_refused_or_a_name(folder: str, template: str) -> None:
    text = rendered(folder, template, [MARK, "plain"])
    if template.endswith(".yaml.j2"):
        with pytest.raises(specs.SpecError, match="filled in"):
            specs.parse_text(text, folder, source="spec")
    else:
        assert sorted(classes(specs.parse_text(text, folder, source="spec"))) == [MARK, "plain"]
