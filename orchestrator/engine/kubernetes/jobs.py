"""A job as Kubernetes runs it: an Indexed Job, one pod for each machine, with the service and the files it needs."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from orchestrator.engine import containers
from orchestrator.engine.kubernetes import pods
from orchestrator.engine.kubernetes.pods import Manifest
from orchestrator.engine.kubernetes.settings import Kubernetes
from orchestrator.jobs import Job, Mount
from orchestrator.jobs.mounts import SECRETS, WORKSPACE
from tltpipe import seal, storage
from tltpipe.errors import DataError, ModelError, UsageError

PORT = 29500
"""Where the processes of a training meet, in a network of the pods' own."""
INDEX = "metadata.annotations['batch.kubernetes.io/job-completion-index']"
FINAL = sorted({kind.exit_code for kind in (UsageError, DataError, ModelError)})
"""Exit statuses of what no second try mends."""
GRACE = 60
"""Seconds to save a checkpoint before the end."""
LARGEST = 1_000_000
"""Characters of files in a manifest, of which a cluster takes a mebibyte."""


def manifests(job: Job, name: str, chosen: Kubernetes, *, hidden: Collection[str] = ()) -> list[Manifest]:
    """What is to be applied for ``job``, without the values of its variables ``hidden``. Raises UsageError for a path
    outside of the workspace, which pods do not see, and for files that are too large for a manifest."""
    _refuse_outside(job.mounts)
    if sum(map(len, job.files.values())) > LARGEST:
        raise UsageError(f"the spec files of {job.name} are too large for a manifest", hint="see docs/scale.md")
    files = dict(zip((f"file-{n}" for n in range(len(job.files))), job.files.values(), strict=True))
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": pods.metadata(name, chosen), "data": files}
    service = [_service(name, chosen)] if job.nodes > 1 else []
    return [*([config] if files else []), *service, _job(job, name, chosen, hidden)]


def refuse_far(workspace: Path, data: str) -> None:
    """Raise UsageError where a data set lies neither in the workspace nor at a URL."""
    place = Path(os.path.realpath(workspace / data))
    if not storage.is_url(data) and not place.is_relative_to(os.path.realpath(workspace)):
        raise _outside(place)


def _refuse_outside(mounts: tuple[Mount, ...]) -> None:
    for mount in mounts:
        if mount.target != WORKSPACE:
            raise _outside(mount.source)


def _outside(path: Path) -> UsageError:
    hint = "put it into the workspace, or a link's target there; data.cache: cache holds copies of data sets"
    return UsageError("pods see the workspace alone, and this lies outside", where=path, hint=hint)


def _service(name: str, chosen: Kubernetes) -> Manifest:
    """Gives each pod of a Job a host name, from its start."""
    spec = {"clusterIP": "None", "publishNotReadyAddresses": True, "selector": {"job-name": name}}
    return {"apiVersion": "v1", "kind": "Service", "metadata": pods.metadata(name, chosen), "spec": spec}


def _job(job: Job, name: str, chosen: Kubernetes, hidden: Collection[str]) -> Manifest:
    container = _container(job, name, chosen, hidden)
    pod = {
        **({"subdomain": name} if job.nodes > 1 else {}),
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": GRACE,
        **pods.pod(container, chosen, secrets=secrets(job), files=name if job.files else None),
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": pods.metadata(name, chosen),
        "spec": {
            "completionMode": "Indexed",
            "completions": job.nodes,
            "parallelism": job.nodes,
            "backoffLimit": chosen.retries * job.nodes,
            "podFailurePolicy": _failures(),
            "template": {"metadata": {"labels": pods.metadata(name, chosen)["labels"]}, "spec": pod},
        },
    }


def _failures() -> Manifest:
    """A pod that a node took with it does not count; what is wrong with spec, data or model ends the job at once; all
    else, out of memory (137) for one, is tried again."""
    return {
        "rules": [
            {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
            {"action": "FailJob", "onExitCodes": {"operator": "In", "values": FINAL}},
        ]
    }


def _container(job: Job, name: str, chosen: Kubernetes, hidden: Collection[str]) -> Manifest:
    mounts = [
        {"name": "files", "mountPath": path, "subPath": f"file-{n}", "readOnly": True}
        for n, path in enumerate(job.files)
    ]
    own = pods.variables(job.environment, chosen, hidden=hidden)
    return {
        "name": "tltpipe",
        "image": job.image,
        "args": containers.command(job.argv),
        "workingDir": WORKSPACE,
        "env": [*own, *(_meeting(job, name) if job.nodes > 1 else [])],
        "resources": pods.resources(chosen, gpus=job.gpus),
        "volumeMounts": mounts,
    }


def _meeting(job: Job, name: str) -> list[Manifest]:
    """Where a pod stands among the others, and where they meet: at the first one."""
    place = {"NNODES": str(job.nodes), "MASTER_ADDR": f"{name}-0.{name}", "MASTER_PORT": str(PORT)}
    rank = {"name": "NODE_RANK", "valueFrom": {"fieldRef": {"fieldPath": INDEX}}}
    return [rank, *({"name": variable, "value": value} for variable, value in place.items())]


def secrets(job: Job) -> list[str]:
    """The files of the secret that ``job`` needs: programs of ours know by one what they wrote, NVIDIA's get none."""
    ours = job.environment.get(seal.PLACE) == f"{SECRETS}/{seal.NAME}"
    return [*job.secrets, *([seal.NAME] if ours else [])]
