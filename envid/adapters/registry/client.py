"""The registry client: what a reference names, proved as far as each question needs it (R4)."""

from __future__ import annotations

import random
import time
from http import HTTPStatus
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from envid.adapters.registry.answers import content_of, lie, require_absence
from envid.adapters.registry.authorization import Authorization
from envid.adapters.registry.door import Door, Places
from envid.adapters.registry.errors import RegistryAbsent, RegistryBroken, error_for
from envid.adapters.registry.exchange import RETRIED, Exchange
from envid.adapters.registry.network import Deadline
from envid.adapters.registry.transport import BoundedTransport
from envid.core.manifest import (
    ACCEPTED_TYPES,
    INDEX_TYPES,
    SCHEMA2_MANIFEST,
    ManifestContent,
    digest_of,
    parse_digest_header,
    parse_media_type,
)
from envid.core.values import Digest, ImageReference
from envid.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from envid.adapters.registry.docker_config import DockerConfig
    from envid.core.manifest import Descriptor

__all__ = ["Manifest", "Registry"]

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
_NO_REALMS: Final[Mapping[str, frozenset[str]]] = MappingProxyType({})


class Manifest(NamedTuple):
    """A manifest whose bytes were fetched and hashed: ``size`` is their number, ``reference`` is pinned to them."""

    reference: ImageReference
    digest: Digest
    media_type: str
    size: int
    body: bytes

    def __repr__(self) -> str:
        return f"Manifest({self.reference}, {self.media_type}, {self.size} bytes)"


class _Found(NamedTuple):
    """What one question told: by header only (``body`` None), or by the bytes themselves."""

    digest: Digest
    content: ManifestContent | None = None
    body: bytes | None = None


class _Missing(NamedTuple):
    """A registry's believable word that there is no such manifest: ``says`` is its answer."""

    says: str


class Registry:
    """A client of any registry, by reference. May be used from several threads; close it, or use ``with``.

    Loopback hosts and ``insecure_hosts`` are spoken to in plain HTTP, all others in TLS that verifies.
    ``path_prefixes`` gives, per host, the path below which a registry serves ``/v2/``. ``trusted_realms`` gives, per
    registry host, the hosts of token realms that may get that registry's login. ``docker_config`` None reads the
    user's, when a registry first asks for a login. ``deadline`` is in seconds, for each call of a method as a whole.
    """

    def __init__(  # noqa: PLR0913 - every one is a setting or a door for tests; all have defaults
        self,
        *,
        transport: BoundedTransport | None = None,
        insecure_hosts: frozenset[str] = frozenset(),
        path_prefixes: Mapping[str, str] = _NOTHING,
        trusted_realms: Mapping[str, frozenset[str]] = _NO_REALMS,
        docker_config: DockerConfig | None = None,
        deadline: float = 14.0,
        attempts: int = 4,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        rng: Callable[[], float] = random.random,
    ) -> None:
        self._transport = BoundedTransport() if transport is None else transport
        self._seconds = deadline
        self._clock = clock
        places = Places(insecure_hosts, path_prefixes)
        exchange = Exchange(self._transport, sleep=sleep, rng=rng, wall=wall, attempts=attempts)
        authorization = Authorization(
            exchange, config=docker_config, trusted_realms=trusted_realms, may_use=places.may_use, clock=clock
        )
        self._door = Door(exchange, authorization, places)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        self._transport.close()

    def probe(self, reference: ImageReference) -> Digest | None:
        """Return the digest that the registry's header names for ``reference``; None means absent, and only that.

        One HEAD where the image is there as schema2, or is asked for by digest. The header is taken at its word, so
        compare the answer with a digest that is known already, or use `digest`.

        Raises:
            RegistryError: neither present nor absent could be established.

        """
        deadline = self._deadline()
        found = self._probe(reference, deadline)
        return None if isinstance(found, _Missing) else found.digest

    def resolve(self, reference: ImageReference) -> Digest:
        """Return the digest of what ``reference`` names, proved by its bytes: one GET, whose body is hashed.

        All four types are asked for at once, schema2 first: so an index gives its own digest, and not a child's. What
        is only shown needs no more proof than that; before a digest is written anywhere, ask for `digest`. A digest
        reference is confirmed by HEAD.

        Raises:
            RegistryAbsent: there is no such manifest.
            RegistryError: its digest could not be proved.

        """
        deadline = self._deadline()
        found = self._get(reference, deadline) if reference.digest is None else self._probe(reference, deadline)
        if isinstance(found, _Missing):
            raise _absent(reference, found)
        return found.digest

    def digest(self, reference: ImageReference) -> Digest:
        """Return the verified digest of what ``reference`` names.

        For a tag: HEAD, then the manifest's bytes, hashed, then HEAD by that digest; all three must agree, and a tag
        that moved in between is asked for once more. A digest reference is confirmed by HEAD.

        Raises:
            RegistryAbsent: there is no such manifest.
            RegistryError: its digest could not be verified.

        """
        deadline = self._deadline()
        first = self._probe(reference, deadline)
        if isinstance(first, _Missing):
            raise _absent(reference, first)
        if reference.digest is not None:
            return first.digest
        named = first if first.content is not None else self._get(reference, deadline)
        if isinstance(named, _Missing):
            raise lie(f"{reference} is there for HEAD, but {named.says}")
        # A registry that is asked for schema2 alone may answer an index's tag with one of its children.
        is_index = named.content is not None and named.content.media_type in INDEX_TYPES
        if named.digest != first.digest and not is_index and not self._has_moved(reference, named, deadline):
            raise lie(f"{reference} is {first.digest} by its header, and {named.digest} by its bytes")
        if isinstance(self._probe(reference.with_digest(named.digest), deadline), _Missing):
            raise lie(f"{reference} is {named.digest} by tag, which the registry does not have by digest")
        return named.digest

    def manifest(self, reference: ImageReference) -> Manifest:
        """Fetch the manifest that ``reference`` pins, and hash its bytes.

        Raises:
            InputError: the reference has no digest.
            RegistryAbsent: there is no such manifest.
            RegistryError: the registry sent something else, or nothing.

        """
        pinned = _pinned(reference)
        deadline = self._deadline()
        found = self._fetch(pinned, deadline)
        assert found.content is not None  # noqa: S101 - _fetch reads the bytes
        assert found.body is not None  # noqa: S101
        return Manifest(pinned, found.digest, found.content.media_type, len(found.body), found.body)

    def config(self, reference: ImageReference) -> bytes:
        """Fetch the config of the image that ``reference`` pins, and hash its bytes.

        Raises:
            InputError: the reference has no digest.
            RegistryError: the registry does not have it, or sent something else; or it is an index, which has none.

        """
        pinned = _pinned(reference)
        deadline = self._deadline()
        content = self._fetch(pinned, deadline).content
        assert content is not None  # noqa: S101 - _fetch reads the bytes
        if not content.blobs:
            raise InputError(f"{pinned} is an index: it has no config", remedy="name the image of one platform")
        blob = content.blobs[0]
        answer = self._door.ask("GET", pinned, "blobs", blob.digest, ("*/*",), deadline)
        if answer.status != HTTPStatus.OK:
            raise error_for(answer, pinned.host)
        if digest_of(answer.body) != blob.digest:
            raise lie(f"{answer}, but with bytes whose digest is {digest_of(answer.body)}")
        return answer.body

    def platform_digest(self, reference: ImageReference, platform: str) -> Digest:
        """Return the digest of the image that ``reference`` pins for ``platform``, as ``linux/amd64``.

        That of an index is its manifest for the platform; an image has no other than its own.

        Raises:
            InputError: the reference has no digest, or the index has nothing for the platform.
            RegistryAbsent: there is no such manifest.
            RegistryError: the registry sent something else, or nothing.

        """
        pinned = _pinned(reference)
        found = self._fetch(pinned, self._deadline())
        assert found.content is not None  # noqa: S101 - _fetch reads the bytes
        if found.content.media_type not in INDEX_TYPES:
            return found.digest
        child = found.content.child_for(platform)
        if child is None:
            offered = ", ".join(sorted({c.platform for c in found.content.children if c.platform})) or "none by name"
            raise InputError(
                f"{pinned} has no image for {platform}",
                cause=f"it is an index of {offered}",
                remedy="pin an image that has the platform, or change the service's platform in deploy/deploy.json",
                code="platform-missing",
            )
        return child.digest

    def verify_complete(self, reference: ImageReference) -> None:
        """Fetch the manifest by digest, hash its bytes, and see that config and layers are there, with their sizes.

        Of an index, every child is seen to in the same way.

        Raises:
            InputError: the reference has no digest.
            RegistryAbsent: the manifest is not there.
            RegistryBroken: a part of the image is not there, or a digest does not fit its bytes.

        """
        pinned = _pinned(reference)
        deadline = self._deadline()
        seen: set[Digest] = set()
        waiting = [pinned]
        while waiting:
            current = waiting.pop()
            content = self._fetch(current, deadline).content
            assert content is not None  # noqa: S101 - _fetch reads the bytes
            for blob in content.blobs:
                if blob.digest not in seen and not blob.is_foreign:
                    seen.add(blob.digest)
                    self._confirm_blob(current, blob, deadline)
            for child in content.children:
                if child.digest not in seen:
                    seen.add(child.digest)
                    waiting.append(pinned.with_digest(child.digest))

    def _deadline(self) -> Deadline:
        return Deadline(self._seconds, self._clock)

    def _has_moved(self, reference: ImageReference, named: _Found, deadline: Deadline) -> bool:
        """Tell whether the header now names what the bytes were: then the tag moved, and nobody lied."""
        again = self._probe(reference, deadline)
        return isinstance(again, _Found) and again.digest == named.digest

    def _probe(self, reference: ImageReference, deadline: Deadline) -> _Found | _Missing:
        # A tag is asked for as schema2 alone, or registries answer in an older or another form. A digest can only
        # mean one sequence of bytes, so every form may be named at once.
        accept = (SCHEMA2_MANIFEST,) if reference.digest is None else ACCEPTED_TYPES
        answer = self._door.ask("HEAD", reference, "manifests", _selector(reference), accept, deadline)
        if answer.status == HTTPStatus.OK:
            digest = parse_digest_header(answer.headers.get("docker-content-digest"))
            typed = parse_media_type(answer.headers.get("content-type")) in accept
            if typed and digest is not None and reference.digest in {None, digest}:
                return _Found(digest)
        elif answer.status in RETRIED:
            raise error_for(answer, reference.host)
        # Not found, HEAD not allowed, a header that is missing or odd, a refusal without its reason: the body knows.
        return self._get(reference, deadline)

    def _get(self, reference: ImageReference, deadline: Deadline) -> _Found | _Missing:
        answer = self._door.ask("GET", reference, "manifests", _selector(reference), ACCEPTED_TYPES, deadline)
        if answer.status == HTTPStatus.NOT_FOUND:
            require_absence(answer, reference)
            return _Missing(str(answer))
        if answer.status != HTTPStatus.OK:
            raise error_for(answer, reference.host)
        content = content_of(answer)
        digest = digest_of(answer.body)
        header = parse_digest_header(answer.headers.get("docker-content-digest"))
        if reference.digest is not None and digest != reference.digest:
            raise lie(f"{answer}, but with bytes whose digest is {digest}")
        if header is not None and header != digest:
            raise lie(f"{answer} and names {header}, but the bytes' digest is {digest}")
        return _Found(digest, content, answer.body)

    def _fetch(self, reference: ImageReference, deadline: Deadline) -> _Found:
        found = self._get(reference, deadline)
        if isinstance(found, _Missing):
            raise _absent(reference, found)
        return found

    def _confirm_blob(self, owner: ImageReference, blob: Descriptor, deadline: Deadline) -> None:
        answer = self._door.ask("HEAD", owner, "blobs", blob.digest, ("*/*",), deadline)
        length = answer.headers.get("content-length")
        if answer.status == HTTPStatus.NOT_FOUND:
            problem = "the registry does not have it"
        elif answer.status != HTTPStatus.OK:
            raise error_for(answer, owner.host)
        elif length is not None and length != str(blob.size):
            problem = f"the registry has {length[:20]} bytes of {blob.size}"
        else:
            return
        raise RegistryBroken(
            f"{owner} is incomplete: its blob {blob.digest} is not usable",
            cause=problem,
            remedy="build and push the image again: invoke publish",
            code="registry-incomplete",
        )


def _selector(reference: ImageReference) -> str:
    return reference.digest or reference.tag or "latest"


def _pinned(reference: ImageReference) -> ImageReference:
    if reference.digest is None:
        raise InputError(
            f"{reference} is not pinned by digest", remedy=f"invoke registry.digest {reference} tells its digest"
        )
    return reference.with_digest(reference.digest)


def _absent(reference: ImageReference, missing: _Missing) -> RegistryAbsent:
    return RegistryAbsent(
        f"{reference} is absent: {missing.says}",
        cause="the registry says that it has no such manifest, in any of the four forms",
        remedy="check the name; an env image is built and pushed by: invoke publish",
    )
