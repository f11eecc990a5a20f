"""What pods of every kind have: volumes, user, variables, resources; and manifests as YAML."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import yaml

from orchestrator.engine import containers
from orchestrator.engine.kubernetes.settings import Kubernetes
from orchestrator.jobs.mounts import SECRETS, WORKSPACE
from tltpipe import seal

Manifest = dict[str, Any]
READABLE = 0o444
"""Mode of the files of a secret: they are mounted into our container alone, whose user is not their owner."""


def metadata(name: str, chosen: Kubernetes) -> Manifest:
    labels = {"app.kubernetes.io/name": "tltpipe", "app.kubernetes.io/instance": name}
    return {"name": name, **({"namespace": chosen.namespace} if chosen.namespace else {}), "labels": labels}


def name(folder: str, stage: str) -> str:
    """A name that Kubernetes takes, of a stage in a workspace ``folder``: at most 50 small letters, digits and dashes,
    so that pods can add to it; a long folder is cut."""
    own, last = (re.sub(r"[^a-z0-9]+", "-", word.lower()).strip("-") for word in (folder, stage))
    return "-".join(filter(None, ["tltpipe", own[: 50 - len(f"tltpipe--{last}")].strip("-"), last]))


def pod(container: Manifest, chosen: Kubernetes, *, secrets: Sequence[str], files: str | None = None) -> Manifest:
    """The pod of one ``container``, which gets the workspace, shared memory, and ``secrets`` as files at ``SECRETS``.

    ``files``: the ConfigMap whose entries the container mounts.
    """
    user = {"runAsUser": os.getuid() if chosen.user is None else chosen.user}
    group = {"runAsGroup": os.getgid() if chosen.group is None else chosen.group}
    mounts = [
        {"name": "workspace", "mountPath": WORKSPACE, **({"subPath": chosen.folder} if chosen.folder else {})},
        {"name": "shared-memory", "mountPath": "/dev/shm"},
        *([{"name": "secrets", "mountPath": SECRETS, "readOnly": True}] if secrets else []),
    ]
    secret = {
        "secretName": chosen.secret,
        "defaultMode": READABLE,
        "optional": list(secrets) == [seal.NAME],  # without it a killed run starts over, no more
        "items": [{"key": name, "path": name} for name in secrets],
    }
    volumes = [
        {"name": "workspace", "persistentVolumeClaim": {"claimName": chosen.volume}},
        {"name": "shared-memory", "emptyDir": {"medium": "Memory", "sizeLimit": chosen.shared_memory}},
        *([{"name": "secrets", "secret": secret}] if secrets else []),
        *([{"name": "files", "configMap": {"name": files}}] if files else []),
    ]
    return {
        "securityContext": {**user, **group},
        **({"imagePullSecrets": [{"name": chosen.pull_secret}]} if chosen.pull_secret else {}),
        "containers": [{**container, "volumeMounts": [*mounts, *container.get("volumeMounts", [])]}],
        "volumes": volumes,
    }


def variables(values: Mapping[str, str], chosen: Kubernetes, *, hidden: Collection[str] = ()) -> list[Manifest]:
    """The variables of a container; the values of those that are ``hidden`` are in the secret, by their names."""
    return [
        {"name": name, "valueFrom": {"secretKeyRef": {"name": chosen.secret, "key": name}}}
        if name in hidden
        else {"name": name, "value": value}
        for name, value in {**containers.HOME, **values}.items()
    ]


def resources(chosen: Kubernetes, *, gpus: int = 0) -> Manifest:
    least = {"cpu": str(chosen.cpus), "memory": chosen.memory}
    return {"requests": least, "limits": {**least, **({chosen.gpu: str(gpus)} if gpus else {})}}


def remarks(chosen: Kubernetes, secrets: Collection[str]) -> list[str]:
    """The command that makes the secret, which is in no manifest; a key comes from a file, not from a command line."""
    if not secrets:
        return []
    namespace = f" --namespace {chosen.namespace}" if chosen.namespace else ""
    places = {seal.NAME: f'"${{XDG_STATE_HOME:-$HOME/.local/state}}/tltpipe/{seal.NAME}"'}
    files = "".join(f" --from-file={name}={places.get(name, f'FILE_WITH_THE_{name.upper()}')}" for name in secrets)
    return [
        f"The secret is no part of this; make it once ({seal.NAME}: by which resumed jobs know what they wrote):",
        f"  kubectl create secret generic {chosen.secret}{namespace}{files}",
    ]


def as_yaml(manifests: Iterable[Manifest], remarks: Iterable[str]) -> str:
    """One document a manifest, behind ``remarks`` as comments."""
    comments = "".join(f"# {line}\n" for line in remarks)
    return comments + yaml.dump_all(manifests, Dumper=_Dumper, sort_keys=False, explicit_start=True, width=1000)


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as they are; nothing by reference."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 (PyYAML's signature)
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)
