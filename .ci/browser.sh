#!/usr/bin/env bash
# /usr/bin/chromium, from Debian or Ubuntu (as root). Does nothing where it is there.
set -euo pipefail
command -v chromium >/dev/null && exit 0
export DEBIAN_FRONTEND=noninteractive
# Another apt-get may be at work.
apt-get -o DPkg::Lock::Timeout=300 update -qq </dev/null
apt-get -o DPkg::Lock::Timeout=300 install -qq -y --no-install-recommends chromium </dev/null >/dev/null
