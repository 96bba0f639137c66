"""Renders deploy.json and the catalog into the manifests of the runtime path: digest-pinned and byte-stable (R8)."""

from envid.core.render.pods import RUNTIME_USER
from envid.core.render.runtime import render_runtime
from envid.core.render.yamltext import manifest_bytes

__all__ = ["RUNTIME_USER", "manifest_bytes", "render_runtime"]
