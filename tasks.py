"""The commands of this lane; everything is in the ``envid`` package."""

from envid.tasks import namespace as ns

__all__ = ["ns"]
