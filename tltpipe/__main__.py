"""``python -m tltpipe``: the command line."""

import importlib
import sys

if __name__ == "__main__":
    sys.exit(importlib.import_module("orchestrator.cli").main())
