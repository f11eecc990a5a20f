"""The floor of our servers: guards, errors, files, the port, the end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Iterator

import pytest

pytest.importorskip("fastapi")
from fastapi import FastAPI, WebSocket
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from tltpipe.errors import DataError, HostError
from tltpipe.web import app as web
from tltpipe.web import guard, server
from tltpipe.web.problems import RequestProblem

HERE = "http://127.0.0.1:8000"


def small(**given: object) -> FastAPI:
    made = web.create("small", **given)  # type: ignore[arg-type]

    @made.get("/double")
    def double(number: int) -> int:
        return 2 * number

    @made.get("/bad/{kind}")
    def bad(kind: str) -> None:
        if kind == "data":
            raise DataError("no such class", where="/secret/place", hint="take another")
        if kind == "full":
            raise RequestProblem(429, "full", headers={"Retry-After": "2"})
        raise ZeroDivisionError

    @made.websocket("/stream")
    async def stream(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text("open")

    return made


@pytest.fixture
def client() -> Iterator[TestClient]:
    with TestClient(small(), base_url=HERE, raise_server_exceptions=False) as made:
        yield made


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/nothing", 404, "Not Found"),
        ("/bad/data", 422, "no such class"),
        ("/bad/full", 429, "full"),
        ("/bad/else", 500, "fault"),
        ("/double?number=x", 422, "number"),
        ("/theme/../app.py", 404, ""),
        ("/theme/%2e%2e%2fapp.py", 404, ""),
    ],
)
def test_an_error_is_a_problem(client: TestClient, path: str, status: int, words: str) -> None:
    told = client.get(path)
    assert (told.status_code, told.headers["content-type"]) == (status, "application/problem+json")
    assert told.json()["status"] == status
    assert words in told.json()["detail"]
    assert "secret" not in told.text
    assert ("retry-after" in told.headers) == (status == 429)


@pytest.mark.parametrize("name", ["theme.css", "charts.js", "favicon.svg"])
def test_shared_files_are_never_stale(client: TestClient, name: str) -> None:
    first = client.get(f"/theme/{name}")
    kinds = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
    assert first.headers["content-type"].split(";")[0] == kinds[name.rpartition(".")[2]]
    assert "default-src 'self'" in first.headers["content-security-policy"]
    again = client.get(f"/theme/{name}", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:8000"}, 200),
        ({"Host": "[::1]:8000"}, 200),
        ({"Host": "evil.example"}, 421),
        ({"Host": "127.0.0.1.evil.example"}, 421),
        ({"Origin": HERE}, 200),
        ({"Origin": "http://127.0.0.1:9999"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://[::1"}, 403),
    ],
)
def test_other_hosts_and_pages_are_refused(client: TestClient, headers: dict[str, str], status: int) -> None:
    assert client.get("/double?number=2", headers=headers).status_code == status


def test_a_foreign_page_opens_no_websocket(client: TestClient) -> None:
    with client.websocket_connect("/stream", headers={"Origin": HERE, "Host": "127.0.0.1:8000"}) as stream:
        assert stream.receive_text() == "open"
    with (
        pytest.raises(WebSocketDisconnect),
        client.websocket_connect("/stream", headers={"Origin": "http://evil.example", "Host": "127.0.0.1:8000"}),
    ):
        pass


def test_named_origins_may_read() -> None:
    with TestClient(small(origins=["https://shop.example"]), base_url=HERE) as client:
        told = client.get("/double?number=2", headers={"Origin": "https://shop.example"})
        assert (told.json(), told.headers["access-control-allow-origin"]) == (4, "https://shop.example")
        assert told.headers["cross-origin-resource-policy"] == "cross-origin"
        assert client.get("/double?number=2").headers["cross-origin-resource-policy"] == "same-origin"
        assert client.get("/double?number=2", headers={"Origin": "https://other.example"}).status_code == 403


def test_a_preflight_needs_no_token() -> None:
    asked = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
    with TestClient(small(origins=["https://shop.example"], token="s3cret"), base_url=HERE) as client:
        assert client.options("/double", headers=asked).status_code == 200
        assert client.options("/double", headers=asked | {"Origin": "https://other.example"}).status_code == 403


def test_the_token_is_required() -> None:
    with TestClient(small(token="s3cret"), base_url=HERE, follow_redirects=False) as client:
        refused = client.get("/double?number=2")
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
        assert client.get("/double?number=2", headers={"Authorization": "Bearer wrong"}).status_code == 401
        assert client.get("/double?number=2", headers={"Authorization": "Bearer s3cret"}).json() == 4
        assert client.get("/?token=wrong").status_code == 401
        assert client.get("/double?number=2&token=s3cret").status_code == 401, "the page alone signs in by its address"
        assert client.get("/favicon.ico").status_code == 200
        signed_in = client.get("/?token=s3cret")
        assert (signed_in.status_code, signed_in.headers["location"]) == (303, "/")
        assert {"HttpOnly", "SameSite=Strict"} <= {*signed_in.headers["set-cookie"].split("; ")}
        assert client.get("/double?number=2").json() == 4  # by its cookie
        client.cookies.set("of/another{server}", "1")
        assert client.get("/double?number=2").json() == 4


def test_a_websocket_asks_for_the_token_and_a_server_may_have_any_name() -> None:
    with TestClient(small(token="s3cret", hosts=["*"]), base_url="http://shop.example") as client:
        with pytest.raises(WebSocketDisconnect), client.websocket_connect("/stream"):
            pass
        known = {"Authorization": "Bearer s3cret"}
        assert client.get("/double?number=2", headers=known).json() == 4
        with client.websocket_connect("/stream", headers=known) as stream:
            assert stream.receive_text() == "open"


def test_servers_of_one_machine_do_not_sign_each_other_out() -> None:
    awkward = 'one;token,"of-any-characters'
    with TestClient(small(token=awkward), base_url=HERE, follow_redirects=False) as client:
        assert client.get("/", params={"token": awkward}).status_code == 303
        with TestClient(small(token="another"), base_url=HERE, follow_redirects=False, cookies=client.cookies) as other:
            assert other.get("/double?number=2").status_code == 401
            client.cookies.update(other.get("/?token=another").cookies)
        assert client.get("/double?number=2").json() == 4
        assert awkward not in str(client.cookies)


@pytest.mark.parametrize(("host", "header"), [("127.0.0.2", "127.0.0.2"), ("localhost", "127.0.0.1"), ("::1", "[::1]")])
def test_a_loopback_address_is_one_of_its_names(host: str, header: str) -> None:
    assert guard.is_loopback(host)
    with TestClient(small(hosts=guard.names_of(host)), base_url=HERE) as client:
        assert client.get("/double?number=2", headers={"Host": f"{header}:8000"}).status_code == 200
        assert client.get("/double?number=2", headers={"Host": "evil.example"}).status_code == 421


def test_a_fault_has_the_security_headers_too(client: TestClient) -> None:
    fault = client.get("/bad/other")
    assert (fault.status_code, fault.headers["x-content-type-options"]) == (500, "nosniff")
    assert fault.headers["content-security-policy"] == client.get("/nothing").headers["content-security-policy"]


def test_a_port_in_use_is_refused_with_the_next_free_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(HostError) as refused:
        port = other.getsockname()[1]
        server.bind("127.0.0.1", port)
    assert str(port) in refused.value.what
    assert "--port" in str(refused.value.hint)


PROGRAM = """
    from tltpipe.web import app, server
    made = app.create("slow")

    @made.get("/slow")
    async def slow() -> str:
        import asyncio
        print("begun", flush=True)
        await asyncio.sleep(.5)
        return "whole"

    server.serve(made, host="127.0.0.1", port=0, say=lambda url: print(url, flush=True))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_when_requests_have_ended(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PROGRAM)], stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        url = program.stdout.readline().strip()
        fetching = subprocess.Popen(
            [sys.executable, "-c", f"import urllib.request as u; print(u.urlopen('{url}slow').read().decode())"],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert program.stdout.readline().strip() == "begun"
        os.kill(program.pid, number)
        assert fetching.communicate(timeout=60)[0].strip() == '"whole"'
        assert program.wait(60) == 0


def test_help_costs_no_server() -> None:
    code = "import sys, orchestrator.cli; print(sorted({'fastapi', 'uvicorn', 'starlette'} & set(sys.modules)))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
