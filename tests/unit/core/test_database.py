"""DATABASE_URL: one that every client reads back, in the Secret that the rendered manifests name."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envid.core.database import DatabaseAccess, database_access, database_secret, database_url, known_password
from envid.core.deploy import parse_deploy
from envid.core.strictjson import canonical_json
from envid.errors import InputError
from tests.support.builders import LANE, deploy_json

FULL: dict[str, Any] = json.loads((Path(__file__).parents[2] / "golden/manifests/full/deploy.json").read_bytes())
REF = {"DATABASE_URL": {"name": "agentrun-v01-postgres", "key": "DATABASE_URL", "optional": True}}
PRINTABLE = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40).filter(str.isprintable)


def own() -> DatabaseAccess:
    return database_access(parse_deploy(canonical_json(FULL)), LANE)


def elsewhere(**where: Any) -> DatabaseAccess:
    return database_access(parse_deploy(canonical_json(deploy_json(secretEnv=REF))), LANE, **where)


def test_the_lanes_own_postgres_is_reached_by_its_service() -> None:
    url = database_url(own(), "word")
    assert url == "postgres://agentrun:word@agentrun-v01-postgres.agentrun-v01.svc:5432/agentrun_v01"


@given(PRINTABLE)
def test_any_password_comes_back_as_it_was(password: str) -> None:
    parts = urlsplit(database_url(own(), password))
    assert unquote(parts.password or "") == password
    assert (parts.hostname, parts.port, parts.path) == ("agentrun-v01-postgres.agentrun-v01.svc", 5432, "/agentrun_v01")
    for access in (own(), elsewhere(host="db.example")):
        assert known_password(access, database_secret(access, LANE, password)) == password


@pytest.mark.parametrize("password", ["", "a\nb", "a\0b", "\x7f", "x" * 513])
def test_a_password_that_no_client_could_send_is_refused_and_not_shown(password: str) -> None:
    with pytest.raises(InputError) as caught:
        database_url(own(), password)
    assert caught.value.code == "bad-password"
    assert not password or password not in str(caught.value)


def test_the_secret_has_the_keys_that_the_manifests_name() -> None:
    secret = database_secret(own(), LANE, "a'b")
    assert (secret["metadata"]["name"], secret["metadata"]["namespace"]) == ("agentrun-v01-postgres", "agentrun-v01")
    values = {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
    assert values == {"DATABASE_URL": database_url(own(), "a'b"), "POSTGRES_PASSWORD": "a'b"}


def test_a_postgres_elsewhere_needs_no_password_of_its_own() -> None:
    access = elsewhere(host="fd00::1", port=6432, user="a b")
    assert database_url(access, "w") == "postgres://a%20b:w@[fd00::1]:6432/agentrun_v01"
    assert list(database_secret(access, LANE, "w")["data"]) == ["DATABASE_URL"]


@pytest.mark.parametrize("host", ["a b", "a/b", "user@host", "host:5432:1", "[", "a?b", "x-\n"])
def test_what_is_no_host_is_refused(host: str) -> None:
    with pytest.raises(InputError, match="is not a host"):
        elsewhere(host=host)


def test_what_deploy_json_leaves_open_is_asked_for() -> None:
    with pytest.raises(InputError) as caught:
        elsewhere()
    assert "--host" in caught.value.remedy
    with pytest.raises(InputError) as caught:
        database_access(parse_deploy(canonical_json(deploy_json())), LANE, host="db.example")
    assert caught.value.faults[0].where.endswith("secretEnv.DATABASE_URL")
    with pytest.raises(InputError, match="are for a Postgres elsewhere"):
        database_access(parse_deploy(canonical_json(FULL)), LANE, host="db.example")


@pytest.mark.parametrize("data", [None, {}, {"POSTGRES_PASSWORD": "%%"}, {"POSTGRES_PASSWORD": "/w=="}])
def test_a_secret_without_a_readable_password_has_none(data: Any) -> None:
    assert known_password(own(), {"data": data}) is None
