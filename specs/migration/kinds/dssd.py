"""Training specs of DSSD: those of SSD from TLT 3.0 on. TLT 2.0 has none."""

from __future__ import annotations

from collections.abc import Mapping

from specs.migration.changes import Change
from specs.migration.kinds import ssd
from specs.migration.targets import Options, Target
from specs.spec import Spec

OPTIONS: Mapping[str, tuple[Target, ...]] = {"validation": ssd.OPTIONS["validation"]}


def migrate(spec: Spec, text: str, *, to: Target, options: Options) -> tuple[str, list[Change]]:
    """See ``specs.migration.Kind``."""
    if to == "tlt2":
        raise spec.error("dssd_config", "TLT 2.0 has no DSSD", hint="--to tlt3 or --to tao5")
    return ssd.migrate(spec, text, to=to, options=options)
