"""Drives ``buildctl``: one closed context in, one pushed image with its digest out (R3, R7)."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from blake3 import blake3

from envid.adapters.buildkit_address import address_flags
from envid.adapters.process import find_tool, run
from envid.core.buildprogress import BuildProgress
from envid.core.buildrecord import MAX_RECORD_BYTES, find_record
from envid.core.identity import SOURCE_DATE_EPOCH
from envid.core.manifest import digest_of
from envid.core.values import Digest
from envid.errors import BuildError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from envid.adapters.buildkit_address import BuildKitTls
    from envid.core.values import ImageReference

__all__ = ["BuildKit", "BuildRequest", "BuiltImage", "ContextFile"]

_NANOSECONDS: Final = 1_000_000_000
_TIMES: Final = 40 * 365 * 86400 * _NANOSECONDS  # none of them in the future
_LOCAL_HOSTS: Final = ("localhost", "127.", "[::1]")


@dataclass(frozen=True, slots=True)
class ContextFile:
    """A file of the build context: its path, git's mode, its content."""

    path: str
    mode: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildRequest:
    """All that one build may see.

    ``secrets`` are id to file on this machine; they reach RUN steps as secret mounts and no layer. ``cache_from`` and
    ``cache_to`` are BuildKit cache specifications. With ``export``, a folder, nothing is pushed: the image is written
    there as an OCI layout, with the very bytes that a push would have had. ``offered`` are folders of this machine as
    named contexts, for stages that are empty without: the Containerfile takes of them only what has a hash it knows.
    """

    image: ImageReference
    platform: str
    containerfile: ContextFile
    context: tuple[ContextFile, ...]
    build_args: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Path] = field(default_factory=dict)
    no_cache: bool = False
    cache_from: str | None = None
    cache_to: str | None = None
    export: Path | None = None
    offered: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltImage:
    """What BuildKit says it pushed: the manifest's digest, and the build's reference in BuildKit's history.

    ``record`` is the SLSA provenance that buildkitd recorded, byte for byte; None where it keeps no history.
    """

    digest: Digest
    reference: str
    executed_steps: int
    record: bytes | None = None


class BuildKit:
    """``buildctl`` against a local or remote ``buildkitd``.

    ``host`` is as in BUILDKIT_HOST; ``insecure_hosts`` are registries in plain HTTP, as loopback hosts always are;
    ``timeout`` bounds a build, in seconds; ``tls`` has the certificates for a ``tcp://`` host.
    """

    def __init__(
        self,
        host: str | None,
        *,
        tools: Sequence[Path] = (),
        insecure_hosts: Collection[str] = (),
        timeout: float = 3600.0,
        tls: BuildKitTls | None = None,
    ) -> None:
        self._host = host
        self._tls = tls
        self._tools = tools
        self._insecure_hosts = frozenset(insecure_hosts)
        self._timeout = timeout

    def build(self, request: BuildRequest, progress: Callable[[str], None]) -> BuiltImage:
        """Build and push ``request``."""
        with tempfile.TemporaryDirectory(prefix="envid-build-") as folder:
            root = Path(folder)
            metadata = root / "metadata.json"
            arguments = _arguments(request, root, is_insecure=self._is_insecure(request.image.host))
            files = [f"--metadata-file={metadata}", f"--ref-file={root / 'reference'}"]
            _write_context(root, request)
            tracker = self._run([*self._buildctl(), "build", *arguments, *files], request, progress)
            reference = _read_reference(root / "reference")
            return _read_metadata(metadata, reference, self._record(reference), tracker.executed)

    def versions(self) -> dict[str, str]:
        """Return the version of buildctl, for the provenance."""
        done = run([*self._buildctl(), "--version"], timeout=30)
        return {"buildctl": done.stdout.decode("utf-8", "replace").strip()}

    def builds_in_history(self) -> int:
        """Count the builds that buildkitd's own history knows, finished or running."""
        done = run([*self._buildctl(), "debug", "histories", "--format", "{{json .}}"], timeout=60)
        if done.returncode != 0:
            raise BuildError("buildkitd's history can't be read", cause=done.error_text, remedy="invoke local.status")
        return sum(bool(line.strip()) for line in done.stdout.splitlines())

    def _is_insecure(self, host: str) -> bool:
        return host in self._insecure_hosts or host.startswith(_LOCAL_HOSTS)

    def _record(self, reference: str) -> bytes | None:
        """Return the provenance that buildkitd recorded of a build; None where it keeps no history."""
        histories = [*self._buildctl(), "debug", "histories", "--format", "{{json .}}"]
        done = run(histories, timeout=60)
        if not reference or done.returncode != 0 or (found := find_record(done.stdout, reference)) is None:
            return None
        done = run([*self._buildctl(), "debug", "get", found], timeout=60)
        fits = done.returncode == 0 and digest_of(done.stdout) == found and len(done.stdout) <= MAX_RECORD_BYTES
        return done.stdout if fits else None

    def _buildctl(self) -> list[str]:
        return [find_tool("buildctl", extra_path=self._tools), *address_flags(self._host, self._tls)]

    def _run(self, argv: list[str], request: BuildRequest, progress: Callable[[str], None]) -> BuildProgress:
        tracker = BuildProgress()
        with _child(argv) as process:
            assert process.stderr is not None  # noqa: S101 - a pipe by construction
            for line in process.stderr:
                for news in tracker.feed(line):
                    progress(news)
            try:
                status = process.wait(self._timeout)
            except subprocess.TimeoutExpired:
                raise ServiceError(f"the build did not end within {self._timeout:.0f} s") from None
        if status != 0:
            raise BuildError(
                f"BuildKit could not build {request.image.name}",
                cause=tracker.failure or f"buildctl ended with {status}",
                remedy="mend the failed step; if buildkitd can't be reached: invoke local.up, or set BUILDKIT_HOST",
            )
        return tracker


def _arguments(request: BuildRequest, root: Path, *, is_insecure: bool) -> list[str]:
    output = {"name": str(request.image), "oci-mediatypes": "false", "rewrite-timestamp": "true"}
    if request.export is not None:
        output |= {"type": "oci", "tar": "false", "dest": str(request.export)}
    else:
        output |= {"type": "image", "push": "true"} | ({"registry.insecure": "true"} if is_insecure else {})
    arguments = [
        "--progress=rawjson",
        "--frontend=dockerfile.v0",
        f"--local=context={root / 'context'}",
        f"--local=dockerfile={root / 'dockerfile'}",
        f"--opt=filename={request.containerfile.path.rpartition('/')[2]}",
        f"--opt=platform={request.platform}",
        f"--opt=build-arg:SOURCE_DATE_EPOCH={SOURCE_DATE_EPOCH}",
        *(f"--opt=build-arg:{name}={value}" for name, value in sorted(request.build_args.items())),
        *(f"--secret=id={name},src={path}" for name, path in sorted(request.secrets.items())),
        f"--output={','.join(f'{key}={value}' for key, value in output.items())}",
    ]
    for name, folder in sorted(request.offered.items()):
        arguments += [f"--local={name}={folder}", f"--opt=context:{name}=local:{name}"]
    if request.no_cache:
        arguments.append("--no-cache")
    if request.cache_from:
        arguments.append(f"--import-cache={request.cache_from}")
    if request.cache_to:
        arguments.append(f"--export-cache={request.cache_to}")
    return arguments


def _write_context(root: Path, request: BuildRequest) -> None:
    """Lay out exactly the hashed blobs, with modes and times that no umask or clock changes."""
    for folder in ("context", "dockerfile"):
        (root / folder).mkdir()
    name = request.containerfile.path.rpartition("/")[2]
    _write(root / "dockerfile" / name, request.containerfile)
    for file in request.context:
        target = root / "context" / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        _write(target, file)
    for folder, _, _ in os.walk(root / "context", topdown=False):
        Path(folder).chmod(0o755)
        os.utime(folder, (SOURCE_DATE_EPOCH, SOURCE_DATE_EPOCH))


def _write(target: Path, file: ContextFile) -> None:
    target.write_bytes(file.content)
    target.chmod(0o755 if file.mode == "100755" else 0o644)
    # BuildKit sends a file again only if its size or time is not that of the last build's file, so each content gets a
    # time of its own. It is later than SOURCE_DATE_EPOCH, to which BuildKit sets all later times in the image.
    time = _NANOSECONDS * SOURCE_DATE_EPOCH + 1 + int.from_bytes(blake3(file.content).digest()[:8]) % _TIMES
    os.utime(target, ns=(time, time))


def _read_reference(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return ""


def _read_metadata(path: Path, reference: str, record: bytes | None, executed: int) -> BuiltImage:
    try:
        metadata = json.loads(path.read_bytes())
        return BuiltImage(
            digest=Digest(metadata["containerimage.digest"]),
            reference=reference,
            executed_steps=executed,
            record=record,
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BuildError("BuildKit left no digest in its metadata", cause=repr(error)) from None


@contextmanager
def _child(argv: list[str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace"
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
        if process.stderr is not None:
            process.stderr.close()
