"""The images of this project's own, declared once: what each is built from, and where its pin stands.

They are no services of deploy.json: the pipeline, the mirror and the runtime need them before any service is planned.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from envid.core.values import ImageReference, RepoPath
from envid.errors import InputError

if TYPE_CHECKING:
    from envid.core.images import ImageName
    from envid.core.values import EnvIdentity

__all__ = ["TOOL_IMAGES", "ToolImage", "find_tool_image"]

_COMMON: Final = ("deploy/runtime/install-packages.sh",)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolImage:
    """One image: its ``name`` on the command line and in the registry, and its ``key`` in images.json.

    ``further_inputs`` are paths and patterns beside its own folder's. ``programs`` are programs of this machine that
    it takes by their SHA-256; ``from_buildkit`` says that it takes buildctl out of the pinned BuildKit image.
    """

    name: str
    key: ImageName
    files: tuple[str, ...] = ()
    further_inputs: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    from_buildkit: bool = field(default=False)

    @property
    def folder(self) -> str:
        """Where its sources are."""
        return f"deploy/{self.name}"

    @property
    def containerfile(self) -> RepoPath:
        """Its Containerfile."""
        return RepoPath(f"{self.folder}/Containerfile")

    @property
    def wanted_path(self) -> RepoPath:
        """Its list of wanted system packages."""
        return RepoPath(f"{self.folder}/packages.txt")

    @property
    def lock_path(self) -> RepoPath:
        """The lock of its system packages."""
        return RepoPath(f"{self.folder}/packages.lock")

    @property
    def lock_command(self) -> str:
        """The command that locks its system packages again."""
        return f"invoke lock.packages --image {self.name}"

    @property
    def inputs(self) -> tuple[str, ...]:
        """Every path and pattern of its file inputs, sorted."""
        own = (self.wanted_path, self.lock_path, *(f"{self.folder}/{name}" for name in self.files))
        return tuple(sorted({*_COMMON, *own, *self.further_inputs}))

    def reference(self, registry: str, project: str, identity: EnvIdentity) -> ImageReference:
        """Return its reference by its tag, the envIdentity."""
        return ImageReference.parse(f"{registry}/{project}/{self.name}:{identity}")


TOOL_IMAGES: Final = {
    image.name: image
    for image in (
        ToolImage(name="buildkit", key="buildkit", programs=("buildctl", "buildkitd")),
        ToolImage(name="git-mirror", key="gitMirror", files=("git-mirror.sh", "nginx.conf", "pre-receive")),
        ToolImage(name="postgres", key="postgres", files=("postgres.sh",)),
        ToolImage(
            name="toolbox",
            key="toolbox",
            further_inputs=("envid/**", "pyproject.toml", "requirements/build.txt", "requirements/toolbox.txt"),
            from_buildkit=True,
        ),
    )
}
"""By name."""


def find_tool_image(name: str) -> ToolImage:
    """Return the image called ``name``.

    Raises:
        InputError: there is none.

    """
    if name not in TOOL_IMAGES:
        raise InputError(f"there is no image {name!r} to build", cause=f"there are: {', '.join(TOOL_IMAGES)}")
    return TOOL_IMAGES[name]
