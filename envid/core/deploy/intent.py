"""The parts of runtime intent that services share: amounts, references, volumes, network, Postgres, providers (R8).

Every text is bounded and has the form that Kubernetes asks of the object it ends up in.
"""

from __future__ import annotations

from ipaddress import ip_network
from typing import Annotated, Any, Final, Literal

from envid.core.model.words import ConfigDict, Field, StrictModel, field_validator

__all__ = [
    "Amounts",
    "ConfigKey",
    "Egress",
    "EnvKey",
    "Ingress",
    "KeyRef",
    "Model",
    "Name",
    "Network",
    "ObjectName",
    "Port",
    "PortName",
    "Postgres",
    "PostgresSecret",
    "Provider",
    "Quantity",
    "Resources",
    "Text",
    "UrlPath",
    "Volume",
    "amount",
]

# lengths stand beside the patterns, not in them: a bounded repetition makes a pattern slow to compile
Name = Annotated[str, Field(pattern=r"^[a-z]([a-z0-9-]*[a-z0-9])?$", max_length=40)]
ObjectName = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", max_length=63)]
Quantity = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$", max_length=12)]
EnvKey = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$", max_length=128)]
ConfigKey = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$", max_length=253)]
UrlPath = Annotated[str, Field(pattern=r"^/[A-Za-z0-9._~/-]*$", max_length=256)]
FolderPath = Annotated[str, Field(pattern=r"^(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+$", max_length=255)]
Port = Annotated[int, Field(ge=1, le=65535)]
PortName = Annotated[str, Field(pattern=r"^[a-z]([a-z0-9-]*[a-z0-9])?$", max_length=15)]
SqlName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=63)]
# no control characters but newline and tab: such text could not be written as YAML and read back the same
Text = Annotated[str, Field(max_length=4096, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f-\x9f]*$")]

_UNITS: Final[dict[str, int]] = {
    "m": 1,
    "": 1000,
    **{unit: 1000 ** (power + 2) for power, unit in enumerate("kMGT")},
    **{f"{unit}i": 1000 * 1024 ** (power + 1) for power, unit in enumerate("KMGT")},
}
"""In thousandths."""
_DECIMALS: Final = 12  # the longest quantity has fewer


def amount(quantity: str) -> int:
    """Return what one of Kubernetes' quantities amounts to, exactly: in 10^-15 of a core or byte."""
    digits = quantity.rstrip("mkMGTKi")
    whole, _, part = digits.partition(".")
    return int(whole + part.ljust(_DECIMALS, "0")) * _UNITS[quantity[len(digits) :]]


class Model(StrictModel):
    """A strict model whose sequences are tuples; its validator is made at the first use, not at import."""

    model_config = ConfigDict(defer_build=True)

    @field_validator("*", mode="before")
    @classmethod
    def _lists_are_tuples(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value


class Amounts(Model):
    """CPU, memory and scratch disk in Kubernetes' quantities, as ``100m`` and ``256Mi``."""

    cpu: Quantity
    memory: Quantity
    ephemeral_storage: Quantity | None = None


class Resources(Model):
    """What a container asks for, and what it may take at most."""

    requests: Amounts
    limits: Amounts


class KeyRef(Model):
    """One key of a ConfigMap or Secret, by name; ``optional`` lets the container start without it."""

    name: ObjectName
    key: ConfigKey
    optional: bool = False


class Volume(Model):
    """Storage that outlives a pod. ``storage_class`` is the cluster's default where it is left out."""

    name: Name
    mount_path: FolderPath
    size: Quantity
    storage_class: ObjectName | None = None


class Egress(Model):
    """A way out of the namespace: TCP to some addresses and ports. ``reason`` is for the reader."""

    reason: Text
    cidr: str
    except_cidrs: tuple[str, ...] = ()
    ports: Annotated[tuple[Port, ...], Field(min_length=1, max_length=16)]

    @field_validator("cidr", "except_cidrs")
    @classmethod
    def _networks(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        for text in (value,) if isinstance(value, str) else value:
            try:
                ip_network(text)
            except ValueError:
                raise ValueError(f"{text!r} is not a network, as 10.0.0.0/8") from None
            if "/" not in text:
                raise ValueError(f"{text!r} has no prefix length, as /32")
        return value


class Network(Model):
    """Who may talk to a service from outside its namespace, and where to it may talk; all else is denied."""

    ingress_namespaces: tuple[ObjectName, ...] = ()
    egress: Annotated[tuple[Egress, ...], Field(max_length=32)] = ()


class PostgresSecret(Model):
    """The Secret with Postgres' credentials, by name and keys; its values exist in the cluster only."""

    name: ObjectName
    url_key: ConfigKey = "DATABASE_URL"
    password_key: ConfigKey = "POSTGRES_PASSWORD"  # noqa: S105 - a key's name

    @property
    def url(self) -> KeyRef:
        """Where ``DATABASE_URL`` is."""
        return KeyRef(name=self.name, key=self.url_key)

    @property
    def password(self) -> KeyRef:
        """Where Postgres' own password is."""
        return KeyRef(name=self.name, key=self.password_key)


class Postgres(Model):
    """The lane's own Postgres. Its image is pinned in ``deploy/runtime/images.json``."""

    name: ObjectName
    database: SqlName
    user: SqlName
    storage: Quantity
    storage_class: ObjectName | None = None
    resources: Resources
    secret: PostgresSecret


class Provider(Model):
    """A Code Agent provider: its profile, and the Secret that holds the profile's files."""

    profile: Name
    secret_name: ObjectName


class Ingress(Model):
    """The place of a public entrance. There is none: it needs a reviewed specification first."""

    public: Literal[False]
