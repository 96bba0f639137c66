"""The boot script on a real mirror: it boots one exact commit, or says what to do by a status of its own (R15)."""

from __future__ import annotations

import os
import shutil
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.boot.conftest import FILES, USER, Boot, Mirror
from tests.support.lanes import git

MANAGER = {"src/manager/main.ts": "the manager's source\n"}


def test_the_exact_commit_becomes_the_manager(boot: Boot, mirror: Mirror) -> None:
    mirror.commit(FILES | {"src/manager/main.ts": "a later source\n"})
    ran = boot.run()
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == [
        "ran: --no-install src/manager/main.ts",
        f"in: {boot.work}/source",
        f"home: {boot.work}/home",
        "git variables: 0",
        "the manager's source",
    ]
    assert ran.stderr == ""
    assert (boot.work / "source/node_modules/marker").read_text() == "the env image's\n"
    assert not (boot.work / "source/.git").exists()


def test_the_role_says_which_program_it_becomes(boot: Boot, mirror: Mirror) -> None:
    boot.commit = mirror.commit(FILES | {"src/runner/main.ts": "the runner's source\n"})
    boot.variables["AGENTRUN_ROLE"] = "runner"
    ran = boot.run()
    assert "the runner's source" in ran.stdout, ran.stderr


def test_a_signal_reaches_the_program(boot: Boot, mirror: Mirror) -> None:
    boot.commit = mirror.commit(FILES | MANAGER | {"wait": ""})
    process = boot.start()
    assert process.stdout is not None
    assert process.stdout.readline().startswith("ran: ")
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert "ended by SIGTERM" in out


def test_a_signal_ends_a_fetch_that_hangs(boot: Boot) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        boot.mirror = f"http://127.0.0.1:{silent.getsockname()[1]}/test/lane.git"
        process = boot.start()
        asker, _ = silent.accept()
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == -signal.SIGTERM
        asker.close()
    process.communicate()


def test_a_mirror_that_never_answers_is_given_up(boot: Boot) -> None:
    boot.variables["AGENTRUN_FETCH_SECONDS"] = "1"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        boot.mirror = f"http://127.0.0.1:{silent.getsockname()[1]}/test/lane.git"
        ran = boot.run()
    assert ran.returncode == 17
    assert "next: " in ran.stderr


def test_a_restart_in_the_same_volume_needs_no_mirror(boot: Boot) -> None:
    assert boot.run().returncode == 0
    boot.mirror = "http://127.0.0.1:1/test/lane.git"
    ran = boot.run()
    assert ran.returncode == 0, ran.stderr
    assert "the manager's source" in ran.stdout


def _give(folder: Path) -> None:
    """Let the folder be what the booted program made itself."""
    if not os.getuid():
        os.chown(folder, USER, USER)


def _edit_source(work: Path) -> None:
    # of the same size and time, so that nothing but the bytes tells
    file = work / "source/src/manager/main.ts"
    before = file.stat()
    file.write_text("THE MANAGER'S SOURCE\n")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def _leave_files(work: Path) -> None:
    (work / "source/bunfig.toml").write_text("preload = ['./evil.ts']\n")


def _leave_locks(work: Path) -> None:
    for name in ("index.lock", "HEAD.lock", "shallow.lock", "config.lock"):
        (work / "git" / name).touch()


def _damage_an_object(work: Path) -> None:
    for pack in (work / "git/objects").rglob("*.pack"):
        pack.chmod(0o600)
        content = bytearray(pack.read_bytes())
        content[len(content) // 2] ^= 0xFF
        pack.write_bytes(content)


def _lose_an_object(work: Path) -> None:
    for item in (*(work / "git/objects").glob("??/*"), *(work / "git/objects/pack").iterdir()):
        item.unlink()


def _leave_a_hook(work: Path) -> None:
    hooks = work / "git/hooks"
    hooks.mkdir()
    (hooks / "post-checkout").write_text(f"#!/bin/sh\ntouch {work}/hooked\n")
    (hooks / "post-checkout").chmod(0o755)
    _give(hooks)


def _half_a_store(work: Path) -> None:
    shutil.rmtree(work / "git")
    (work / "git").mkdir()
    (work / "git/HEAD").write_text("ref: refs/heads/x\n")
    _give(work / "git")


@pytest.mark.parametrize(
    "leave",
    [_edit_source, _leave_files, _leave_locks, _damage_an_object, _lose_an_object, _leave_a_hook, _half_a_store],
)
def test_nothing_that_a_former_run_left_is_booted_or_in_the_way(boot: Boot, leave: Callable[[Path], None]) -> None:
    assert boot.run().returncode == 0
    leave(boot.work)
    ran = boot.run()
    assert ran.returncode == 0, ran.stderr
    assert "the manager's source" in ran.stdout
    assert sorted(path.name for path in (boot.work / "source").iterdir()) == sorted([*FILES, "node_modules", "src"])
    assert not (boot.work / "hooked").exists()


@pytest.mark.parametrize("kind", ["folder", "symlink", "file"])
def test_node_modules_in_the_commit_gives_way(boot: Boot, mirror: Mirror, kind: str) -> None:
    files, links = FILES | MANAGER, {}
    if kind == "symlink":
        links["node_modules"] = str(boot.env_dir)
    else:
        files["node_modules/marker" if kind == "folder" else "node_modules"] = "the commit's\n"
    boot.commit = mirror.commit(files, links=links)
    ran = boot.run()
    assert ran.returncode == 0, ran.stderr
    assert (boot.work / "source/node_modules/marker").read_text() == "the env image's\n"
    assert sorted(path.name for path in boot.env_dir.iterdir()) == sorted([*FILES, "node_modules"])


def test_variables_of_gits_own_steer_nothing(boot: Boot) -> None:
    boot.variables |= {
        "GIT_DIR": "/nowhere",
        "GIT_TRACE_CURL": "1",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "url.http://127.0.0.1:1/.insteadOf",
        "GIT_CONFIG_VALUE_0": "http://",
    }
    ran = boot.run()
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""


# ---- what is refused


def _commit(text: str) -> Callable[[Boot, Mirror], None]:
    return lambda boot, _: setattr(boot, "commit", text)


def _variable(name: str, text: str) -> Callable[[Boot, Mirror], None]:
    return lambda boot, _: boot.variables.update({name: text})


def _closed_work(boot: Boot, _: Mirror) -> None:
    if not os.getuid():
        os.chown(boot.work, 0, 0)
    boot.work.chmod(0o555)


def _nowhere(boot: Boot, _: Mirror) -> None:
    boot.mirror = "http://127.0.0.1:1/test/lane.git"


def _no_repository(boot: Boot, _: Mirror) -> None:
    boot.mirror = boot.mirror.replace("lane", "other")


def _no_bun(boot: Boot, _: Mirror) -> None:
    (boot.folder / "bin/bun").unlink()


def _no_entry(boot: Boot, mirror: Mirror) -> None:
    boot.commit = mirror.commit(FILES | {"src/other.ts": ""})


def _a_tag(boot: Boot, mirror: Mirror) -> None:
    git(mirror.path, "tag", "--annotate", "--message", "x", "release", boot.commit)
    boot.commit = git(mirror.path, "rev-parse", "refs/tags/release")


def _other(name: str) -> Callable[[Boot, Mirror], None]:
    def change(boot: Boot, mirror: Mirror) -> None:
        boot.commit = mirror.commit(FILES | MANAGER | {name: '{"name":"other"}\n'})

    return change


def _a_link_to_the_image(boot: Boot, mirror: Mirror) -> None:
    files = {name: text for name, text in FILES.items() if name != "package.json"}
    boot.commit = mirror.commit(files | MANAGER, links={"package.json": str(boot.env_dir / "package.json")})


def _a_mirror_that_lies(boot: Boot, mirror: Mirror) -> None:
    """Put another commit's bytes where the mirror keeps the one that is asked for."""
    asked = boot.commit
    given = mirror.commit(FILES | {"src/manager/main.ts": "evil\n"})
    place = {commit: mirror.path / "objects" / commit[:2] / commit[2:] for commit in (asked, given)}
    place[asked].chmod(0o644)
    place[asked].write_bytes(place[given].read_bytes())


REFUSED: dict[str, tuple[Callable[[Boot, Mirror], None], int, str]] = {
    "no commit": (_commit(""), 11, "AGENTRUN_BOOT_COMMIT"),
    "a short commit": (_commit("abc1234"), 11, "'abc1234'"),
    "an upper-case commit": (_commit("A" * 40), 11, "AGENTRUN_BOOT_COMMIT"),
    "a branch": (_commit("v0.1"), 11, "'v0.1'"),
    "an option": (_commit("--upload-pack=x"), 11, "AGENTRUN_BOOT_COMMIT"),
    "a longer id": (_commit("a" * 64), 11, "AGENTRUN_BOOT_COMMIT"),
    "no mirror": (_variable("AGENTRUN_MIRROR_READ_URL", ""), 12, "AGENTRUN_MIRROR_READ_URL"),
    "another protocol": (_variable("AGENTRUN_MIRROR_READ_URL", "ext::sh -c x"), 12, "AGENTRUN_MIRROR_READ_URL"),
    "an unknown role": (_variable("AGENTRUN_ROLE", "../x"), 13, "manager or runner"),
    "no node_modules": (lambda boot, _: shutil.rmtree(boot.env_dir / "node_modules"), 14, "node_modules is missing"),
    "no bun": (_no_bun, 14, "bun is not on PATH"),
    "a work folder that can't be written": (_closed_work, 15, "emptyDir"),
    "a mirror that can't be reached": (_nowhere, 17, "http://127.0.0.1:1/test/lane.git"),
    "a mirror without the repository": (_no_repository, 17, "other.git"),
    "a commit that the mirror has not": (_commit("e" * 40), 18, "git-mirror.sync"),
    "a mirror that lies": (_a_mirror_that_lies, 18, "does not give the commit"),
    "a tag's id": (_a_tag, 19, "no commit"),
    "another package.json": (_other("package.json"), 20, "package.json"),
    "another bun.lock": (_other("bun.lock"), 20, "bun.lock"),
    "another tsconfig.json": (_other("tsconfig.json"), 20, "tsconfig.json"),
    "a package.json that links to the image's": (_a_link_to_the_image, 20, "package.json"),
    "no entry": (_no_entry, 21, "src/manager/main.ts"),
}


@pytest.mark.parametrize(("change", "status", "word"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_says_what_to_do_and_starts_nothing(
    boot: Boot, mirror: Mirror, change: Callable[[Boot, Mirror], None], status: int, word: str
) -> None:
    change(boot, mirror)
    ran = boot.run()
    assert ran.returncode == status, ran.stderr
    assert word in ran.stderr
    assert "\n  next: " in ran.stderr
    assert "ran: " not in ran.stdout


@pytest.mark.skipif(os.getuid() != 0, reason="only root can try to boot as root")
def test_root_is_refused(boot: Boot) -> None:
    ran = boot.run(root=True)
    assert ran.returncode == 10
    assert "runAsNonRoot" in ran.stderr
    assert list(boot.work.iterdir()) == []


@pytest.mark.parametrize("secret", ["hunter2", "p@ss", "per%40cent"])
def test_no_credential_is_shown(boot: Boot, secret: str) -> None:
    boot.mirror = f"http://robot:{secret}@127.0.0.1:1/test/lane.git"
    ran = boot.run()
    assert ran.returncode == 17
    assert "127.0.0.1:1/test/lane.git" in ran.stderr
    assert not any(part in ran.stdout + ran.stderr for part in (secret, "robot", "ss@"))
