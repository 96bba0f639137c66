"""Credential forms: each is made here from parts, so that no scanner of this repository finds one."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import string
from pathlib import Path

import pytest

from envid.core.secretscan import credential_faults, credential_kind

_CHANCE = random.Random(20)  # noqa: S311 - shapes, not secrets
ALNUM = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
ROOT = Path(__file__).parents[3]


def some(length: int, alphabet: str = ALNUM) -> str:
    # every class of character at least once, as in a real one
    seed = "".join(c for c in "aZ0b" if c in alphabet)
    return (seed + "".join(_CHANCE.choices(alphabet, k=length)))[:length]


def b64url(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


JWT = ".".join([b64url('{"alg":"HS256","typ":"JWT"}'), b64url('{"sub":"1234567890","name":"x"}'), some(43)])
PEM_BODY = "\n".join(some(64) for _ in range(4))
CREDENTIALS = {
    "AWS access key": "AK" + "IA" + some(16, string.ascii_uppercase + "234567"),
    "GitHub personal token": "gh" + "p_" + some(36),
    "GitHub server token": "gh" + "s_" + some(36),
    "GitHub fine-grained token": "github" + "_pat_" + some(22) + "_" + some(59),
    "GitLab token": "glp" + "at-" + some(20),
    "npm token": "//registry.example/:_auth" + "Token=npm" + "_" + some(36),
    "PyPI token": "pypi-" + "AgEIcHlwaS5vcmc" + some(80),
    "Slack bot token": "xox" + "b-" + some(12, string.digits) + "-" + some(12, string.digits) + "-" + some(24),
    "Slack webhook": "https://hooks." + "slack.com/services/T" + some(8) + "/B" + some(8) + "/" + some(24),
    "Stripe key": "sk" + "_live_" + some(24),
    "SendGrid key": "SG" + "." + some(22) + "." + some(43),
    "OpenAI project key": "sk" + "-proj-" + some(48),
    "OpenAI key": "sk" + "-" + some(20) + "T3Blbk" + "FJ" + some(20),
    "Anthropic key": "sk" + "-ant-api03-" + some(93) + "AA",
    "DeepSeek key": "sk" + "-" + some(32, HEX),
    "Google key": "AI" + "za" + some(35),
    "Telegram token": some(10, "123456789") + ":" + some(35),
    "Twilio key": "SK" + some(32, HEX),
    "Mailchimp key": some(32, HEX) + "-us" + "12",
    "Azure storage key": "Account" + "Key=" + some(86) + "==",
    "JWT": JWT,
    "JWT in a header": f"Authorization: Bearer {JWT}",
    "RSA private key": f"-----BEGIN {'RSA PRIVATE'} KEY-----\n{PEM_BODY}\n-----END {'RSA PRIVATE'} KEY-----\n",
    "OpenSSH private key": f"-----BEGIN {'OPENSSH PRIVATE'} KEY-----\n{PEM_BODY}\n",
    "EC private key": f"-----BEGIN {'EC PRIVATE'} KEY-----\n{PEM_BODY}\n",
    "URL with a password": "postgres" + "://agentrun:" + some(16) + "@db:5432/agentrun_v01",
    "URL with a token": "https" + "://x-access-token:" + some(30) + "@github.com/a/b.git",
    "kubeconfig": "users:\n- name: a\n  user:\n    client-" + "key-data: " + some(60) + "\n",
    "private key in base64": base64.b64encode(f"-----BEGIN {'PRIVATE'} KEY-----\n{PEM_BODY}".encode()).decode(),
    "token in base64": base64.b64encode(("gh" + "p_" + some(36)).encode()).decode(),
    "token in a sentence": "log in with gh" + "p_" + some(36) + " please",
    "auth.json": json.dumps({"OPENAI_API_KEY": "sk" + "-proj-" + some(48)}),
    "token of an unknown issuer": some(48),
}
INNOCENT = {
    "commit id": hashlib.sha1(b"x", usedforsecurity=False).hexdigest(),
    "envIdentity": hashlib.sha256(b"x").hexdigest(),
    "digest": "sha256:" + hashlib.sha256(b"y").hexdigest(),
    "integrity": "sha512-" + base64.b64encode(hashlib.sha512(b"z").digest()).decode(),
    "UUID": "123e4567-e89b-42d3-a456-426614174000",
    "URL": "https://github.com/pikasTech/agentrun/blob/v0.1/docs/reference/spec-v01.md?plain=1#L20",
    "URL with a port": "http://git-mirror-http.devops-infra.svc.cluster.local:8080/pikasTech/agentrun.git",
    "URL with a user": "ssh://git@github.com/pikasTech/agentrun.git",
    "database without credentials": "postgres://agentrun-v01-postgres:5432/agentrun_v01",
    "scp address": "git@github.com:pikasTech/agentrun.git",
    "Secret's name": "agentrun-v01-provider-minimax-m3",
    "key of a Secret": "POSTGRES_PASSWORD",
    "image": "127.0.0.1:5000/agentrun/agentrun-mgr-env",
    "path": "deploy/runtime/boot/agentrun-boot.sh",
    "long path": "src/features/sessionManagement/components/SessionHistoryPanel2024",
    "base64 of nothing": base64.b64encode(b"\0" * 48).decode(),
    "base64 of a text": base64.b64encode(b"nothing to see here, please move along to the next line").decode(),
    "NO_PROXY": "hyueapi.com,.hyueapi.com,10.43.0.0/16,.svc,.cluster.local,127.0.0.1",
    "public key": f"ssh-ed25519 {base64.b64encode(b'ssh-ed25519' + bytes(range(32))).decode()} a@b",
    "certificate": "-----BEGIN CERTIFICATE-----\n" + PEM_BODY + "\n-----END CERTIFICATE-----\n",
    "version": "1.2.3-rc.1+build.20260102",
    "locale list": "en_GB.UTF-8,de_DE.UTF-8,zh_CN.UTF-8",
    "sentence": "the providers' APIs, and nothing inside the cluster or the machine's own networks",
    "words like a prefix": "sk-learn-is-a-library-for-people",
    "placeholder": "changeme",
}  # fmt: skip


@pytest.mark.parametrize("text", CREDENTIALS.values(), ids=CREDENTIALS)
def test_a_credential_is_found_by_its_form(text: str) -> None:
    assert credential_kind(text)


@pytest.mark.parametrize("text", INNOCENT.values(), ids=INNOCENT)
def test_what_only_looks_alike_is_left_alone(text: str) -> None:
    assert credential_kind(text) == ""


def test_a_fault_names_the_place_and_never_the_value() -> None:
    secret = CREDENTIALS["GitHub personal token"]
    document = {"a": [{"b": secret}, secret], secret: 1}
    faults = credential_faults(document, where="x.json")
    assert {fault.where for fault in faults} == {"x.json: $", "x.json: $.a[0].b", "x.json: $.a[1]"}
    assert all(secret not in str(fault) for fault in faults)


def test_this_repositorys_own_deploy_json_is_clean() -> None:
    for path in ("deploy/deploy.json", "tests/golden/manifests/full/deploy.json"):
        assert credential_faults(json.loads((ROOT / path).read_bytes()), where=path) == []
