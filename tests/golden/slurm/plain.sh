#!/bin/bash
#SBATCH --job-name=tltpipe-augment
#SBATCH --comment=tltpipe:TIME-augment-RANDOM
#SBATCH --output='/shared/a run/.tltpipe/jobs/TIME-augment-RANDOM/log'
#SBATCH --open-mode=append
#SBATCH --chdir=/
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --signal=B:USR1@120
#SBATCH --requeue

folder='/shared/a run/.tltpipe/jobs/TIME-augment-RANDOM'
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
interrupt() { kill -INT -- "-$pid"; }

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
export TLTPIPE_SEAL_KEY='/shared/a run/.tltpipe/jobs/TIME-augment-RANDOM/seal.key'

[[ -z $asked ]] || finish 130
set -m # so that the program is a process group, and does not ignore SIGINT
program() {
    ((attempt + retries == 0)) || exec /env/bin/tlt-augment
    exec /env/bin/tlt-augment -d train -o 'it'"'"'s'
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
if [[ $asked == limit ]] && ((status == 130)) && ((attempt < 20)); then
    echo "tltpipe: stopped before the time limit; job $SLURM_JOB_ID is requeued and resumes"
    trap - TERM # Slurm ends this script
    scontrol requeue "$SLURM_JOB_ID" && { sleep 60; exit "$status"; }
fi
case $asked in end) finish "$status" 15 ;; *) finish "$status" ;; esac
