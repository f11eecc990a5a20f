"""Kubernetes manifests, as plain data: nothing is applied, and no cluster is asked.

settings  the section "kubernetes" of tltpipe.yaml
pods      what pods of every kind have
jobs      a job as an Indexed Job with what it needs
rays      data stages as a RayJob of KubeRay
"""

from orchestrator.engine.kubernetes.settings import Kubernetes

SETTINGS = Kubernetes
