"""The shape of the package: who may import whom, and that every module says what it is for and what it offers."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import envid

ROOT = Path(envid.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))

# a layer may import itself and what stands to its right
ORDER = ("tasks", "commands", "usecases", "adapters", "core")
LAYER_OF = {"__main__": "tasks", "cli": "commands", "local": "adapters"}
GENERATED = {"core/model/schemas.py"}
FOR_EVERYONE = {"errors", "text", "__init__"}
# what the pure core may use of the standard library and beyond: no files, clock, processes, network or randomness
CORE_MAY_IMPORT = {
    "__future__", "base64", "binascii", "collections", "dataclasses", "datetime", "difflib", "enum", "fractions",
    "functools", "hashlib", "html", "ipaddress", "itertools", "json", "math", "operator", "re", "shlex",
    "string", "textwrap", "types", "typing", "unicodedata", "urllib.parse", "uuid",
    "blake3", "cyclonedx", "detect_secrets", "jsonyx", "lightkube.models", "lightkube.utils.quantity", "packageurl",
    "pydantic", "pydantic_core", "yaml",
}  # fmt: skip
# loading code is no input, and a model's checks are found by their names
LOADERS = {"core/model/core.py": {"importlib", "sys"}, "core/model/light.py": {"importlib"}}


def short(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes(), str(path))


def layer_of(name: str) -> str:
    """Return the layer of ``envid.NAME`` or of a path inside the package."""
    return LAYER_OF.get(name, name)


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    """Yield every imported module, wherever the import stands, with its line."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: write imports in full"
            assert node.module is not None
            yield node.lineno, node.module
            if node.module == "envid":
                yield from ((node.lineno, f"envid.{alias.name}") for alias in node.names)


def public_names(path: Path) -> Iterator[str]:
    """Yield the names that a module defines at its top without an underscore."""
    for node in tree_of(path).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


def listed(path: Path) -> list[str] | None:
    for node in tree_of(path).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__all__":
            value = ast.literal_eval(node.value)
            assert isinstance(value, list)
            return value
    return None


def test_the_package_was_found() -> None:
    assert len(MODULES) > 30


@pytest.mark.parametrize("path", MODULES, ids=short)
def test_imports_go_one_way(path: Path) -> None:
    own = layer_of(path.relative_to(ROOT).with_suffix("").parts[0])
    for line, name in imports_of(path):
        parts = name.split(".")
        if parts[0] != "envid" or len(parts) == 1 or parts[1].startswith("__"):
            continue
        other = layer_of(parts[1])
        if other in FOR_EVERYONE:
            continue
        assert own not in FOR_EVERYONE, f"{path}:{line}: {own} imports {name}, but everyone imports {own}"
        assert ORDER.index(other) >= ORDER.index(own), f"{path}:{line}: {own} may not import {name}"


@pytest.mark.parametrize("path", [p for p in MODULES if p.is_relative_to(ROOT / "core")], ids=short)
def test_the_core_does_no_input_or_output(path: Path) -> None:
    for line, name in imports_of(path):
        may = CORE_MAY_IMPORT | LOADERS.get(short(path), set())
        allowed = name.split(".")[0] == "envid" or {name, name.split(".")[0]} & may
        assert allowed, f"{path}:{line}: the core may not import {name}"
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"open", "print", "input", "exec", "eval", "__import__"}, f"{path}:{node.lineno}"


def test_only_the_standard_library_and_declared_packages_are_imported() -> None:
    declared = {
        "blake3", "cryptography", "cyclonedx", "detect_secrets", "httpx2", "invoke", "jsonyx",
        "lightkube", "packageurl", "pydantic", "pydantic_core", "waitress", "yaml", "zstandard",
    }  # fmt: skip
    used = {name.split(".")[0] for path in MODULES for _, name in imports_of(path)}
    assert used - declared - set(sys.stdlib_module_names) <= {"envid"}


@pytest.mark.parametrize("path", MODULES, ids=short)
def test_every_module_says_what_it_is_for_in_one_sentence(path: Path) -> None:
    docstring = ast.get_docstring(tree_of(path))
    assert docstring
    assert docstring.splitlines()[0].endswith((".", ":")), docstring.splitlines()[0]


@pytest.mark.parametrize("path", [p for p in MODULES if p.name != "__init__.py"], ids=short)
def test_what_a_module_offers_is_listed_completely(path: Path) -> None:
    names = listed(path)
    assert names is not None, f"{path} has no __all__"
    defined = set(public_names(path))
    imported = {a.name for node in ast.walk(tree_of(path)) if isinstance(node, ast.ImportFrom) for a in node.names}
    assert set(names) <= defined | imported, f"{path} lists what it does not have"
    assert len(set(names)) == len(names), "a name stands twice"
    # a task is offered by its collection
    if path.is_relative_to(ROOT / "tasks"):
        return
    unlisted = {
        node.name
        for node in tree_of(path).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
    } - set(names)
    assert not unlisted, f"{path} has public names that it does not list"
    used_elsewhere = {
        alias.name
        for other in MODULES
        if other != path
        for node in ast.walk(tree_of(other))
        if isinstance(node, ast.ImportFrom) and node.module == module_name(path)
        for alias in node.names
    }
    assert used_elsewhere <= set(names), f"{path} is imported for what it does not list"


def module_name(path: Path) -> str:
    return ".".join(("envid", *path.relative_to(ROOT).with_suffix("").parts))


@pytest.mark.parametrize("path", [p for p in MODULES if short(p) not in GENERATED], ids=short)
def test_no_file_is_longer_than_a_newcomer_reads(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) < 400
