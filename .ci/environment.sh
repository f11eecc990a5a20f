#!/usr/bin/env bash
# .venv as `make setup` makes it, in half of the time: uv fetches, unpacks and compiles on all cores. pip does it where
# uv cannot, and where pip is told an index of packages, of which uv knows nothing.
set -euo pipefail
[[ ! -e .venv/.ready ]] || exec make setup
python3 -m venv .venv
if ! .venv/bin/python -m pip config list | grep -q '\.index-url='; then
    export UV_NO_CACHE=1 SSL_CERT_FILE=${SSL_CERT_FILE:-${PIP_CERT:-/etc/ssl/certs/ca-certificates.crt}}
    install=".venv/bin/uv pip install --quiet --compile-bytecode --python .venv/bin/python"
    .venv/bin/python -m pip install --quiet --progress-bar off uv && make setup INSTALL="$install" && exit
fi
exec make setup
