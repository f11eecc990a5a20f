#!/usr/bin/env bash
# A Docker engine that answers, with a runtime called "nvidia", and a registry to start. Installs, configures and starts
# what is missing (as root, on Debian or Ubuntu); does nothing where all is well. Writes the process id of an engine it
# started to $1.
set -euo pipefail
note_pid=${1:-/dev/null}
log=${TMPDIR:-/tmp}/tltpipe-dockerd.log

missing=()
programs="dockerd:docker.io docker:docker.io debootstrap:debootstrap iptables:iptables docker-init:tini"
for program in $programs docker-registry:docker-registry; do
    command -v "${program%%:*}" >/dev/null || missing+=("${program##*:}")
done
if ((${#missing[@]})); then
    echo "installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq </dev/null
    apt-get install -qq -y --no-install-recommends "${missing[@]}" ca-certificates </dev/null >/dev/null
fi

# An alias of the ordinary runtime, so that `runtime=nvidia` is a real request on a machine without a GPU.
# One that is there already stays as it is.
changed=$(python3 - /etc/docker/daemon.json <<'PY'
import json, pathlib, sys

path = pathlib.Path(sys.argv[1])
settings = json.loads(path.read_text() or "{}") if path.exists() else {}
if "nvidia" not in settings.setdefault("runtimes", {}):
    settings["runtimes"]["nvidia"] = {"path": "runc"}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(settings, indent=2) + "\n")
    print("changed")
PY
)

answers() { docker info >/dev/null 2>&1; }
wait_for() {
    for _ in $(seq 60); do
        answers && return
        kill -0 "$1" 2>/dev/null || return 1
        sleep 0.5
    done
    return 1
}
start() {
    echo "starting dockerd $*"
    setsid nohup dockerd "$@" >"$log" 2>&1 </dev/null &
    wait_for $! && echo $! >"$note_pid"
}

if answers; then
    # Runtimes are among the settings that a running engine reads again.
    [[ -z $changed ]] || { kill -HUP "$(cat /var/run/docker.pid)" && sleep 1; }
else
    start || start --storage-driver=vfs --iptables=false || {
        tail -n 20 "$log" >&2
        echo "the Docker engine did not start; its log is $log" >&2
        exit 1
    }
fi
docker info --format 'Docker {{.ServerVersion}}, {{.Driver}}, runtimes:{{range $name, $_ := .Runtimes}} {{$name}}{{end}}'
docker info --format '{{json .Runtimes}}' | grep -q '"nvidia"' || { echo "the engine has no runtime nvidia" >&2; exit 1; }
