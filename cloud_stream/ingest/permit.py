"""Who a client certificate lets speak, and for which regions. Pure."""

from collections.abc import Mapping
from typing import Any, NamedTuple

REGION_URN = "urn:voltlake:region:"
"""Prefix of the certificate's alternative names (URIs) that name a region."""


class Permit(NamedTuple):
    """A gateway's name (the common name) and its regions."""

    gateway_id: str
    regions: frozenset[str]


def read_permit(certificate: Mapping[str, Any] | None) -> Permit:
    """The permit of a verified certificate as `ssl.SSLSocket.getpeercert` gives it; an empty one permits nothing."""
    if not certificate:
        return Permit("", frozenset())
    names = [value for part in certificate.get("subject", ()) for key, value in part if key == "commonName"]
    uris = [value for key, value in certificate.get("subjectAltName", ()) if key == "URI"]
    regions = frozenset(uri.removeprefix(REGION_URN) for uri in uris if uri.startswith(REGION_URN))
    return Permit(names[0] if names else "", regions)
