"""What a browser shows of trainings: ``watch/`` is the live page, ``report`` writes one HTML file.

Both stand on the looks and charts of ``tltpipe/web`` and on what ``orchestrator/trainings`` reads from a run's folder.
"""

from __future__ import annotations

from pathlib import Path

WATCH = Path(__file__).with_name("watch")
"""The live page's files."""
