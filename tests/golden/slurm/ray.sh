#!/bin/bash
#SBATCH --job-name=tltpipe-infer
#SBATCH --comment=tltpipe:TIME-infer-RANDOM
#SBATCH --output='/shared/a run/.tltpipe/jobs/TIME-infer-RANDOM/log'
#SBATCH --open-mode=append
#SBATCH --chdir=/
#SBATCH --nodes=3
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=4
#SBATCH --no-requeue

folder='/shared/a run/.tltpipe/jobs/TIME-infer-RANDOM'
host=${SLURMD_NODENAME:-$(hostname)}
attempt=${SLURM_RESTART_COUNT:-0}
pid= asked= later= signalled= retries=0
rm -f "$folder/status.json"
echo "tltpipe: job $SLURM_JOB_ID on $SLURM_JOB_NODELIST, attempt $attempt"

# How it ended, for whoever asks later: Slurm forgets. After a signal of Slurm's it may be started again.
finish() {
    trap '' USR1 USR2 TERM
    [[ -z $later ]] || kill -- $later 2>/dev/null
    kill $(jobs -pr) 2>/dev/null
    wait
    srun --export=ALL --mpi=none --overlap --ntasks-per-node=1 rm -rf "/tmp/ray-$SLURM_JOB_ID" 2>/dev/null
    [[ -n ${2:-} ]] || rm -f "$folder"/{key,seal.key,*.secret}
    printf '{"exit_code": %d, "signal": %s, "attempt": %d, "host": "%s", "ended": "%s"}\n' \
        "$1" "${2:-null}" "$attempt" "$host" "$(date +%FT%T%:z)" >"$folder/.status.$host.partial"
    mv -f "$folder/.status.$host.partial" "$folder/status.json"
    exit "$1"
}

# Ask the program to end by itself; what Python lost of a first signal, it gets again.
ask() {
    asked=$1 signalled=1
    [[ -z $pid ]] || { interrupt; (sleep 10; interrupt) & later+=" -$!"; disown; } 2>/dev/null
}
trap 'ask limit' USR1
trap 'ask stop' USR2
trap 'ask end' TERM
interrupt() { kill -INT -- "-$pid"; }

cd '/shared/a run' || finish 6
((attempt <= 20)) || {
    echo "error: given up after 20 restarts (slurm.restarts)"
    finish 6
}
export SLURM_EXPORT_ENV=ALL TLTPIPE_ATTEMPT=$((attempt * 100))
export TLTPIPE_WORKSPACE='/shared/a run'
export TLTPIPE_SEAL_KEY='/shared/a run/.tltpipe/jobs/TIME-infer-RANDOM/seal.key'

nodes=($(scontrol show hostnames "$SLURM_JOB_NODELIST"))
address() { scontrol show node "$1" | sed -n 's/.*NodeAddr=\([^ ]*\).*/\1/p'; }
MASTER_ADDR=$(address "${nodes[0]}")
export MASTER_ADDR MASTER_PORT=$((20000 + SLURM_JOB_ID % 10000)) NNODES=3

# Ray on all nodes, for as long as the job runs: whoever has the token may use it. Slurm ends it.
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH="$folder/ray.secret" RAY_USAGE_STATS_ENABLED=0
: >"$folder/ray"
srun --export=ALL --mpi=none --overlap --nodes=1 --ntasks=1 --cpus-per-task=4 --nodelist="${nodes[0]}" /env/bin/ray start --block --disable-usage-stats --object-store-memory=100000000 --num-cpus=4 --head --node-ip-address="$MASTER_ADDR" --port="$MASTER_PORT" \
    --include-dashboard=false --temp-dir="/tmp/ray-$SLURM_JOB_ID" >>"$folder/ray" 2>&1 &
until_ray() {
    until (($(grep -c 'Ray runtime started' "$folder/ray") >= $1)); do
        sleep 0.2
        (($(jobs -r | wc -l) >= $1)) || { echo "error: Ray did not start: see $folder/ray"; finish 6; }
    done
}
until_ray 1
for node in "${nodes[@]:1}"; do
    srun --export=ALL --mpi=none --overlap --nodes=1 --ntasks=1 --cpus-per-task=4 --nodelist="$node" /env/bin/ray start --block --disable-usage-stats --object-store-memory=100000000 --num-cpus=4 --address="$MASTER_ADDR:$MASTER_PORT" \
        --node-ip-address="$(address "$node")" >>"$folder/ray" 2>&1 &
done
until_ray 3
export TLTPIPE_EXECUTOR="ray:$MASTER_ADDR:$MASTER_PORT"

[[ -z $asked ]] || finish 130
set -m # so that the program is a process group, and does not ignore SIGINT
program() {
    exec /env/bin/tlt-infer ssd
}
# The exit status of the program, whatever signals this script gets meanwhile.
attend() {
    program </dev/null &
    pid=$!
    status=127
    while :; do
        signalled=
        wait "$pid"
        code=$?
        ((code == 127)) || status=$code # 127: it was waited for
        [[ -n $signalled ]] || break
    done
}
attend
case $asked in end) finish "$status" 15 ;; *) finish "$status" ;; esac
