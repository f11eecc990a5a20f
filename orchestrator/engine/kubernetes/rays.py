"""Data stages as a RayJob of KubeRay: a cluster that starts for them, works on their images, and ends with them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from orchestrator.engine.kubernetes import pods
from orchestrator.engine.kubernetes.pods import Manifest
from orchestrator.engine.kubernetes.settings import Kubernetes
from orchestrator.jobs.mounts import SECRETS, WORKSPACE
from tltpipe import executors, seal

PORTS = {"gcs-server": 6379, "dashboard": 8265, "client": 10001}
OBJECT_STORE = "100000000"
"""Bytes: the store carries functions and integers only."""


def manifest(
    words: Sequence[str], name: str, chosen: Kubernetes, *, image: str, nodes: int, environment: Mapping[str, str]
) -> Manifest:
    """A RayJob that runs ``words`` on its head; ``nodes`` workers do the work."""
    image, start = chosen.ray_image or image, {"object-store-memory": OBJECT_STORE}
    own = {**environment, seal.PLACE: f"{SECRETS}/{seal.NAME}"}
    head = _container("ray-head", image, chosen, [*pods.variables(own, chosen), *_address()])
    head["ports"] = [{"name": port, "containerPort": number} for port, number in PORTS.items()]
    worker = _container("ray-worker", image, chosen, pods.variables(own, chosen))
    cluster = {
        "rayVersion": chosen.ray_version,
        "authOptions": {"mode": "token"},
        "headGroupSpec": {
            "rayStartParams": {"dashboard-host": "0.0.0.0", "num-cpus": "0", **start},
            "template": {"spec": pods.pod(head, chosen, secrets=[seal.NAME])},
        },
        "workerGroupSpecs": [
            {
                "groupName": "workers",
                "replicas": nodes,
                "minReplicas": nodes,
                "maxReplicas": nodes,
                "rayStartParams": {"num-cpus": str(chosen.cpus), **start},
                "template": {"spec": pods.pod(worker, chosen, secrets=[seal.NAME])},
            }
        ],
    }
    spec = {
        "entrypoint": shlex.join(words),
        "submissionMode": "K8sJobMode",
        "shutdownAfterJobFinishes": True,
        "ttlSecondsAfterFinished": chosen.keep,
        "backoffLimit": chosen.retries,
        "rayClusterSpec": cluster,
    }
    return {"apiVersion": "ray.io/v1", "kind": "RayJob", "metadata": pods.metadata(name, chosen), "spec": spec}


def remarks(chosen: Kubernetes) -> list[str]:
    """What to do before the manifest is applied."""
    return ["KubeRay 1.5.1 or later must be there.", *pods.remarks(chosen, [seal.NAME])]


def _container(name: str, image: str, chosen: Kubernetes, variables: list[Manifest]) -> Manifest:
    return {
        "name": name,
        "image": image,
        "workingDir": WORKSPACE,
        "env": variables,
        "resources": pods.resources(chosen),
    }


def _address() -> list[Manifest]:
    """The variables by which a program on the head hands its work to the cluster."""
    address = {"name": executors.VARIABLE, "value": f"ray:$(POD_IP):{PORTS['gcs-server']}"}
    return [{"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}, address]
