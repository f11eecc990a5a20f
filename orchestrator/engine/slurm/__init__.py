"""Slurm, by its own commands: sbatch, squeue, scontrol, scancel, sacct, on a login node.

settings  the section "slurm" of tltpipe.yaml
script    a job as the script that sbatch takes
commands  what is asked of Slurm, and its refusals in words
states    Slurm's record of a job, as a state and a sentence
logs      the growing log of a job
"""
