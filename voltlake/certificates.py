"""The throw-away certificates of a local stack: an authority, a server's and one for each gateway.

A gateway's certificate names it (common name) and the region it may speak for (`urn:voltlake:region:NAME`). A production
deployment brings its own authority; these are for one machine, are made on the first start and never leave it.
"""

import ipaddress
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

REGION_URN = "urn:voltlake:region:"
AUTHORITY_LIFE = timedelta(days=3650)
LIFE = timedelta(days=365)
RENEWED_BEFORE_END = timedelta(days=30)
# Clocks differ: what was signed now must be valid for one that is behind.
BACKDATED = timedelta(hours=1)
SERVER = "ingest"


class Signed(NamedTuple):
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def provide(folder: Path, gateways: list[tuple[str, str]], now: datetime) -> None:
    """Afterwards `folder` holds `ca.pem`, `ingest.pem`, and a `NAME.pem` for each `(gateway, region)`, each with its `.key`.

    What is there and valid for long enough is kept. Keys are readable by their owner alone.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    authority = load(folder, "ca")
    if authority is None or _ends_soon(authority.certificate, now):
        authority = _authority(now)
        _save(folder, "ca", authority)
    for name, wanted in [(SERVER, _server_names()), *((gateway, _client_names(region)) for gateway, region in gateways)]:
        had = load(folder, name)
        if had is None or _ends_soon(had.certificate, now) or not _is_of(had.certificate, authority, wanted):
            _save(folder, name, _sign(authority, name, wanted, is_server=name == SERVER, now=now))


def issue(folder: Path, target: Path, name: str, region: str, now: datetime) -> None:
    """Another client certificate of the folder's authority, as `target/NAME.pem` and `.key`."""
    authority = load(folder, "ca")
    if authority is None:
        raise FileNotFoundError(folder / "ca.pem")
    target.mkdir(parents=True, exist_ok=True, mode=0o700)
    _save(target, name, _sign(authority, name, _client_names(region), is_server=False, now=now))


def load(folder: Path, name: str) -> Signed | None:
    """A certificate with its key; None where either is missing or unreadable, or they do not belong together."""
    try:
        certificate = x509.load_pem_x509_certificate((folder / f"{name}.pem").read_bytes())
        key = serialization.load_pem_private_key((folder / f"{name}.key").read_bytes(), None)
    except (FileNotFoundError, ValueError):
        return None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        return None
    return Signed(certificate, key)


def _server_names() -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])


def _client_names(region: str) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([x509.UniformResourceIdentifier(REGION_URN + region)])


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _authority(now: datetime) -> Signed:
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("voltlake local authority")
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=True,
        crl_sign=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    built = (
        _dated(name, name, key, now, AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return Signed(built.sign(key, hashes.SHA256()), key)


def _sign(authority: Signed, name: str, names: x509.SubjectAlternativeName, *, is_server: bool, now: datetime) -> Signed:
    key = ec.generate_private_key(ec.SECP256R1())
    purpose = ExtendedKeyUsageOID.SERVER_AUTH if is_server else ExtendedKeyUsageOID.CLIENT_AUTH
    built = (
        _dated(_name(name), authority.certificate.subject, key, now, LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(names, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False)
    )
    return Signed(built.sign(authority.key, hashes.SHA256()), key)


def _dated(name: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, life: timedelta) -> x509.CertificateBuilder:
    now = now.astimezone(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + life)
    )


def _ends_soon(certificate: x509.Certificate, now: datetime) -> bool:
    return certificate.not_valid_after_utc - now < RENEWED_BEFORE_END


def _is_of(certificate: x509.Certificate, authority: Signed, names: x509.SubjectAlternativeName) -> bool:
    """Signed by this authority and for these names."""
    issued = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    current = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    return issued == current and certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value == names


def _save(folder: Path, name: str, signed: Signed) -> None:
    secret = signed.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    _write(folder / f"{name}.key", secret, 0o600)
    _write(folder / f"{name}.pem", signed.certificate.public_bytes(serialization.Encoding.PEM), 0o644)


def _write(path: Path, content: bytes, mode: int) -> None:
    half = path.with_name(path.name + ".tmp")
    half.unlink(missing_ok=True)
    with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(content)
    half.replace(path)
