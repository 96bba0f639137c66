"""The registry (R4): ``Registry`` asks it, and every failure is one of five errors that tell what is known.

From the outside in: ``client`` (what the answers prove), ``door`` (where to ask, logins, redirects),
``authorization`` and ``docker_config``, ``exchange`` (retries, limits), ``transport`` and ``network`` (deadlines).
"""

from envid.adapters.registry.client import Manifest, Registry
from envid.adapters.registry.errors import (
    RegistryAbsent,
    RegistryBroken,
    RegistryDenied,
    RegistryTimeout,
    RegistryUnreachable,
)
from envid.adapters.registry.transport import BoundedTransport

__all__ = [
    "BoundedTransport",
    "Manifest",
    "Registry",
    "RegistryAbsent",
    "RegistryBroken",
    "RegistryDenied",
    "RegistryTimeout",
    "RegistryUnreachable",
]
