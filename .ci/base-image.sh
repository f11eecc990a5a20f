#!/usr/bin/env bash
# usage: base-image.sh IMAGE VENV
#
# Stands in for python:slim where no image registry can be reached: this machine's own distribution from its own
# package mirror, with this machine's certificates and pip settings, so that pip works inside as it does outside. The
# largest wheels (PyTorch and its CUDA libraries) are taken from VENV if the Python versions fit; pip, in the real
# Dockerfile, finds them there and fetches the rest.
set -euo pipefail
image=$1 venv=$2
here=$(dirname "$(readlink -f "$0")")
. /etc/os-release

sources=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null || true)
mirror=$(sed -nE 's/^URIs: *([^ ]+).*/\1/p; s/^deb +(\[[^]]*\] +)?([^ ]+) .*/\2/p' <<<"$sources" | head -n 1)

# What pip was told here, from files and environment, less what points to files of this machine.
settings=$("$venv/bin/python" -m pip config list \
    | sed -nE "s/^(:env:|[a-z]+)\.(index-url|extra-index-url|trusted-host|proxy|cert|timeout|default-timeout)='(.*)'\$/\2 = \3/p" \
    | sed 's/^default-timeout/timeout/' | grep -v 'file:' | sort -u -t= -k1,1 || true)
certificate=$(sed -n 's/^cert = //p' <<<"$settings")
certificate=${certificate:-/etc/ssl/certs/ca-certificates.crt}

heavy=$("$venv/bin/python" - <<'PY'
from importlib.metadata import distributions

heavy = ("torch", "torchvision", "triton")
found = {f"{d.name}=={d.version}" for d in distributions() if d.name in heavy or d.name.startswith(("nvidia-", "cuda-"))}
print(*sorted(found))
PY
)

key=$({ cat "$0"; echo "$VERSION_CODENAME $mirror $settings $heavy"; cat "$certificate"; } | sha256sum | cut -c -16)
if [[ $(docker image inspect --format '{{index .Config.Labels "tltpipe.base"}}' "$image" 2>/dev/null) == "$key" ]]; then
    echo "$image is up to date"
    exit
fi

echo "making $image: $VERSION_CODENAME, $heavy"
root=$(mktemp -d)
trap 'rm -rf --one-file-system "$root"' EXIT
debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates \
    "$VERSION_CODENAME" "$root" "$mirror" >"$root.log" 2>&1 </dev/null || { tail -n 20 "$root.log" >&2; exit 1; }
rm -rf "$root.log" "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*

rm -rf "$root/etc/ssl/certs" # links that would lead out of the root
mkdir "$root/etc/ssl/certs"
cp -aL /etc/ssl/certs/. "$root/etc/ssl/certs/" 2>/dev/null || true
install -D -m 644 "$certificate" "$root$certificate"
printf '[global]\ncert = %s\n%s\n' "$certificate" "$(grep -v '^cert' <<<"$settings" || true)" >"$root/etc/pip.conf"

version() { "$@" -c 'import sys; print("python%d.%d" % sys.version_info[:2])'; }
python=$(version "$venv/bin/python")
if [[ $(version chroot "$root" python3) == "$python" ]]; then
    "$venv/bin/python" - "$root/usr/local/lib/$python/dist-packages" $heavy <<'PY'
import os, shutil, sys
from importlib.metadata import distribution
from pathlib import Path

target = Path(sys.argv[1])
for name in sys.argv[2:]:
    for file in distribution(name.split("==")[0]).files or ():
        if ".." in file.parts or not file.locate().is_file():
            continue
        copy = target / file
        copy.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(file.locate(), copy)
        except OSError:  # another file system
            shutil.copy2(file.locate(), copy)
PY
fi

tar --create --directory "$root" --numeric-owner . \
    | docker import --change "LABEL tltpipe.base=$key" --change 'CMD ["python3"]' - "$image"
