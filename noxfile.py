"""One door for every check: ``nox --list`` names them, ``nox -s lint types`` runs some, ``nox`` alone what CI asks for.

Every session runs the locked tools of ``.venv``, which ``script/bootstrap`` makes; none has an environment of its own.
What comes after ``--`` goes to the tool: ``nox -s tests -- tests/unit -k plan``.
"""
# ruff: noqa: D401 - a session's docstring is its line in the list

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

import nox

ROOT: Final = Path(__file__).parent
VERSION_FILE: Final = ROOT / "envid/__init__.py"

nox.needs_version = ">=2026.10"
nox.options.default_venv_backend = "none"
nox.options.error_on_external_run = False
nox.options.sessions = ["lint", "types", "typescript", "manifests", "tests"]
os.environ["PATH"] = f"{ROOT / '.venv/bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"


@nox.session
def lint(session: nox.Session) -> None:
    """Formatting and lint; ``nox -s lint -- --fix`` mends what can be mended."""
    if "--fix" in session.posargs:
        session.run("ruff", "check", "--fix", ".")
        session.run("ruff", "format", ".")
        return
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """The types of the package, its tests and this file."""
    session.run("mypy", *session.posargs)


@nox.session
def typescript(session: nox.Session) -> None:
    """The lane's own service: frozen install, types and tests with the pinned Bun."""
    session.run("script/check-typescript")


@nox.session
def tests(session: nox.Session) -> None:
    """All tests but the end-to-end ones; those of ``tests/integration`` start registry, BuildKit and mirror (root)."""
    session.run("bash", "-c", 'source script/ca-bundle; exec pytest "$@"', "tests", *session.posargs)


@nox.session
def e2e(session: nox.Session) -> None:
    """The end-to-end tests, on the cluster that KUBECONFIG names."""
    session.run("script/e2e", *session.posargs)


@nox.session
def manifests(session: nox.Session) -> None:
    """The golden manifests, by kube-score (Go, and the network at the first run)."""
    session.run("script/lint-manifests")


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation: reference as the code has it, links, spelling, and the site, in .site."""
    session.run("python", "script/docs-reference", "--check")
    session.run("codespell", "--skip=docs/bench/*", "README.md", "CONTRIBUTING.md", "docs", "changelog.d", "mkdocs.yml")
    session.run("mkdocs", "build", "--strict", "--quiet", env={"NO_MKDOCS_2_WARNING": "1"})


@nox.session
def audit(session: nox.Session) -> None:
    """The locked dependencies, by the advisories; ``-- --strict`` fails where no advisory service answers."""
    session.run("script/audit", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """What is fast, measured beside what people would run instead: minutes, and root for the builds."""
    session.run("python", "-m", "bench", *session.posargs)


@nox.session
def lock(session: nox.Session) -> None:
    """Lock the Python packages again, after a change in pyproject.toml."""
    session.run("script/lock-requirements")


@nox.session
def changelog(session: nox.Session) -> None:
    """Show what the next release's changelog would say."""
    session.run("towncrier", "build", "--draft", "--version", "next")


@nox.session
def wheel(session: nox.Session) -> None:
    """The wheel, in dist/."""
    session.run("python", "-m", "hatchling", "build", "--target", "wheel", "--directory", "dist")


@nox.session
def release(session: nox.Session) -> None:
    """``nox -s release -- 0.2.0``: the version, its changelog and its wheel; committing and tagging stay with you."""
    if len(session.posargs) != 1 or not re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+", session.posargs[0]):
        session.error("name the version: nox -s release -- 0.2.0")
    if session.run("git", "status", "--porcelain", silent=True):
        session.error("there are changes that are not committed: commit or stash them first")
    (version,) = session.posargs
    text = VERSION_FILE.read_text("utf-8")
    VERSION_FILE.write_text(re.sub(r'(?m)^__version__ = ".*"$', f'__version__ = "{version}"', text), "utf-8")
    session.run("towncrier", "build", "--yes", "--version", version)
    wheel(session)
    session.log(f"look at it, then: git commit --all --message 'Release {version}' && git tag v{version}")
