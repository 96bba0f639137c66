"""Signs commits with an SSH key, and tells who signed one: git's own SSH format, made and checked by ssh-keygen."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from envid.adapters.git import git
from envid.adapters.process import find_tool, run
from envid.core.values import CommitId
from envid.errors import CheckFailed, InputError, ServiceError

if TYPE_CHECKING:
    from envid.adapters.process import Completed

__all__ = ["sign_commit", "signer_of"]

_NAMESPACE: Final = "git"
_GOOD: Final = re.compile(r'Good "git" signature for (.+) with (\S+) key (\S+)')
_TIMEOUT: Final = 60.0


def sign_commit(repository: Path, commit: CommitId, key: Path) -> CommitId:
    """Return a new commit object: ``commit`` with a signature of ``key`` (a private key, or an agent's public key).

    Raises:
        InputError: the key can't be read.
        ServiceError: ssh-keygen could not sign with it.

    """
    if not key.is_file():
        raise InputError(f"the signing key {key} is no file", remedy="set signing.key in invoke.yaml")
    payload = git(repository, ["cat-file", "commit", commit]).stdout
    with tempfile.TemporaryDirectory(prefix="envid-sign-") as folder:
        data = Path(folder) / "commit"
        data.write_bytes(payload)
        done = _ssh_keygen("-Y", "sign", "-n", _NAMESPACE, "-f", str(key), str(data))
        if done.returncode != 0:
            raise ServiceError(
                f"the promotion can't be signed with {key}",
                cause=done.error_text,
                remedy="a key with a passphrase: ssh-add it, and name its .pub file as signing.key",
                code="signing-failed",
            )
        signature = data.with_suffix(".sig").read_bytes()
    headers, separator, message = payload.partition(b"\n\n")
    folded = signature.strip().replace(b"\n", b"\n ")
    signed = headers + b"\ngpgsig " + folded + separator + message
    made = git(repository, ["hash-object", "-t", "commit", "-w", "--stdin"], stdin=signed)
    return CommitId(made.stdout.decode().strip())


def signer_of(repository: Path, commit: CommitId, allowed_signers: Path) -> str:
    """Return who signed ``commit``, as ``name (key fingerprint)``; it must be one of ``allowed_signers``.

    Raises:
        InputError: the file of allowed signers is missing.
        CheckFailed: the commit is not signed, by nobody who is allowed, or was changed after it was signed.

    """
    if not allowed_signers.is_file():
        raise InputError(f"{allowed_signers} is no file", remedy="set signing.allowedSigners in invoke.yaml")
    options = [
        "-c",
        "gpg.format=ssh",
        "-c",
        f"gpg.ssh.program={find_tool('ssh-keygen')}",
        "-c",
        f"gpg.ssh.allowedSignersFile={allowed_signers}",
    ]
    done = git(repository, [*options, "verify-commit", "--verbose", commit], check=False, timeout=_TIMEOUT)
    found = _GOOD.search(done.error_text)
    if done.returncode == 0 and found is not None:
        return f"{found[1]} ({found[3]})"
    said = done.error_text.splitlines()
    raise CheckFailed(
        f"the GitOps commit {commit.short} has no signature of an allowed signer",
        cause=said[-1] if said else "it is not signed",
        remedy="git log --show-signature; promote again with signing.key set, or add the signer's key to the file",
        code="signature-missing" if not said else "signature-bad",
    )


def _ssh_keygen(*arguments: str) -> Completed:
    return run([find_tool("ssh-keygen"), *arguments], timeout=_TIMEOUT)
