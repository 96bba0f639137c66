"""Read ``bun.lock``, Bun's text lockfile, and answer what depends on what in it (R16)."""

from envid.core.bunlock.graph import LockGraph, graph_of, last_name, parent_place, resolve
from envid.core.bunlock.model import BunLock, Needs, Package, Source, Workspace
from envid.core.bunlock.read import KNOWN_VERSIONS, is_binary_lock, read_lock

__all__ = [
    "KNOWN_VERSIONS",
    "BunLock",
    "LockGraph",
    "Needs",
    "Package",
    "Source",
    "Workspace",
    "graph_of",
    "is_binary_lock",
    "last_name",
    "parent_place",
    "read_lock",
    "resolve",
]
