"""The local stack's certificates: what they say, who may read them, when they are renewed."""

import ssl
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from voltlake import certificates

NOW = datetime.now(UTC)
GATEWAYS = [("eu-north-1", "eu-north"), ("us-east-1", "us-east")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    certificates.provide(tmp_path / "certificates", GATEWAYS, NOW)
    return tmp_path / "certificates"


def serials(folder: Path) -> dict[str, int]:
    return {path.stem: x509.load_pem_x509_certificate(path.read_bytes()).serial_number for path in folder.glob("*.pem")}


def test_keys_are_readable_by_their_owner_alone(folder: Path) -> None:
    keys = list(folder.glob("*.key"))
    assert {path.stem for path in keys} == {"ca", "ingest", "eu-north-1", "us-east-1"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in keys} == {0o600}


def test_a_gateway_is_named_with_the_region_it_may_speak_for(folder: Path) -> None:
    certificate = x509.load_pem_x509_certificate((folder / "us-east-1.pem").read_bytes())
    assert certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "us-east-1"
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == ["urn:voltlake:region:us-east"]


@pytest.mark.parametrize(("name", "purpose"), [("ingest", "sslserver"), ("eu-north-1", "sslclient")])
def test_openssl_takes_them_for_their_purpose_only(folder: Path, name: str, purpose: str) -> None:
    other = "sslclient" if purpose == "sslserver" else "sslserver"
    verify = ["openssl", "verify", "-CAfile", str(folder / "ca.pem"), "-purpose"]
    assert subprocess.run([*verify, purpose, str(folder / f"{name}.pem")], capture_output=True, check=False).returncode == 0
    assert subprocess.run([*verify, other, str(folder / f"{name}.pem")], capture_output=True, check=False).returncode != 0


def test_they_load_into_a_tls_context(folder: Path) -> None:
    context = ssl.create_default_context(cafile=folder / "ca.pem")
    context.load_cert_chain(folder / "eu-north-1.pem", folder / "eu-north-1.key")


def test_what_is_valid_is_kept_and_a_new_gateway_is_added(folder: Path) -> None:
    before = serials(folder)
    certificates.provide(folder, [*GATEWAYS, ("us-east-2", "us-east")], NOW + timedelta(days=1))
    after = serials(folder)
    assert after.pop("us-east-2")
    assert after == before


def test_what_ends_soon_is_renewed(folder: Path) -> None:
    before = serials(folder)
    certificates.provide(folder, GATEWAYS, NOW + certificates.LIFE - timedelta(days=10))
    after = serials(folder)
    assert after["ca"] == before["ca"]
    assert all(after[name] != before[name] for name in ("ingest", "eu-north-1", "us-east-1"))


def test_a_new_authority_renews_all(folder: Path) -> None:
    before = serials(folder)
    (folder / "ca.key").unlink()
    certificates.provide(folder, GATEWAYS, NOW)
    assert not set(before.values()) & set(serials(folder).values())


def test_a_key_that_does_not_belong_to_its_certificate_is_replaced(folder: Path) -> None:
    (folder / "ingest.key").write_bytes((folder / "eu-north-1.key").read_bytes())
    certificates.provide(folder, GATEWAYS, NOW)
    assert certificates.load(folder, "ingest") is not None


def test_a_gateway_that_changes_its_region_gets_another(folder: Path) -> None:
    before = serials(folder)
    certificates.provide(folder, [("eu-north-1", "us-east")], NOW)
    assert serials(folder)["eu-north-1"] != before["eu-north-1"]
