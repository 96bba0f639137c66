"""The few things that the registry client does with a URL; httpx's own would cost more time than a plan's requests."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import parse_qsl, unquote, urlencode, urljoin, urlsplit

from envid.text import clean

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Url"]

_PRINTABLE: Final = re.compile(r"[!-~]+")
_NAME: Final = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+(?:%[a-z0-9._-]+)?")
_PORTS: Final = {"http": 80, "https": 443}


class Url(NamedTuple):
    """An absolute URL with a host: ``host`` is in lower case and without brackets; ``port`` None is the scheme's own.

    ``target`` is path and query as they are sent; ``userinfo`` and ``fragment`` never are.
    """

    scheme: str
    host: str
    port: int | None
    target: str
    userinfo: str = ""
    fragment: str = ""

    @classmethod
    def parse(cls, text: str) -> Url:
        """Parse ``text``.

        Raises:
            ValueError: it is no URL with a host, or has characters that a URL may not have.

        """
        if not _PRINTABLE.fullmatch(text):
            raise ValueError("a URL has printable ASCII characters only")
        parts = urlsplit(text)
        host = parts.hostname or ""
        if not parts.scheme or not _NAME.fullmatch(host):
            raise ValueError("it has no scheme, or no usable host")
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(parts.scheme, host, parts.port, target, parts.netloc.rpartition("@")[0], parts.fragment)

    @property
    def netloc(self) -> str:
        """Host and port, as the ``Host`` header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"

    @property
    def origin(self) -> tuple[str, str, int | None]:
        """Scheme, host and port, default ports written out."""
        return self.scheme, self.host, _PORTS.get(self.scheme) if self.port is None else self.port

    @property
    def login(self) -> tuple[str, str] | None:
        """User name and password, decoded; None where there is no user name."""
        name, _, password = self.userinfo.partition(":")
        return (unquote(name), unquote(password)) if name else None

    @property
    def shown(self) -> str:
        """For a message: without user, password, query and fragment, any of which may be a secret."""
        return clean(f"{self.scheme}://{self.netloc}{self.target.partition('?')[0]}")

    def with_scheme(self, scheme: str) -> Url:
        """Return the same with another scheme."""
        return self._replace(scheme=scheme)

    def with_query(self, parameters: Mapping[str, str]) -> Url:
        """Return the same with ``parameters`` in the query; they replace those of the same name."""
        path, _, query = self.target.partition("?")
        kept = [(k, v) for k, v in parse_qsl(query, keep_blank_values=True) if k not in parameters]
        return self._replace(target=f"{path}?{urlencode([*kept, *parameters.items()])}")

    def join(self, reference: str) -> Url:
        """Return where ``reference`` leads from here.

        Raises:
            ValueError: to no URL with a host.

        """
        return Url.parse(urljoin(str(self), reference))

    def __str__(self) -> str:
        return f"{self.scheme}://{self.netloc}{self.target}"
