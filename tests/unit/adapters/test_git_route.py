"""Git through the API server's service proxy: real git against a relay that checks who asks."""

from __future__ import annotations

import base64
import io
import json
import ssl
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from lightkube.config.kubeconfig import KubeConfig, SingleConfig

from envid.adapters.certificates import make_certificates
from envid.adapters.git_route import route_through, route_to
from envid.adapters.gitops import GitOpsBranch, Signature
from envid.adapters.remote_cache import PushResult
from envid.core.promotion import TreeEdit
from envid.errors import Blocked, GitError
from envid.local.git_http import GitHttp
from tests.support.builders import git
from tests.support.doors import serving

TOKEN = "planted-token-of-a-test"
READ = "http://git-mirror-http.nowhere.svc.cluster.local/team/name.git"
WRITE = "http://git-mirror-write.nowhere.svc.cluster.local/team/name.git"
SERVICES = "/api/v1/namespaces/nowhere/services"
SOMEBODY = Signature(name="envid", email="envid@localhost", when=1_770_000_000)


@dataclass
class ApiServer:
    """Relays two Services to git's two doors, for who has the token; remembers what it was asked."""

    mirror: Path
    port: int = 0
    asked: list[str] = field(default_factory=list)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        self.asked.append(environ["PATH_INFO"])
        if environ.get("HTTP_AUTHORIZATION") != f"Bearer {TOKEN}":
            start_response("401 Unauthorized", [])
            return [b"who are you?"]
        for service, takes_pushes in (("git-mirror-http:80", False), ("git-mirror-write:80", True)):
            prefix = f"{SERVICES}/{service}/proxy"
            if environ["PATH_INFO"].startswith(prefix):
                door = GitHttp({environ["SERVER_PORT"]: (self.mirror, takes_pushes)})
                return door(environ | {"PATH_INFO": environ["PATH_INFO"].removeprefix(prefix)}, start_response)
        start_response("404 Not Found", [])
        return [b"no such Service"]


@pytest.fixture
def api(tmp_path: Path) -> Iterator[ApiServer]:
    repository = tmp_path / "mirror/team/name.git"
    repository.mkdir(parents=True)
    git(repository, "init", "--quiet", "--bare", ".")
    git(repository, "config", "http.receivepack", "true")
    git(repository, "config", "uploadpack.allowAnySHA1InWant", "true")
    api = ApiServer(tmp_path / "mirror")
    with serving(api) as port:
        api.port = int(port)
        yield api


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass

    def finish(self) -> None:
        super().finish()
        # git takes a connection without TLS's own goodbye for one that was cut
        with suppress(OSError):
            self.connection.unwrap()


@pytest.fixture
def tls_api(tmp_path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """An API server over TLS that lets nobody in without a certificate of its authority; its port, and one of them."""
    repository = tmp_path / "mirror/team/name.git"
    repository.mkdir(parents=True)
    git(repository, "init", "--quiet", "--bare", ".")
    git(repository, "config", "http.receivepack", "true")
    served, mine = make_certificates(["localhost"], now=datetime.now(UTC))
    for name, content in served.items():
        (tmp_path / name).write_text(content)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(tmp_path / "ca.pem"))
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    prefix = f"{SERVICES}/git-mirror-write:80/proxy"

    def relay(environ: dict[str, Any], start_response: Any) -> Any:
        door = GitHttp({environ["SERVER_PORT"]: (tmp_path / "mirror", True)})
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = io.BytesIO(environ["wsgi.input"].read(length))
        path = environ["PATH_INFO"].removeprefix(prefix)
        return door(environ | {"PATH_INFO": path, "wsgi.input": body}, start_response)

    with make_server("127.0.0.1", 0, relay, handler_class=_Quiet) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_port, mine
        server.shutdown()
        thread.join(5)


def kubeconfig(port: int, user: dict[str, Any], **cluster: Any) -> dict[str, Any]:
    return {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": f"http://127.0.0.1:{port}", **cluster}}],
        "users": [{"name": "u", "user": user}],
    }


def config(user: dict[str, Any], **cluster: Any) -> SingleConfig:
    found = KubeConfig.from_dict(kubeconfig(9, user, **cluster)).get()
    assert found is not None
    return found


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[[dict[str, Any]], None]]:
    def set_it(document: dict[str, Any]) -> None:
        (tmp_path / "kubeconfig").write_text(json.dumps(document))
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))

    route_to.cache_clear()
    yield set_it
    route_to.cache_clear()


def branch(folder: Path) -> GitOpsBranch:
    return GitOpsBranch(folder / "git", branch="v0.1-gitops", read_url=READ, write_url=WRITE)


PLUGIN = {
    "apiVersion": "client.authentication.k8s.io/v1beta1",
    "kind": "ExecCredential",
    "status": {"token": TOKEN},
}
USERS: dict[str, dict[str, Any]] = {
    "a token": {"token": TOKEN},
    "a plugin": {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1beta1",
            "command": sys.executable,
            "args": ["-c", f"print({json.dumps(json.dumps(PLUGIN))})"],
        }
    },
}


@pytest.mark.parametrize("who", USERS)
def test_a_promotion_goes_through_the_api_server(
    api: ApiServer, use: Callable[[dict[str, Any]], None], tmp_path: Path, who: str
) -> None:
    use(kubeconfig(api.port, USERS[who]))
    gitops = branch(tmp_path)
    assert gitops.tip() is None
    commit = gitops.commit(None, TreeEdit(write={"a": b"1"}, remove=()), "First\n", SOMEBODY)
    assert gitops.push(commit) is PushResult.ACCEPTED
    assert gitops.tip() == commit
    assert branch(tmp_path / "other").files(commit, ["a"]) == {"a": b"1"}
    assert f"{SERVICES}/git-mirror-write:80/proxy/team/name.git/git-receive-pack" in api.asked
    assert not [path for path in api.asked if "git-mirror-http" in path and "receive" in path]


def test_a_client_certificate_opens_the_api_server(
    tls_api: tuple[int, dict[str, str]], use: Callable[[dict[str, Any]], None], tmp_path: Path
) -> None:
    port, files = tls_api
    data = {name: base64.b64encode(content.encode()).decode() for name, content in files.items()}
    cluster = {"server": f"https://localhost:{port}", "certificate-authority-data": data["ca.pem"]}
    use(kubeconfig(port, {"client-certificate-data": data["cert.pem"], "client-key-data": data["key.pem"]}, **cluster))
    gitops = GitOpsBranch(tmp_path / "git", branch="b", read_url=WRITE, write_url=WRITE)
    commit = gitops.commit(None, TreeEdit(write={"a": b"1"}, remove=()), "First\n", SOMEBODY)
    assert gitops.push(commit) is PushResult.ACCEPTED
    assert gitops.tip() == commit


def test_what_the_relay_refuses_is_told_without_the_credentials(
    api: ApiServer, use: Callable[[dict[str, Any]], None], tmp_path: Path
) -> None:
    use(kubeconfig(api.port, {"token": "planted-wrong-token"}))
    with pytest.raises(GitError) as caught:
        branch(tmp_path).tip()
    assert caught.value.code == "mirror-unreachable"
    assert READ in caught.value.what
    assert "planted" not in str(caught.value)


def test_the_read_door_takes_no_push(api: ApiServer, use: Callable[[dict[str, Any]], None], tmp_path: Path) -> None:
    use(kubeconfig(api.port, {"token": TOKEN}))
    gitops = GitOpsBranch(tmp_path / "git", branch="b", read_url=READ, write_url=READ)
    commit = gitops.commit(None, TreeEdit(write={"a": b"1"}, remove=()), "First\n", SOMEBODY)
    with pytest.raises((GitError, Blocked)):
        gitops.push(commit)
    assert gitops.tip() is None


def test_no_credential_is_in_the_url_or_among_the_words_of_git() -> None:
    route = route_through(config({"token": TOKEN}), READ)
    assert route.url == f"http://127.0.0.1:9{SERVICES}/git-mirror-http:80/proxy/team/name.git"
    assert TOKEN in "".join(route.environment.values())
    assert TOKEN not in route.url


def settings(environment: Any) -> dict[str, str]:
    """Return what git understands of its environment."""
    done = subprocess.run(
        ["git", "config", "--list", "--null", "--show-scope"],
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        check=True,
        text=True,
    )
    words = done.stdout.split("\0")
    pairs = [entry.split("\n", 1) for scope, entry in zip(words[::2], words[1::2], strict=False) if scope == "command"]
    return {key.rpartition(".")[2]: value for key, value in pairs}


def test_certificates_are_read_by_git_alone_and_end_with_their_owner() -> None:
    data = {name: base64.b64encode(name.encode()).decode() for name in ("ca", "cert", "key")}
    route = route_through(
        config(
            {"client-certificate-data": data["cert"], "client-key-data": data["key"]},
            **{"certificate-authority-data": data["ca"]},
        ),
        READ,
    )
    files = settings(route.environment)
    assert route.environment["GIT_SSL_CAINFO"] == files["sslcainfo"]
    assert files["proxy"] == ""
    assert files["followredirects"] == "false"
    read = {key: subprocess.run(["cat", files[key]], capture_output=True, check=True).stdout for key in KEYS}
    assert read == {"sslcainfo": b"ca", "sslcert": b"cert", "sslkey": b"key"}
    del route
    assert not any(Path(files[key]).exists() for key in KEYS)


KEYS = ("sslcainfo", "sslcert", "sslkey")


def test_files_that_the_kubeconfig_names_are_used_where_they_are(tmp_path: Path) -> None:
    document = kubeconfig(9, {"client-certificate": "c.pem", "client-key": "/k.pem"}, **{"certificate-authority": "a"})
    found = KubeConfig.from_dict(document, fname=tmp_path / "kubeconfig").get()
    assert found is not None
    files = settings(route_through(found, READ).environment)
    assert [files[key] for key in KEYS] == [str(tmp_path / "a"), str(tmp_path / "c.pem"), "/k.pem"]


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080/x.git", "git@github.com:pikasTech/agentrun.git", "https://example.org/x.git"]
)
def test_any_other_remote_is_reached_as_it_is(url: str) -> None:
    assert route_to(url).url == url
    assert not route_to(url).environment


def test_without_a_kubeconfig_the_message_says_what_to_set(
    monkeypatch: pytest.MonkeyPatch, use: Callable[[dict[str, Any]], None], tmp_path: Path
) -> None:
    del use
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(GitError) as caught:
        branch(tmp_path).tip()
    assert caught.value.code == "mirror-unreachable"
    assert "KUBECONFIG" in caught.value.remedy
    assert "ENVID_MIRROR_READ_URL" in caught.value.remedy
