"""The Invoke collection: flags in, ``envid.commands`` out.

Another repository takes it over in two lines::

from envid.tasks import namespace
ns = namespace
"""

from __future__ import annotations

from invoke.collection import Collection

from envid.tasks import check, delivery, images, inspect, lane, local, mirror, release, secrets, source

__all__ = ["namespace"]


def _namespace() -> Collection:
    root = Collection()
    for module in (check, delivery, inspect, images, mirror, source, lane, release, secrets, local):
        module.add_to(root)
    return root


namespace = _namespace()
