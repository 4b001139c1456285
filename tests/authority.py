"""Certificates for tests: authorities of an hour, and what they sign for `localhost`."""

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NAME = "mammosynth-test"
_PEM = serialization.Encoding.PEM


class Authority:
    """Signs certificates; `pem` is its own."""

    def __init__(self, name: str = "authority") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        self._certificate = _signed(self._name, self._name, self._key.public_key(), self._key)
        self.pem = self._certificate.public_bytes(_PEM)

    def signed(self, name: str = NAME, names: Sequence[str] = ("localhost", NAME)) -> tuple[bytes, bytes]:
        """A certificate for these names, and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _signed(_name(name), self._name, key.public_key(), self._key, names=names)
        plain = serialization.NoEncryption()
        return certificate.public_bytes(_PEM), key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, plain)


class MountedSecret:
    """A folder with tls.crt, tls.key and ca.crt that is replaced as the kubelet does it: all at once, by a link."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._versions = 0
        folder.mkdir(parents=True)

    def put(self, signer: Authority, trusted: bytes | None = None) -> "MountedSecret":
        certificate, key = signer.signed()
        self._versions += 1
        version = self.folder / f"..version-{self._versions}"
        version.mkdir()
        for name, data in {"tls.crt": certificate, "tls.key": key, "ca.crt": trusted or signer.pem}.items():
            (version / name).write_bytes(data)
            if not (self.folder / name).is_symlink():
                (self.folder / name).symlink_to(Path("..data") / name)
        (self.folder / "..new").symlink_to(version.name)
        (self.folder / "..new").replace(self.folder / "..data")
        return self

    @property
    def certificate(self) -> Path:
        return self.folder / "tls.crt"

    @property
    def key(self) -> Path:
        return self.folder / "tls.key"

    @property
    def ca(self) -> Path:
        return self.folder / "ca.crt"


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _signed(
    subject: x509.Name, issuer: x509.Name, public: Any, signer: Any, names: Sequence[str] = ()
) -> x509.Certificate:

    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=not names, path_length=None), critical=True)
    )
    if names:
        alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        builder = builder.add_extension(alternatives, critical=False)
    return builder.sign(signer, hashes.SHA256())
