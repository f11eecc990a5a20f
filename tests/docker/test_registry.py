"""Images behind a log-in, in a real registry: no log-in, one that is not accepted, no image, no right to it."""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import socket
import subprocess
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from orchestrator.engine import pull
from orchestrator.jobs.images import Needs
from orchestrator.runners import Place
from orchestrator.runners.docker import DockerRunner
from tltpipe.errors import HostError

pytestmark = pytest.mark.docker

USER, PASSWORD = "$oauthtoken", "a-key"
HASH = "$2b$05$abcdefghijklmnopqrstuumqbU1L5Lwf8teOkewy1JK6aTJRhP9/2"
"""bcrypt of the password."""
CONFIG = """
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage: {{filesystem: {{rootdirectory: {folder}/data}}}}
http: {{addr: "{host}"}}
auth: {{htpasswd: {{realm: test, path: {folder}/htpasswd}}}}
"""


def free_host() -> str:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry on this machine that gives nothing without a log-in."""
    if shutil.which("docker-registry") is None:
        pytest.fail("there is no docker-registry: apt-get install docker-registry")
    folder, address = tmp_path_factory.mktemp("registry"), free_host()
    (folder / "htpasswd").write_text(f"{USER}:{HASH}\n")
    (folder / "config.yml").write_text(CONFIG.format(folder=folder, host=address))
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(["docker-registry", "serve", folder / "config.yml"], stdout=log, stderr=log)
    try:
        end = time.monotonic() + 30
        while socket.socket().connect_ex(("127.0.0.1", int(address.partition(":")[2]))):
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < end, "the registry does not start"
            time.sleep(0.05)
        yield address
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def image(host: str, client: Any) -> str:
    """An image that is in the registry and not here."""
    name = f"{host}/nvidia/tao/toolkit"
    empty = io.BytesIO()
    tarfile.open(fileobj=empty, mode="w").close()
    client.api.import_image_from_data(empty.getvalue(), repository=name, tag="1")
    pushed = list(client.api.push(name, "1", stream=True, decode=True, auth_config=login(USER, PASSWORD)))
    client.api.remove_image(f"{name}:1")
    assert not [event for event in pushed if "error" in event]
    return f"{name}:1"


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], Path]:
    """Makes what it is given the config.json of Docker."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))

    def store(config: Any) -> Path:
        path = tmp_path / "config.json"
        path.write_text(config if isinstance(config, str) else json.dumps(config))
        return path

    return store


def login(user: str, password: str) -> dict[str, str]:
    return {"username": user, "password": password}


def auths(host: str, password: str = PASSWORD) -> dict[str, Any]:
    """As `docker login` writes it."""
    return {"auths": {host: {"auth": base64.b64encode(f"{USER}:{password}".encode()).decode()}}}


def runner(tmp_path: Path, image: str) -> DockerRunner:
    return DockerRunner(Place(tmp_path, tmp_path / "logs", images=(image,)))


def refusal(tmp_path: Path, image: str) -> HostError:
    """What a pull ends with, which is what was said before the first job."""
    place = runner(tmp_path, image)
    with pytest.raises(HostError) as caught:
        pull.need(place.client, image, print)
    assert str(place.health((image,))).startswith(str(caught.value))
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 6
    return caught.value


def test_no_log_in(host: str, image: str, stored: Callable[[Any], Path], tmp_path: Path) -> None:
    for config in ({}, auths("nvcr.io")):
        stored(config)
        problem = refusal(tmp_path, image)
        assert f"no log-in at {host} is stored" in problem.what
        assert f"docker login {host}" in str(problem.hint)


def test_a_log_in_that_is_not_accepted(host: str, image: str, stored: Callable[[Any], Path], tmp_path: Path) -> None:
    stored(auths(host, "expired"))
    problem = refusal(tmp_path, image)
    assert f"does not accept the stored log-in of {USER}" in problem.what
    assert f"docker login {host}" in str(problem.hint)


def test_no_such_image(host: str, image: str, stored: Callable[[Any], Path], tmp_path: Path) -> None:
    stored(auths(host))
    for absent in (image.replace(":1", ":2"), f"{host}/nvidia/other:1"):
        problem = refusal(tmp_path, absent)
        assert f"{host} has no such image" in problem.what
        assert "tag" in str(problem.hint)


def test_a_licence_that_is_not_accepted(stored: Callable[[Any], Path], tmp_path: Path) -> None:
    """NVIDIA's registry answers 403 then; Debian's cannot."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Denying)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        host = f"127.0.0.1:{server.server_port}"
        stored(auths(host))
        problem = refusal(tmp_path, f"{host}/nvidia/tao/toolkit:1")
        assert "licence" in problem.what
        assert USER in problem.what
        assert "licence" in str(problem.hint)
    finally:
        server.shutdown()
        server.server_close()


class Denying(BaseHTTPRequestHandler):
    """Knows whoever comes, and gives nothing."""

    def do_GET(self) -> None:
        body = json.dumps({"errors": [{"code": "DENIED", "message": "Access Denied"}]}).encode()
        self.send_response(200 if self.path == "/v2/" else 403)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 (the name that http.server calls)

    def log_message(self, *_words: Any) -> None:
        pass


def test_a_log_in_is_found_wherever_docker_keeps_it(
    host: str, image: str, stored: Callable[[Any], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, client: Any
) -> None:
    answer = json.dumps({"ServerURL": host, "Username": USER, "Secret": PASSWORD})
    helper = tmp_path / "docker-credential-test"
    helper.write_text(f"#!/bin/sh\ncat >/dev/null\necho '{answer}'\n")
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    needs = Needs(driver=1, data_centre_driver=1, capabilities=(1.0, 99.0), room=1)
    for config in (auths(host), {"credsStore": "test"}, {"credHelpers": {host: "test"}}):
        stored(config)
        place = DockerRunner(Place(tmp_path, tmp_path / "logs", images=(image,), needs={image: needs}))
        assert place.health((image,)) is None
        seen = {check.name: (check.state, check.found) for check in place.checks()}
        assert seen["log-in"] == ("ok", f"{host}, as {USER}")
        assert seen["disk of the engine"][0] == "ok"
        try:
            pull.need(place.client, image, print)
            assert pull.identity(client, image)
        finally:
            client.api.remove_image(image)
    helper.write_text(helper.read_text().replace(PASSWORD, "expired"))
    assert USER in refusal(tmp_path, image).what


def test_a_store_that_cannot_be_read(host: str, image: str, stored: Callable[[Any], Path], tmp_path: Path) -> None:
    path = stored({"credHelpers": {host: "nowhere"}})
    problem = refusal(tmp_path, image)
    assert problem.where == path
    assert "docker-credential-nowhere" in problem.what
    stored({"auths": {"nvcr.io": {"auth": "no base64"}}})
    checks = runner(tmp_path, image).checks()
    assert [check.state for check in checks] == ["missing"]
    assert str(path) in checks[0].found
