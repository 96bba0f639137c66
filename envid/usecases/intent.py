"""Reads what a runtime is rendered from: deploy.json, looked through for credentials, and the pinned images (R8)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from envid.core.deploy import DEPLOY_PATH, Deploy
from envid.core.images import IMAGES_PATH, NO_IMAGES, Images, parse_images
from envid.core.jsontext import parse_json
from envid.core.secretscan import credential_faults
from envid.errors import InputError
from envid.usecases.plan import read_deploy

if TYPE_CHECKING:
    from envid.adapters.git import CommitRecord
    from envid.core.lane import Lane
    from envid.usecases.environment import InputReader

__all__ = ["RuntimeIntent", "read_intent"]


@dataclass(frozen=True, slots=True)
class RuntimeIntent:
    """What people wrote of a lane's runtime at one commit."""

    deploy: Deploy
    images: Images


def read_intent(reader: InputReader, commit: CommitRecord, *, lane: Lane, source_repo: str) -> RuntimeIntent:
    """Read the runtime intent of ``commit``.

    Raises:
        InputError: a file is missing or invalid, or a value looks like a credential.

    """
    deploy = read_deploy(reader, commit, lane=lane, source_repo=source_repo)
    content = reader.read(commit, DEPLOY_PATH) or b""
    if faults := credential_faults(parse_json(content, where=DEPLOY_PATH), where=DEPLOY_PATH):
        raise InputError(
            f"{DEPLOY_PATH} has a credential",
            faults=faults,
            remedy="revoke it: it is in the repository's history; then name a Secret and its key in secretEnv",
            code="credential-found",
        )
    pinned = reader.read(commit, IMAGES_PATH)
    return RuntimeIntent(deploy, NO_IMAGES if pinned is None else parse_images(pinned))
