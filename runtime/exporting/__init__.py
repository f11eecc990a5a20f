"""From a trained detector to files for other runtimes: one file in ``formats/`` for each kind."""
