"""A plain ``buildctl build`` for this project's own needs: the base image, and apt's answers inside an image.

Env images go through ``adapters/buildkit.py``, which is closed over hashed inputs; nothing of theirs passes here.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from envid.adapters.buildkit_address import address_flags
from envid.adapters.process import run
from envid.core.identity import SOURCE_DATE_EPOCH
from envid.core.values import Digest
from envid.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from envid.adapters.buildkit_address import BuildKitTls
    from envid.core.values import ImageReference

__all__ = ["InnerBuild", "image_output", "local_output"]

_TIMEOUT: Final = 1800.0
_SHOWN: Final = 2000
_LOCAL_HOSTS: Final = ("localhost", "127.", "[::1]")


def image_output(image: ImageReference) -> str:
    """Return the ``--output`` that pushes ``image`` with bytes that no clock changes."""
    options = ["type=image", f"name={image}", "push=true", "oci-mediatypes=false", "rewrite-timestamp=true"]
    if image.host.startswith(_LOCAL_HOSTS):
        options.append("registry.insecure=true")
    return ",".join(options)


def local_output(folder: Path) -> str:
    """Return the ``--output`` that writes the last stage's files to ``folder``."""
    return f"type=local,dest={folder}"


@dataclass(frozen=True, slots=True, kw_only=True)
class InnerBuild:
    """Where builds go: the ``buildctl`` program, BuildKit's address (None: buildctl's own default), certificates."""

    buildctl: str
    host: str | None
    tls: BuildKitTls | None = None

    def run(
        self,
        containerfile: str,
        context: Path,
        output: str,
        *,
        secrets: Mapping[str, Path] | None = None,
        extra: Sequence[str] = (),
    ) -> Digest | None:
        """Build ``containerfile`` over ``context``; return the image's digest, or None for a local output.

        Raises:
            BuildError: a step failed, or BuildKit can't be reached.

        """
        with tempfile.TemporaryDirectory(prefix="envid-inner-") as folder:
            metadata = Path(folder) / "metadata.json"
            (Path(folder) / "Containerfile").write_text(containerfile, encoding="utf-8")
            argv = [
                self.buildctl,
                *address_flags(self.host, self.tls),
                "build",
                "--progress=plain",
                "--frontend=dockerfile.v0",
                f"--local=context={context}",
                f"--local=dockerfile={folder}",
                "--opt=filename=Containerfile",
                f"--opt=build-arg:SOURCE_DATE_EPOCH={SOURCE_DATE_EPOCH}",
                *(f"--secret=id={name},src={path}" for name, path in sorted((secrets or {}).items())),
                *extra,
                f"--output={output}",
                f"--metadata-file={metadata}",
            ]
            done = run(argv, timeout=_TIMEOUT)
            if done.returncode != 0:
                raise BuildError(
                    "BuildKit could not build",
                    cause=done.error_text[-_SHOWN:],
                    remedy="if buildkitd can't be reached: invoke local.up, or set BUILDKIT_HOST",
                )
            found = json.loads(metadata.read_bytes()) if metadata.exists() else {}
        digest = found.get("containerimage.digest")
        return Digest(digest) if digest else None
