"""Kubernetes manifests: what they say, word for word; that a cluster takes every field of them; no secret in any."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import warm
import yaml

from orchestrator.engine.kubernetes import pods

GOLDEN = Path(__file__).parents[1] / "golden" / "kubernetes"
KEY = "a-very-secret-key"
SETTINGS = "kubernetes: {user: 1000, group: 1000, namespace: vision, folder: runs/first, pull_secret: ngc}\n"
CLUSTER = "1.37"

STRINGS = {"type": "object", "additionalProperties": {"type": "string"}}
TEMPLATE = {
    "type": "object",
    "required": ["spec"],
    "additionalProperties": False,
    "properties": {"metadata": {"type": "object"}, "spec": {"type": "object"}},
}


def fields(required: str, **kinds: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "required": required.split(), "properties": kinds}


COUNT, TEXT = {"type": "integer", "minimum": 0}, {"type": "string", "minLength": 1}
WORKERS = fields(
    "groupName replicas minReplicas maxReplicas rayStartParams template",
    **{"groupName": TEXT, "replicas": COUNT, "minReplicas": COUNT, "maxReplicas": COUNT},
    **{"rayStartParams": STRINGS, "template": TEMPLATE},
)
RAY_JOB = fields(
    "apiVersion kind metadata spec",
    apiVersion={"const": "ray.io/v1"},
    kind={"const": "RayJob"},
    metadata=fields("name labels", name=TEXT, namespace=TEXT, labels=STRINGS),
    spec=fields(
        "entrypoint shutdownAfterJobFinishes ttlSecondsAfterFinished rayClusterSpec",
        **{"entrypoint": TEXT, "backoffLimit": COUNT, "ttlSecondsAfterFinished": COUNT},
        submissionMode={"enum": ["K8sJobMode", "HTTPMode", "SidecarMode"]},
        shutdownAfterJobFinishes={"const": True},
        rayClusterSpec=fields(
            "rayVersion headGroupSpec workerGroupSpecs",
            rayVersion=TEXT,
            authOptions=fields("mode", mode={"enum": ["disabled", "token"]}),
            headGroupSpec=fields("rayStartParams template", rayStartParams=STRINGS, template=TEMPLATE),
            workerGroupSpecs={"type": "array", "minItems": 1, "items": WORKERS},
        ),
    ),
)
"""The fields of a RayJob that there are, as far as we use them (KubeRay 1.5)."""


def render(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    (root / "tltpipe.yaml").write_text(SETTINGS)
    command = [*warm.command("tltpipe"), "render", "kubernetes", *words]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


def rendered(root: Path, *words: str) -> str:
    done = render(root, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def validate(manifest: dict[str, Any]) -> None:
    """Hold a manifest against what Kubernetes, or KubeRay, takes; the pods of a RayJob, too."""
    if manifest["kind"] != "RayJob":
        kubernetes_validate.validate(manifest, CLUSTER, strict=True)
        return
    jsonschema.validate(manifest, RAY_JOB)
    cluster = manifest["spec"]["rayClusterSpec"]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod"}, **group["template"]}
        kubernetes_validate.validate(pod, CLUSTER, strict=True)


CASES = {
    "train": ("train", "--nodes", "2", "--gpus", "4", "--key", KEY),
    "train-tao5": ("train", "--toolkit", "tao5", "--key", KEY),
    "augment-tlt3": ("augment", "--toolkit", "tlt3", "--key", KEY),
    "augment": ("augment", "--nodes", "3", "--set", "image_size=[96, 64]"),
}


@pytest.mark.parametrize("name", CASES)
def test_manifests_are_those_of_the_golden_files(workspace: Path, request: pytest.FixtureRequest, name: str) -> None:
    text = rendered(workspace, *CASES[name])
    assert KEY not in text
    manifests = [each for each in yaml.safe_load_all(text) if each]
    for each in manifests:
        validate(each)
        if each["kind"] == "ConfigMap":  # specs have golden files of their own
            each["data"] = {file: f"{len(content) > 100}" for file, content in each["data"].items()}
    comments = "".join(f"{line}\n" for line in text.splitlines() if line.startswith("#"))
    found = comments + yaml.safe_dump_all(manifests, sort_keys=False, width=1000)
    golden = GOLDEN / f"{name}.yaml"
    if request.config.getoption("--update-golden"):
        golden.write_text(found)
    assert found == golden.read_text()


def test_the_job_is_the_one_that_a_container_gets(workspace: Path) -> None:
    """The same words, specs and image as with --runner docker."""
    manifests = list(yaml.safe_load_all(rendered(workspace, "train", "--key", KEY, "--set", "ssd.num_epochs=3")))
    shown = subprocess.run(
        [*warm.command("tltpipe"), "train", "--runner", "dry", "--key", KEY, "--set", "ssd.num_epochs=3"],
        cwd=workspace, capture_output=True, text=True, check=False,
    ).stdout  # fmt: skip
    config, job = manifests
    container = job["spec"]["template"]["spec"]["containers"][0]
    (line,) = [line for line in shown.splitlines() if "$ tlt-train" in line]
    words = container["args"][-1].removeprefix("exec ")
    assert words.replace('"$(cat /run/tltpipe/key)"', "****") == line.strip(" $").removesuffix(" --fresh")
    spec = config["data"]["file-0"]
    assert "num_epochs: 3" in spec
    assert [each.strip() for each in spec.splitlines()] == [
        each.strip() for each in shown.partition("train.conf\n")[2].splitlines()[: len(spec.splitlines())]
    ]
    assert "Service" not in {each["kind"] for each in manifests}  # one machine meets nobody


def test_files_and_their_secret(workspace: Path, tmp_path: Path) -> None:
    done = render(workspace, "prepare", "train", "--key", KEY, "-o", str(tmp_path / "made"), "--json")
    assert done.returncode == 0, done.stderr
    written = json.loads(done.stdout)["written"]
    assert sorted(path.name for path in (tmp_path / "made").iterdir()) == ["prepare.yaml", "train.yaml"]
    assert set(written) == {"prepare", "train"}
    train = Path(written["train"]).read_text()
    assert "kubectl create secret generic tltpipe --namespace vision --from-file=key=" in train
    assert KEY not in done.stdout + train
    assert not (workspace / "specs").exists()  # nothing else is written


def test_keys_that_the_launcher_hands_to_containers_are_no_part_of_it(
    workspace: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher = tmp_path / "mounts.json"
    launcher.write_text(json.dumps({"Mounts": [], "Envs": [{"variable": "WANDB_API_KEY", "value": KEY}]}))
    monkeypatch.setenv("LAUNCHER_MOUNTS", str(launcher))
    text = rendered(workspace, "train", "--toolkit", "tao5", "--key", "nvidia_tlt")
    assert KEY not in text
    assert "--from-file=WANDB_API_KEY=FILE_WITH_THE_WANDB_API_KEY" in text
    job = list(yaml.safe_load_all(text))[-1]
    validate(job)
    variables = {each["name"]: each for each in job["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert variables["WANDB_API_KEY"]["valueFrom"] == {"secretKeyRef": {"name": "tltpipe", "key": "WANDB_API_KEY"}}


def test_stages_of_a_folder_with_a_long_name_have_names_of_their_own() -> None:
    assert pods.name("A run!", "train") == "tltpipe-a-run-train"
    assert pods.name("...", "train") == "tltpipe-train"
    names = {pods.name("a-long-name " * 9, stage) for stage in ("train", "augment")}
    assert len(names) == 2
    assert max(map(len, names)) <= 50


@pytest.mark.parametrize(
    ("words", "code", "word"),
    [
        (("infer",), 2, "infer"),
        (("nonsense",), 2, "nonsense"),
        (("train", "--toolkit", "tlt2", "--key", KEY, "--nodes", "2"), 2, "one machine"),
        (("augment", "--set", "kubernetes.memori=1Gi"), 2, "memory"),
    ],
)
def test_what_cannot_be_rendered_is_said(workspace: Path, words: tuple[str, ...], code: int, word: str) -> None:
    done = render(workspace, *words)
    assert (done.returncode, word in done.stderr, done.stdout) == (code, True, "")


def test_what_lies_outside_of_the_workspace_is_refused(workspace: Path, tmp_path: Path) -> None:
    weights = tmp_path / "weights.safetensors"
    weights.write_bytes(b"")
    done = render(workspace, "train", "--set", f"train.weights={weights}")
    assert (done.returncode, str(tmp_path) in done.stderr) == (2, True), done.stderr
    done = render(workspace, "prepare", "--set", f"data.root={tmp_path}")
    assert (done.returncode, str(tmp_path) in done.stderr) == (2, True), done.stderr


def test_the_version_of_ray_is_the_one_that_is_tested() -> None:
    from orchestrator.engine.kubernetes.settings import Kubernetes

    assert Kubernetes().ray_version == importlib.metadata.version("ray")
