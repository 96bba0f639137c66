"""What may never stand in deploy.json, found in the raw document: each place with its reason (R8).

It reads names and forms only, and is cheap enough for every reader of deploy.json. ``core.secretscan`` looks closer.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from envid.core.imagetext import digests_in, tagged_images_in
from envid.core.strictjson import json_path

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["forbidden_faults"]

_TAG: Final = "an image tag follows from the envIdentity and is never written by hand"
_DIGEST: Final = "a digest is found by publish and stands in the artifact catalog"
_STATE: Final = "publish and reuse state is the artifact catalog's"
_RUN: Final = "a PipelineRun's or TaskRun's id is evidence, not intent"
_REVISION: Final = "a GitOps or Argo CD revision is a result, not intent"
_MANIFEST: Final = "it is a Kubernetes manifest; manifests are rendered to the GitOps branch"
_CREDENTIAL: Final = "a credential never stands here; name a Secret and its key in secretEnv"

_NAMES: Final = {
    **dict.fromkeys(("image", "imagename", "tag", "imagetag", "envimage", "envimagetag"), _TAG),
    **dict.fromkeys(("digest", "imagedigest", "repositorydigest", "sha256", "manifestdigest"), _DIGEST),
    **dict.fromkeys(
        (
            *("publish", "published", "publishstate", "publishstatus", "buildstatus", "status", "built"),
            *("reuse", "reused", "reusestate", "reuseevidence", "reusestatus", "unsafereuse", "provenance"),
            *("envidentity", "bootcommit", "sourcecommit", "rollout"),
        ),
        _STATE,
    ),
    **dict.fromkeys(
        (f"{kind}{what}" for kind in ("pipelinerun", "taskrun") for what in ("", "s", "id", "ids", "name", "uid")),
        _RUN,
    ),
    **dict.fromkeys(
        ("revision", "gitopsrevision", "gitopscommit", "syncrevision", "argorevision", "targetrevision", "syncstatus"),
        _REVISION,
    ),
    **dict.fromkeys(("manifest", "manifests", "generatedmanifest", "generatedmanifests", "rendered"), _MANIFEST),
    **dict.fromkeys(
        (
            *("password", "passwd", "passphrase", "token", "accesstoken", "authtoken", "apikey", "secretvalue"),
            *("clientsecret", "privatekey", "sshkey", "sshprivatekey", "kubeconfig", "credential", "credentials"),
            *("dsn", "databaseurl"),
        ),
        _CREDENTIAL,
    ),
}

# maps whose keys are their author's own words
_FREE_MAPS: Final = frozenset({"env", "configEnv", "secretEnv", "buildArgs"})
_REFERENCES: Final = frozenset({"configEnv", "secretEnv"})
_CREDENTIAL_NAME: Final = re.compile(
    r"(?:^|[_.-])(?:TOKEN|PASSWORD|PASSWD|PASSPHRASE|SECRET|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY|SECRET_?KEY|CREDENTIALS?)$",
    re.IGNORECASE,
)
_HARMLESS: Final = re.compile(r"|true|false|/[\w.-]+(?:/[\w.-]+)+", re.IGNORECASE)
_RUN_NAME: Final = re.compile(r"(?<![A-Za-z0-9-])[a-z][a-z0-9-]*-ci-[0-9a-f]{12}(?![A-Za-z0-9])")
_URL_PASSWORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s/:@]*:[^\s/@]+@")
_PRIVATE_KEY: Final = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY")
_KUBECONFIG: Final = re.compile(r"client-(?:key|certificate)-data\s*:|^kind:\s*Config\s*$", re.MULTILINE)
_MANIFEST_TEXT: Final = re.compile(r"^apiVersion:\s*\S+\s*$", re.MULTILINE)


def forbidden_faults(document: Any) -> Iterator[tuple[str, str]]:
    """Yield the JSON path and the reason of everything in ``document`` that may not stand in deploy.json."""
    yield from _walk(document, ())


def _walk(value: Any, at: tuple[int | str, ...]) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        if at and {"apiVersion", "kind"} <= value.keys():
            yield json_path(at), _MANIFEST
            return
        is_free = _is_free(at)
        for name, item in value.items():
            here = (*at, name)
            reason = _free_name(name, item, at) if is_free else _name(name)
            if reason:
                yield json_path(here), reason
            else:
                yield from _walk(item, here)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _walk(item, (*at, index))
    elif isinstance(value, str) and (reason := _text(value)):
        yield json_path(at), reason


def _is_free(at: tuple[int | str, ...]) -> bool:
    if at[:1] == ("configMaps",):
        return True
    return len(at) == 3 and at[0] == "services" and at[2] in _FREE_MAPS  # noqa: PLR2004 - services, index, field


def _name(name: str) -> str:
    return _NAMES.get(re.sub(r"[^a-z0-9]", "", name.lower()), "")


def _free_name(name: str, value: Any, at: tuple[int | str, ...]) -> str:
    if at[-1] in _REFERENCES or not isinstance(value, str):
        return ""
    return _CREDENTIAL if _CREDENTIAL_NAME.search(name) and not _HARMLESS.fullmatch(value) else ""


def _text(text: str) -> str:
    if digests_in(text):
        return _DIGEST
    if tagged_images_in(text):
        return _TAG
    if _RUN_NAME.search(text):
        return _RUN
    if _URL_PASSWORD.search(text) or _PRIVATE_KEY.search(text) or _KUBECONFIG.search(text):
        return _CREDENTIAL
    return _MANIFEST if _MANIFEST_TEXT.search(text) else ""
