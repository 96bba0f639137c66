"""Certificates by which BuildKit and a pipeline's steps know each other: one authority, made for the two alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["RENEW_BEFORE", "expires", "make_certificates"]

_VALID: Final = timedelta(days=365)
RENEW_BEFORE: Final = timedelta(days=90)
"""How long before their end certificates are made anew."""
# a clock that runs behind must not refuse what was just made
_SKEW: Final = timedelta(minutes=10)


def make_certificates(hosts: Sequence[str], *, now: datetime) -> tuple[dict[str, str], dict[str, str]]:
    """Return a server's files for ``hosts`` and a client's, each ``ca.pem``, ``cert.pem`` and ``key.pem``.

    The authority's own key is dropped: nobody can make a third certificate of it.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("agentrun BuildKit")
    authority = (
        _builder(name, name, key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    made = []
    for common, usage in (("buildkitd", ExtendedKeyUsageOID.SERVER_AUTH), ("steps", ExtendedKeyUsageOID.CLIENT_AUTH)):
        own = ec.generate_private_key(ec.SECP256R1())
        builder = (
            _builder(_name(common), name, own.public_key(), now)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        )
        if usage == ExtendedKeyUsageOID.SERVER_AUTH:
            names = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
            builder = builder.add_extension(names, critical=False)
        certificate = builder.sign(key, hashes.SHA256())
        made.append({"ca.pem": _pem(authority), "cert.pem": _pem(certificate), "key.pem": _private(own)})
    return made[0], made[1]


def expires(pem: bytes) -> datetime:
    """Return when a certificate ends; one that can't be read has ended."""
    try:
        return x509.load_pem_x509_certificate(pem).not_valid_after_utc
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(now + _VALID)
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _private(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
