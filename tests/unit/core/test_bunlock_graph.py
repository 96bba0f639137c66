from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from envid.core.bunlock import graph_of, parent_place, read_lock, resolve


def lock_text(packages: Mapping[str, object], root: Mapping[str, object] | None = None, **more: object) -> bytes:
    document = {"lockfileVersion": 1, "workspaces": {"": root or {"name": "x"}}, "packages": packages, **more}
    return json.dumps(document).encode()


def npm(name: str, version: str, **info: object) -> list[object]:
    return [f"{name}@{version}", "", info, f"sha512-{name}{version}"]


@pytest.mark.parametrize(
    ("place", "parent"),
    [
        ("a", ""),
        ("@s/a", ""),
        ("a/b", "a"),
        ("a/@s/b", "a"),
        ("@s/a/b", "@s/a"),
        ("@s/a/@t/b", "@s/a"),
        ("a/@s/b/c", "a/@s/b"),
    ],
)
def test_scoped_names_are_one_step_of_a_place(place: str, parent: str) -> None:
    assert parent_place(place) == parent


def test_a_dependency_is_looked_up_outwards() -> None:
    packages = dict.fromkeys(["d", "a/d", "a/@s/b/d", "a/@s/b/c"])
    assert resolve(packages, "a/@s/b/c", "d") == "a/@s/b/d"
    assert resolve(packages, "a/x", "d") == "a/d"
    assert resolve(packages, "b", "d") == "d"
    assert resolve(packages, "b", "none") is None


def test_production_takes_peers_and_optional_but_no_dev_dependencies() -> None:
    root = {
        "name": "x",
        "dependencies": {"p": "1"},
        "devDependencies": {"d": "1", "both": "1"},
        "optionalDependencies": {"o": "1", "absent": "1"},
        "peerDependencies": {"peer": "1", "both": "1", "gone": "1"},
        "optionalPeers": ["both", "gone"],
    }
    packages = {name: npm(name, "1.0.0") for name in ("p", "d", "o", "peer", "both")}
    packages["d"] = npm("d", "1.0.0", dependencies={"under-d": "1"})
    packages["p"] = npm("p", "1.0.0", peerDependencies={"d2": "1"}, optionalPeers=["d2"])
    packages |= {name: npm(name, "1.0.0") for name in ("under-d", "d2", "nobody")}
    graph = graph_of(read_lock(lock_text(packages, root)))
    assert graph.production == {"p", "o", "peer", "both", "d2"}
    assert graph.reached == graph.production | {"d", "under-d"}
    assert graph.direct == {"p", "o", "peer", "both", "d"}
    assert graph.path_to("under-d") == ("d", "under-d")
    assert graph.path_to("nobody") == ()
    assert graph.unresolved == ()


def test_a_mandatory_dependency_without_a_package_is_told() -> None:
    packages = {"a": npm("a", "1.0.0", dependencies={"gone": "1"}, optionalDependencies={"may-go": "1"})}
    graph = graph_of(read_lock(lock_text(packages, {"dependencies": {"a": "1", "lost": "1"}})))
    assert graph.unresolved == (("", "lost"), ("a", "gone"))


def test_the_shortest_way_is_told_and_a_production_package_by_production_steps() -> None:
    packages = {
        "a": npm("a", "1.0.0", dependencies={"b": "1"}),
        "b": npm("b", "1.0.0", dependencies={"c": "1"}),
        "c": npm("c", "1.0.0"),
        "dev": npm("dev", "1.0.0", dependencies={"c": "1", "e": "1"}),
        "e": npm("e", "1.0.0"),
    }
    root = {"dependencies": {"a": "1"}, "devDependencies": {"dev": "1"}}
    graph = graph_of(read_lock(lock_text(packages, root)))
    assert graph.path_to("c") == ("a", "b", "c")
    assert graph.path_to("e") == ("dev", "e")


def test_a_cycle_ends() -> None:
    packages = {
        "a": npm("a", "1.0.0", dependencies={"b": "1"}),
        "b": npm("b", "1.0.0", dependencies={"a": "1"}),
    }
    assert graph_of(read_lock(lock_text(packages, {"dependencies": {"a": "1"}}))).production == {"a", "b"}
