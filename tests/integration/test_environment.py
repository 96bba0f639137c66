"""Identity on real git: what changes it, what does not, and what is refused before anything is written (R2, R3)."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from envid.adapters.git import GitObjects
from envid.core.identity import MAX_INPUT_BYTES
from envid.core.values import CommitId, EnvIdentity
from envid.usecases.environment import InputReader
from envid.usecases.identity import environment_at
from tests.support.builders import BASE, CONTAINERFILE, SourceRepo, git
from tests.support.cli import Ran, envid

BOOT = "deploy/runtime/boot/agentrun-boot.sh"


def identity_of(root: Path, commit: CommitId | str = "HEAD") -> EnvIdentity:
    with GitObjects(root) as objects:
        return environment_at(InputReader(objects), objects.commit(objects.resolve(commit))).identity


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> SourceRepo:
    made = SourceRepo.create(tmp_path_factory.mktemp("template") / "source")
    made.write("patches/a@1.patch", "--- a\n")
    made.write("patches/deep/b@1.patch", "--- b\n")
    made.commit("Add patches")
    made.pin(inputs=["patches/**"], buildArgs={"FLAVOUR": "plain"})
    return made


def copy_of(template: SourceRepo, place: Path) -> SourceRepo:
    shutil.copytree(template.root, place, symlinks=True)
    return SourceRepo(place, dict(template.service))


@pytest.fixture
def repo(template: SourceRepo, tmp_path: Path) -> SourceRepo:
    return copy_of(template, tmp_path / "source")


# ---- what counts


def rename_patch(repo: SourceRepo) -> None:
    (repo.root / "patches/a@1.patch").rename(repo.root / "patches/a@2.patch")


def swap_two_files(repo: SourceRepo) -> None:
    one, other = repo.root / "package.json", repo.root / "tsconfig.json"
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)


def repin(**service: object) -> Callable[[SourceRepo], None]:
    def change(repo: SourceRepo) -> None:
        repo.service.update(service)
        document = (repo.root / "deploy/deploy.json").read_text()
        commit = document.partition('"commitId": "')[2][:40]
        repo.pin(imageRef={"commitId": commit} | dict(service.get("imageRef", {})))  # type: ignore[call-overload]

    return change


def move_containerfile(repo: SourceRepo) -> None:
    repo.write("images/Containerfile", CONTAINERFILE)
    repo.commit()
    repo.pin(imageRef={"dockerfilePath": "images/Containerfile", "commitId": repo.head})


def new_base_digest(repo: SourceRepo) -> None:
    repo.write("Containerfile", CONTAINERFILE.replace("b" * 64, "c" * 64))
    repo.commit()
    repo.pin()


COUNTS: dict[str, Callable[[SourceRepo], None]] = {
    "a byte of package.json": lambda r: r.write("package.json", '{"name": "y", "dependencies": {}}\n'),
    "a byte of bun.lock": lambda r: r.write("bun.lock", '{"lockfileVersion": 2}\n'),
    "a byte of tsconfig.json": lambda r: r.write("tsconfig.json", "{ }\n"),
    "a byte of the boot script": lambda r: r.write(BOOT, "#!/bin/sh\nexec false\n", mode=0o755),
    "a newline at the end": lambda r: r.write("tsconfig.json", "{}"),
    "a carriage return": lambda r: r.write("tsconfig.json", "{}\r\n"),
    "the mode of the boot script": lambda r: (r.root / BOOT).chmod(0o644),
    "a new boot script": lambda r: r.write("deploy/runtime/boot/second.sh", "#!/bin/sh\n"),
    "an empty new boot script": lambda r: r.write("deploy/runtime/boot/empty.sh", ""),
    "a byte of a declared input": lambda r: r.write("patches/deep/b@1.patch", "--- c\n"),
    "a renamed input": rename_patch,
    "a new file below a pattern": lambda r: r.write("patches/c.patch", ""),
    "a removed file below a pattern": lambda r: (r.root / "patches/a@1.patch").unlink(),
    "two files with swapped contents": swap_two_files,
    "a build argument": repin(buildArgs={"FLAVOUR": "other"}),
    "another build argument": repin(buildArgs={"FLAVOUR": "plain", "MORE": ""}),
    "the platform": repin(platform="linux/arm64"),
    "imageRef.commitId": lambda r: (r.pin(), None)[1],
    "imageRef.dockerfilePath": move_containerfile,
    "imageRef.repoUrl": repin(imageRef={"repoUrl": "https://github.com/pikasTech/agentrun.git"}),
    "the base image's digest": new_base_digest,
}


@pytest.mark.parametrize("change", COUNTS.values(), ids=COUNTS)
def test_each_input_alone_changes_the_identity(repo: SourceRepo, change: Callable[[SourceRepo], None]) -> None:
    before = identity_of(repo.root)
    change(repo)
    repo.commit()
    assert identity_of(repo.root) != before


def test_all_these_identities_differ_from_each_other(template: SourceRepo, tmp_path: Path) -> None:
    seen: dict[EnvIdentity, str] = {}
    for number, (name, change) in enumerate(COUNTS.items()):
        made = copy_of(template, tmp_path / str(number))
        change(made)
        made.commit()
        identity = identity_of(made.root)
        assert identity not in seen, f"{name} and {seen[identity]} have one identity"
        seen[identity] = name


DOES_NOT_COUNT: dict[str, Callable[[SourceRepo], None]] = {
    "TypeScript": lambda r: r.write("src/main.ts", "export const x = 1;\n"),
    "a new TypeScript file": lambda r: r.write("src/more.ts", ""),
    "docs": lambda r: r.write("README.md", "Another service.\n"),
    "manifests": lambda r: r.write("deploy/gitops/g14/runtime-v01/x.yaml", "kind: X\n"),
    "runtime intent": repin(replicas=3, env={"LOG_LEVEL": "debug"}, port=9090),
    "a file beside the boot scripts": lambda r: r.write("deploy/runtime/boot/notes.md", "x\n"),
    "the Containerfile's newest text": lambda r: r.write("Containerfile", CONTAINERFILE + "# later\n"),
    "nothing at all": lambda _: None,
}


@pytest.mark.parametrize("change", DOES_NOT_COUNT.values(), ids=DOES_NOT_COUNT)
def test_what_is_no_input_does_not_count(repo: SourceRepo, change: Callable[[SourceRepo], None]) -> None:
    before = identity_of(repo.root)
    change(repo)
    repo.commit()
    assert identity_of(repo.root) == before


def test_the_order_and_the_spelling_of_declared_inputs_do_not_count(repo: SourceRepo) -> None:
    change = repin(inputs=["patches/deep/b@1.patch", "patches/**", "package.json"])
    before = identity_of(repo.root)
    change(repo)
    assert identity_of(repo.root) == before


# ---- what a checkout does to files


CHECKOUTS: dict[str, list[str]] = {
    "line endings": ["-c", "core.autocrlf=true", "-c", "core.eol=crlf"],
    "file modes": ["-c", "core.fileMode=false"],
    "symlinks off": ["-c", "core.symlinks=false"],
    "a sparse work tree": ["--sparse"],
    "no checkout": ["--no-checkout"],
    "bare": ["--bare"],
    "quoted paths and renames": ["-c", "core.quotePath=true", "-c", "diff.renames=copies"],
}


@pytest.mark.parametrize("options", CHECKOUTS.values(), ids=CHECKOUTS)
def test_how_a_clone_is_made_does_not_count(repo: SourceRepo, tmp_path: Path, options: list[str]) -> None:
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", *options, str(repo.root), str(clone))
    assert identity_of(clone) == identity_of(repo.root)


def test_the_umask_and_the_work_tree_do_not_count(repo: SourceRepo, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    subprocess.run(
        ["/bin/sh", "-c", 'umask 077 && git clone --quiet "$1" "$2"', "sh", str(repo.root), str(clone)], check=True
    )
    (clone / "package.json").write_text("uncommitted\n")
    (clone / BOOT).unlink()
    assert identity_of(clone) == identity_of(repo.root)


def test_attributes_filters_replace_refs_and_a_hooks_environment_do_not_count(repo: SourceRepo) -> None:
    before, head = identity_of(repo.root), repo.head
    (repo.root / ".git/info/attributes").write_text("* text eol=crlf ident\n")
    blob = git(repo.root, "hash-object", "-w", "--stdin", stdin=b'{"replaced": true}\n')
    git(repo.root, "replace", git(repo.root, "rev-parse", "HEAD:package.json"), blob)
    ran = envid(
        repo.root, "identity", "--json", "--commit", head, GIT_DIR="/nonexistent", GIT_INDEX_FILE="/nonexistent"
    )
    assert ran.code == 0, ran.err
    assert ran.json["envIdentity"] == before == identity_of(repo.root)


def test_a_packed_and_a_shallow_clone_agree(repo: SourceRepo, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    # the Containerfile's commit must be there too, so two commits
    git(tmp_path, "clone", "--quiet", "--depth=2", f"file://{repo.root}", str(clone))
    git(repo.root, "gc", "--quiet")
    assert identity_of(clone) == identity_of(repo.root)


# ---- what is refused, through the real command line


def symlink(path: str, target: str) -> Callable[[SourceRepo], None]:
    def change(repo: SourceRepo) -> None:
        place = repo.root / path
        if place.is_dir():
            place.rename(place.with_name("elsewhere"))
        place.unlink(missing_ok=True)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(target)

    return change


def submodule(path: str) -> Callable[[SourceRepo], None]:
    def change(repo: SourceRepo) -> None:
        git(repo.root, "rm", "-r", "--quiet", "--cached", "--ignore-unmatch", path)
        place = repo.root / path
        if place.is_dir():
            place.rename(repo.root / "elsewhere")
        place.unlink(missing_ok=True)
        git(repo.root, "update-index", "--add", "--cacheinfo", f"160000,{'a' * 40},{path}")
        git(repo.root, "commit", "--quiet", "--message", "A submodule")

    return change


def containerfile(text: str) -> Callable[[SourceRepo], None]:
    def change(repo: SourceRepo) -> None:
        repo.write("Containerfile", text)
        repo.commit()
        repo.pin()

    return change


def folder_for_a_file(repo: SourceRepo) -> None:
    (repo.root / "tsconfig.json").unlink()
    repo.write("tsconfig.json/x", "")


def symlink_for_the_containerfile(repo: SourceRepo) -> None:
    symlink("Containerfile", "README.md")(repo)
    repo.commit()
    repo.pin()


def pinned(**ref: str) -> Callable[[SourceRepo], None]:
    return lambda repo: (repo.pin(imageRef=ref), None)[1]


LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "a" * 64 + "\nsize 1\n"

REFUSED: dict[str, tuple[Callable[[SourceRepo], None], str, str]] = {
    "COPY src/": (containerfile(CONTAINERFILE + "COPY src/ /app/\n"), "Containerfile:5", "src/main.ts"),
    "COPY .": (containerfile(CONTAINERFILE + "COPY . /app/\n"), "Containerfile:5", "whole context"),
    "a base image by tag": (
        containerfile(CONTAINERFILE.replace(BASE, "oven/bun:1")),
        "Containerfile:1",
        "not pinned by digest",
    ),
    "no FROM": (containerfile("# nothing\n"), "Containerfile:2", "no FROM"),
    "apt-get install": (
        containerfile(CONTAINERFILE + "RUN apt-get install -y curl\n"),
        "Containerfile:5",
        "packages.lock",
    ),
    "a symlink as an input": (symlink("package.json", "README.md"), "package.json", "symlink"),
    "a symlink as a declared input": (symlink("patches/a@1.patch", "../README.md"), "patches/a@1.patch", "symlink"),
    "a symlink as an input's folder": (symlink("patches", "src"), "patches", "symlink"),
    "a symlink as the boot folder": (symlink("deploy/runtime/boot", "elsewhere"), "deploy/runtime/boot", "symlink"),
    "a symlink above the boot folder": (symlink("deploy/runtime", "elsewhere"), "deploy/runtime", "symlink"),
    "a symlink as the Containerfile": (
        symlink_for_the_containerfile,
        "Containerfile",
        "symlink",
    ),
    "a submodule as an input": (submodule("package.json"), "package.json", "submodule"),
    "a submodule as an input's folder": (submodule("patches"), "patches", "submodule"),
    "a submodule as the boot folder": (submodule("deploy/runtime/boot"), "deploy/runtime/boot", "submodule"),
    "a folder as an input": (
        folder_for_a_file,
        "tsconfig.json",
        "folder",
    ),
    "an absolute dockerfilePath": (
        pinned(dockerfilePath="/Containerfile"),
        "deploy/deploy.json: $.services[0].imageRef.dockerfilePath",
        "absolute",
    ),
    "a dockerfilePath with ..": (
        pinned(dockerfilePath="../Containerfile"),
        "deploy/deploy.json: $.services[0].imageRef.dockerfilePath",
        "..",
    ),
    "a dockerfilePath that is not there": (
        pinned(dockerfilePath="no/Containerfile"),
        "agentrun-mgr: imageRef.dockerfilePath",
        "no/Containerfile is not in",
    ),
    "a short imageRef.commitId": (
        pinned(commitId="abc1234"),
        "deploy/deploy.json: $.services[0].imageRef.commitId",
        "abbreviated",
    ),
    "an unknown imageRef.commitId": (pinned(commitId="e" * 40), "agentrun-mgr: imageRef.commitId", "e" * 40),
    "an oversized input": (
        lambda r: r.write("bun.lock", b"x" * (MAX_INPUT_BYTES + 1)),
        "bun.lock",
        f"{MAX_INPUT_BYTES + 1} bytes",
    ),
    "an LFS pointer": (lambda r: r.write("bun.lock", LFS), "bun.lock", "LFS"),
    "a missing input": (lambda r: (r.root / "bun.lock").unlink(), "bun.lock", "missing"),
    "an empty pattern": (
        lambda r: (r.root / BOOT).unlink(),
        "deploy/runtime/boot/*.sh",
        "no file matches",
    ),
    "an input that leaves the repository": (
        lambda r: (r.pin(inputs=["../x"]), None)[1],
        "deploy/deploy.json: $.services[0].inputs",
        "..",
    ),
    "an input pattern over the source": (
        lambda r: (r.pin(inputs=["**/x.json"]), None)[1],
        "deploy/deploy.json: $.services[0].inputs",
        "root",
    ),
    "an unknown field": (
        lambda r: (r.pin(comment="x"), None)[1],
        "deploy/deploy.json: $.services[0].comment",
        "unknown",
    ),
    "an image tag": (
        lambda r: (r.pin(imageTag="latest"), None)[1],
        "deploy/deploy.json: $.services[0].imageTag",
        "an image tag",
    ),
    "deploy.json that is no JSON": (lambda r: r.write("deploy/deploy.json", "{,}"), "deploy/deploy.json:1", ""),
    "deploy.json that is a symlink": (
        symlink("deploy/deploy.json", "../package.json"),
        "deploy/deploy.json",
        "symlink",
    ),
}


def assert_bad_input(ran: Ran) -> list[dict[str, str]]:
    assert ran.code == 2, ran.out + ran.err
    assert "Traceback" not in ran.err
    document = ran.json
    assert document["error"] == "bad-input"
    assert document["exitCode"] == 2
    assert ran.err.startswith("error: ")
    faults: list[dict[str, str]] = document["faults"]
    return faults


@pytest.mark.parametrize(("change", "where", "word"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_names_file_and_cause_and_writes_nothing(
    repo: SourceRepo, change: Callable[[SourceRepo], None], where: str, word: str
) -> None:
    change(repo)
    if git(repo.root, "status", "--porcelain") and "160000" not in git(repo.root, "ls-files", "--stage"):
        repo.commit()
    before = repo.snapshot()
    faults = assert_bad_input(envid(repo.root, "plan", "--json"))
    named = [fault for fault in faults if fault["where"].startswith(where)]
    assert named, faults
    assert any(word in f"{fault['where']}: {fault['problem']}" for fault in named), named
    assert repo.snapshot() == before


@pytest.mark.parametrize(
    ("commit", "word"),
    [
        ("abc1234", "abbreviated"),
        ("HEAD", "40 lower-case hex digits"),
        ("--upload-pack=touch x", "40 lower-case hex digits"),
        ("f" * 40, "not in"),
        ("F" * 40, "40 lower-case hex digits"),
    ],
)
def test_a_commit_that_is_no_full_known_id_is_refused(repo: SourceRepo, commit: str, word: str) -> None:
    before = repo.snapshot()
    ran = envid(repo.root, "plan", "--json", f"--commit={commit}")
    assert ran.code == 2, ran.err
    assert word in f"{ran.json['what']} {ran.json['cause']}"
    assert ran.json["next"]
    assert repo.snapshot() == before


def test_a_tree_id_is_no_commit(repo: SourceRepo) -> None:
    ran = envid(repo.root, "plan", "--json", f"--commit={git(repo.root, 'rev-parse', 'HEAD^{tree}')}")
    assert ran.code == 2
    assert "not a commit" in ran.json["what"]


def test_every_fault_is_named_at_once(repo: SourceRepo) -> None:
    (repo.root / "bun.lock").unlink()
    symlink("package.json", "README.md")(repo)
    repo.write("Containerfile", "FROM oven/bun:1\n")
    repo.commit()
    repo.pin()
    faults = assert_bad_input(envid(repo.root, "plan", "--json"))
    assert {fault["where"] for fault in faults} >= {"bun.lock", "package.json", "Containerfile:1"}


# ---- --dirty


def dirty_identity(repo: SourceRepo) -> tuple[Ran, str]:
    """Run a dirty plan, and return what it left and the identity that it used."""
    from envid.adapters.worktree import dirty_commit  # noqa: PLC0415

    with dirty_commit(repo.root) as (commit, environment), GitObjects(repo.root, environment) as objects:
        identity = environment_at(InputReader(objects), objects.commit(commit)).identity
    return envid(repo.root, "plan", "--dirty", "--json"), identity


def contents(snapshot: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out the state folder, and the times of objects: git refreshes those of an object that it needs again."""
    return {
        path: facts[::2] if path.startswith(".git/objects") else facts
        for path, facts in snapshot.items()
        if not path.startswith(".envid")
    }


def test_a_dirty_plan_reads_the_work_tree_and_leaves_everything_as_it_was(repo: SourceRepo) -> None:
    clean = identity_of(repo.root)
    repo.write("package.json", '{"name": "dirty"}\n')
    repo.write("src/new.ts", "untracked\n")
    repo.write(".envid/state", "ignored\n")
    git(repo.root, "add", "src/new.ts")
    before = repo.snapshot()
    ran, dirty = dirty_identity(repo)
    assert ran.code == 4, ran.err  # the inputs were good; the mirror of this test is nowhere
    assert contents(repo.snapshot()) == contents(before)
    assert dirty != clean
    repo.commit()
    assert identity_of(repo.root) == dirty


def test_a_dirty_plan_of_a_clean_tree_has_the_committed_identity(repo: SourceRepo) -> None:
    _, dirty = dirty_identity(repo)
    assert dirty == identity_of(repo.root)


def test_a_dirty_plan_in_a_linked_work_tree_and_a_path_with_a_colon(repo: SourceRepo, tmp_path: Path) -> None:
    linked = SourceRepo(tmp_path / "with: colon" / "linked")
    linked.root.parent.mkdir()
    git(repo.root, "worktree", "add", "--quiet", "--detach", str(linked.root))
    linked.write("bun.lock", "dirty\n")
    _, dirty = dirty_identity(linked)
    assert dirty != identity_of(repo.root)
    moved = tmp_path / "moved: too"
    git(tmp_path, "clone", "--quiet", str(repo.root), str(moved))
    _, same = dirty_identity(SourceRepo(moved))
    assert same == identity_of(repo.root)


def test_a_dirty_plan_refuses_a_symlink_like_a_committed_one(repo: SourceRepo) -> None:
    symlink("package.json", "README.md")(repo)
    faults = assert_bad_input(envid(repo.root, "plan", "--dirty", "--json"))
    assert [fault["where"] for fault in faults] == ["package.json"]


def test_dirty_and_commit_exclude_each_other(repo: SourceRepo) -> None:
    ran = envid(repo.root, "plan", "--dirty", "--json", f"--commit={repo.head}")
    assert ran.code == 2
    assert "exclude" in ran.json["what"]


def test_a_dirty_plan_of_a_repository_without_a_commit_is_bad_input(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "new")
    ran = envid(tmp_path / "new", "plan", "--dirty", "--json")
    assert ran.code == 2, ran.err
    assert [path.name for path in (tmp_path / "new").iterdir()] == [".git"]
