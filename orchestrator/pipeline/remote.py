"""Raw data at a URL, brought here before stages read them; what stages made, uploaded when it is there."""

from __future__ import annotations

import json
from collections.abc import Sequence

from orchestrator.jobs import receipts
from orchestrator.pipeline.sequence import load, needs
from orchestrator.run import Run
from tltpipe import files, storage


def bring(run: Run, names: Sequence[str], *, with_needed: bool) -> None:
    """Make the mirror of ``data.root`` what lies there now, where one of the stages ``names``, or (``with_needed``) of
    those before them, reads it first of all; for those behind it what is here will do, if it is whole. Raises as
    ``storage.local`` does."""
    url, cache = run.config.data.root, storage.cache_folder(run.config.data.cache, run.workspace.root)
    if not storage.is_url(url) or run.runner.pretends:
        return
    first = with_needed or any(not needs(run, name) for name in names)
    fresh = first or not storage.is_whole(url, cache)
    storage.local(url, run.report.progress, cache=cache, fresh=fresh)


def publish(run: Run, name: str) -> None:
    """Upload the outputs of the stage ``name`` to ``data.publish``, unless those that are here were uploaded before."""
    stage, receipt = load(name), receipts.load(run.workspace.receipts, name)
    if run.config.data.publish is None or run.runner.pretends or not hasattr(stage, "published"):
        return
    url, note = f"{storage.checked(run.config.data.publish)}/{name}", run.workspace.receipts / f"{name}.published"
    state = {"url": url, "outputs": {} if receipt is None else dict(receipt.outputs)}
    if files.read_json(note) == state:
        return
    for line in storage.upload(run.workspace.root, stage.published(run), url, run.report.progress):
        run.report.say(line)
    files.write_text(note, json.dumps(state))
