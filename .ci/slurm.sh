#!/usr/bin/env bash
# The programs of Slurm, from Debian or Ubuntu (as root), for the tests that start a cluster of their own. Does nothing
# where they are there; starts nothing.
set -euo pipefail
PATH=$PATH:/usr/sbin
missing=()
for program in slurmctld:slurmctld slurmd:slurmd sbatch:slurm-client munged:munge; do
    command -v "${program%%:*}" >/dev/null || missing+=("${program##*:}")
done
((${#missing[@]})) || exit 0
export DEBIAN_FRONTEND=noninteractive
# Another apt-get may be at work.
apt-get -o DPkg::Lock::Timeout=300 update -qq </dev/null
apt-get -o DPkg::Lock::Timeout=300 install -qq -y --no-install-recommends "${missing[@]}" </dev/null >/dev/null
