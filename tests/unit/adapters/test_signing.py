"""Signed commits with real keys: what git itself accepts, and everything that must not pass for a signature."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from envid.adapters.signing import sign_commit, signer_of
from envid.core.values import CommitId
from envid.errors import CheckFailed, InputError, ServiceError
from tests.support.builders import SourceRepo, git


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    for name in ("ci", "other"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / name)]
        subprocess.run(command, check=True)
    (folder / "allowed").write_text(f'ci@example.org namespaces="git" {(folder / "ci.pub").read_text()}')
    return folder


@pytest.fixture
def repo(tmp_path: Path) -> SourceRepo:
    return SourceRepo.create(tmp_path / "repo")


def test_a_signed_commit_is_the_same_but_for_its_signature(repo: SourceRepo, keys: Path) -> None:
    signed = sign_commit(repo.root, repo.head, keys / "ci")
    assert signed != repo.head
    for what in ("%T", "%P", "%an %ae %at", "%cn %ce %ct", "%B"):
        assert git(repo.root, "log", "-1", f"--format={what}", signed) == git(
            repo.root, "log", "-1", f"--format={what}", repo.head
        )
    git(repo.root, "-c", f"gpg.ssh.allowedSignersFile={keys / 'allowed'}", "verify-commit", signed)
    git(repo.root, "fsck", "--strict")


def test_the_signer_is_named_with_the_key(repo: SourceRepo, keys: Path) -> None:
    signed = sign_commit(repo.root, repo.head, keys / "ci")
    assert signer_of(repo.root, signed, keys / "allowed").startswith("ci@example.org (SHA256:")


def test_an_unsigned_commit_and_a_strangers_are_refused(repo: SourceRepo, keys: Path) -> None:
    with pytest.raises(CheckFailed) as caught:
        signer_of(repo.root, repo.head, keys / "allowed")
    assert caught.value.code == "signature-missing"
    with pytest.raises(CheckFailed) as caught:
        signer_of(repo.root, sign_commit(repo.root, repo.head, keys / "other"), keys / "allowed")
    assert caught.value.code == "signature-bad"


def test_a_commit_that_was_changed_after_it_was_signed_is_refused(repo: SourceRepo, keys: Path) -> None:
    signed = sign_commit(repo.root, repo.head, keys / "ci")
    content = git(repo.root, "cat-file", "commit", signed).encode() + b"\n"
    changed = git(repo.root, "hash-object", "-t", "commit", "-w", "--stdin", stdin=content + b"One more line.\n")
    with pytest.raises(CheckFailed):
        signer_of(repo.root, CommitId(changed), keys / "allowed")


def test_a_key_that_may_sign_only_other_things_is_refused(repo: SourceRepo, keys: Path, tmp_path: Path) -> None:
    allowed = tmp_path / "allowed"
    allowed.write_text(f'ci@example.org namespaces="file" {(keys / "ci.pub").read_text()}')
    with pytest.raises(CheckFailed):
        signer_of(repo.root, sign_commit(repo.root, repo.head, keys / "ci"), allowed)


def test_a_signature_over_another_namespace_is_refused(repo: SourceRepo, keys: Path, tmp_path: Path) -> None:
    """A signature that the key made of the same bytes for another purpose."""
    payload = subprocess.run(
        ["git", "-C", str(repo.root), "cat-file", "commit", repo.head], check=True, capture_output=True
    ).stdout
    (tmp_path / "data").write_bytes(payload)
    subprocess.run(
        ["ssh-keygen", "-Y", "sign", "-n", "file", "-f", str(keys / "ci"), str(tmp_path / "data")],
        check=True,
        capture_output=True,
    )
    folded = (tmp_path / "data.sig").read_bytes().strip().replace(b"\n", b"\n ")
    headers, _, message = payload.partition(b"\n\n")
    forged = git(
        repo.root, "hash-object", "-t", "commit", "-w", "--stdin",
        stdin=headers + b"\ngpgsig " + folded + b"\n\n" + message,
    )  # fmt: skip
    with pytest.raises(CheckFailed):
        signer_of(repo.root, CommitId(forged), keys / "allowed")


def test_a_key_or_a_file_of_signers_that_is_missing_is_named(repo: SourceRepo, keys: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"signing key .*nothing"):
        sign_commit(repo.root, repo.head, tmp_path / "nothing")
    with pytest.raises(InputError, match="nothing is no file"):
        signer_of(repo.root, repo.head, tmp_path / "nothing")
    broken = tmp_path / "broken"
    broken.write_text("not a key\n")
    broken.chmod(0o600)
    with pytest.raises(ServiceError) as caught:
        sign_commit(repo.root, repo.head, broken)
    assert caught.value.code == "signing-failed"
    assert keys.is_dir()
