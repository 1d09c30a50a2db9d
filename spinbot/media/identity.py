"""The signing identity of this installation: a key and a certificate under a root of its own."""

from __future__ import annotations

import contextlib
import os
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from spinbot.disk import storage_errors
from spinbot.errors import StorageError

_FILE = "identity.pem"
_ORGANISATION = "spinbot (self-signed)"
_LIFETIME = timedelta(days=3650)
_RENEWAL = timedelta(days=365)  # without a time stamp, what an expired certificate signed no longer validates


@dataclass(frozen=True)
class Identity:
    """What signs: a private key (PKCS 8) and its certificates, leaf first, both PEM."""

    private_key: str
    certificates: str

    def __repr__(self) -> str:
        return "Identity(...)"  # a key has no place in a log


def ensure_identity(folder: Path) -> Identity:
    """The identity kept in `folder`, made on first use and renewed a year before it expires.

    The file is readable by its owner only and appears whole, whoever comes first: of two processes that start at
    once, both get the same. Raises `StorageError`.
    """
    path = folder / _FILE
    with storage_errors(path):
        folder.mkdir(parents=True, exist_ok=True)
        stored = path.read_text() if path.exists() else ""
        if stored and not _expires_soon(path, stored):
            return _parse(stored)
        handle, name = tempfile.mkstemp(prefix=".identity-", dir=folder)  # mode 0600
        try:
            with os.fdopen(handle, "w") as file:
                file.write(_new_identity())
                file.flush()
                os.fsync(file.fileno())
            if stored:
                os.replace(name, path)
            else:
                with contextlib.suppress(FileExistsError):  # another process was first: its file stands
                    os.link(name, path)
        finally:
            Path(name).unlink(missing_ok=True)
        return _parse(path.read_text())


def _parse(pem: str) -> Identity:
    key, _, certificates = pem.partition("-----END PRIVATE KEY-----\n")
    return Identity(key + "-----END PRIVATE KEY-----\n", certificates)


def _expires_soon(path: Path, pem: str) -> bool:
    from cryptography import x509

    try:
        leaf = x509.load_pem_x509_certificates(_parse(pem).certificates.encode())[0]
    except ValueError as error:
        raise StorageError(
            f"the signing identity {path} is damaged", hint="delete it; a new one is made on the next run"
        ) from error
    return leaf.not_valid_after_utc - datetime.now(UTC) < _RENEWAL


def _new_identity() -> str:
    """Key, leaf and root as PEM. The root's key is dropped: it signs this one leaf and nothing ever again."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    def named(common: str) -> x509.Name:
        return x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, _ORGANISATION),
                x509.NameAttribute(NameOID.COMMON_NAME, common),
            ]
        )

    def usage(*, signs: bool, certifies: bool) -> x509.KeyUsage:
        return x509.KeyUsage(
            digital_signature=signs,
            key_cert_sign=certifies,
            crl_sign=certifies,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )

    now = datetime.now(UTC)
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())

    def certificate(subject: str, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(named(subject))
            .issuer_name(named("spinbot root"))
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))  # clocks differ
            .not_valid_after(now + _LIFETIME)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
        )

    root = (
        certificate("spinbot root", root_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage(signs=False, certifies=True), critical=True)
        .sign(root_key, hashes.SHA256())
    )
    leaf = (
        certificate("spinbot", key.public_key())
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage(signs=True, certifies=False), critical=True)
        # The specification (14.5.1) wants one of a few purposes; this is the one that fits any signer.
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return b"".join(
        [private, leaf.public_bytes(serialization.Encoding.PEM), root.public_bytes(serialization.Encoding.PEM)]
    ).decode()
