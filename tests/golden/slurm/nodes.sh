#!/bin/bash
#SBATCH --job-name=tltpipe-train
#SBATCH --comment=tltpipe:TIME-train-RANDOM
#SBATCH --output='/shared/a run/.tltpipe/jobs/TIME-train-RANDOM/log'
#SBATCH --open-mode=append
#SBATCH --chdir=/
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=4
#SBATCH --partition=gpu
#SBATCH --account=me
#SBATCH --qos=long
#SBATCH --time=04:00:00
#SBATCH --mem=32G
#SBATCH --gres=gpu:a100:2
#SBATCH --signal=B:USR1@120
#SBATCH --requeue
#SBATCH --constraint=nvme
#SBATCH --exclusive

folder='/shared/a run/.tltpipe/jobs/TIME-train-RANDOM'
host=${SLURMD_NODENAME:-$(hostname)}
attempt=${SLURM_RESTART_COUNT:-0}
pid= asked= later= signalled= retries=0
rm -f "$folder/status.json"
echo "tltpipe: job $SLURM_JOB_ID on $SLURM_JOB_NODELIST, attempt $attempt"

# How it ended, for whoever asks later: Slurm forgets. After a signal of Slurm's it may be started again.
finish() {
    trap '' USR1 USR2 TERM
    [[ -z $later ]] || kill -- $later 2>/dev/null
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
interrupt() { scancel --signal=INT "$SLURM_JOB_ID"; }

cd '/shared/a run' || finish 6
((attempt <= 20)) || {
    echo "error: given up after 20 restarts (slurm.restarts)"
    finish 6
}
left=$(squeue --noheader --format=%L --jobs="$SLURM_JOB_ID")
[[ ! $left =~ ^([0-9]+):([0-9]+)$ ]] || ((10#${BASH_REMATCH[1]} * 60 + 10#${BASH_REMATCH[2]} > 120)) || {
    echo "error: the time limit leaves $left, and saving takes 120 s of it (more slurm.time, or less slurm.grace)"
    finish 6
}
export SLURM_EXPORT_ENV=ALL TLTPIPE_ATTEMPT=$((attempt * 100))
export TLTPIPE_WORKSPACE='/shared/a run'
export TLTPIPE_SEAL_KEY='/shared/a run/.tltpipe/jobs/TIME-train-RANDOM/seal.key'
export TLTPIPE_INTERFACE=ib0
module load cuda

nodes=($(scontrol show hostnames "$SLURM_JOB_NODELIST"))
address() { scontrol show node "$1" | sed -n 's/.*NodeAddr=\([^ ]*\).*/\1/p'; }
MASTER_ADDR=$(address "${nodes[0]}")
export MASTER_ADDR MASTER_PORT=$((20000 + SLURM_JOB_ID % 10000)) NNODES=2
for node in "${nodes[@]}"; do rm -f "$folder/preflight/$node.json"; done
srun --export=ALL --mpi=none --ntasks=2 --cpus-per-task=4 /env/bin/python -P -m tltpipe.preflight '--folder=/shared/a run/.tltpipe/jobs/TIME-train-RANDOM/preflight' --nonce=RANDOM --reach "$MASTER_ADDR:$MASTER_PORT" --gpus 2 >"$folder/preflight/log" 2>&1
/env/bin/python -P -m tltpipe.preflight --folder '/shared/a run/.tltpipe/jobs/TIME-train-RANDOM/preflight' --judge "${nodes[@]}" || finish 6

[[ -z $asked ]] || finish 130
set -m # so that the program is a process group, and does not ignore SIGINT
program() {
    ((attempt + retries == 0)) || exec srun --export=ALL --mpi=none --ntasks=2 --cpus-per-task=4 --kill-on-bad-exit=0 --wait=60 sh -c 'export NODE_RANK=$SLURM_NODEID; exec /env/bin/tlt-train ssd --gpus 2 -e '"'"'/shared/a run/specs/train.conf'"'"' -r '"'"'/shared/a run/output'"'"' -k "$(cat '"'"'/shared/a run/.tltpipe/jobs/TIME-train-RANDOM/key'"'"')"'
    exec srun --export=ALL --mpi=none --ntasks=2 --cpus-per-task=4 --kill-on-bad-exit=0 --wait=60 sh -c 'export NODE_RANK=$SLURM_NODEID; exec /env/bin/tlt-train ssd --gpus 2 -e '"'"'/shared/a run/specs/train.conf'"'"' -r '"'"'/shared/a run/output'"'"' -k "$(cat '"'"'/shared/a run/.tltpipe/jobs/TIME-train-RANDOM/key'"'"')" --fresh'
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
# A process was lost, and the others with it: the same nodes go on from the last checkpoint.
while [[ -z $asked ]] && ((status == 6 || status > 128)) && ((retries < 3)); do
    export TLTPIPE_ATTEMPT=$((attempt * 100 + ++retries))
    echo "tltpipe: ended with exit status $status; retry $retries of 3 resumes"
    attend
done
if [[ $asked == limit ]] && ((status == 130)) && ((attempt < 20)); then
    echo "tltpipe: stopped before the time limit; job $SLURM_JOB_ID is requeued and resumes"
    trap - TERM # Slurm ends this script
    scontrol requeue "$SLURM_JOB_ID" && { sleep 60; exit "$status"; }
fi
case $asked in end) finish "$status" 15 ;; *) finish "$status" ;; esac
