"""Trainings, read from what they write: running or over, ours or NVIDIA's, here, in a container or on a shared folder.

    finding      the results folders below what a user names
    training     one of them: ``Training.update`` reads what came since, ``summary`` and ``details`` are its snapshot
    description  what training it is: ``training.json``, or what other files tell
    ranks        ``ranks/``: where its processes are
    steps        ``steps.jsonl``: a curve for each figure, of bounded size
    epochs       the training log: figures of each epoch
    status       ``status.json``: how it goes, and how it ended
    life         whether its process is still there
    resuming     the command that goes on with it
    logs         the last lines of its log
    reading      files by offset, none outside of the folder
    machine      how busy the machine is

Nothing is written, and no lock is taken that a training could miss. Neither times of files nor notifications are
trusted, which shared folders and containers get wrong: sizes and contents are.
"""

from orchestrator.trainings.finding import find
from orchestrator.trainings.training import Training

__all__ = ["Training", "find"]
