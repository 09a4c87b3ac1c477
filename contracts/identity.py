"""Who sent what: names of vehicles, regions and gateways, and the identity of a message.

A message is known by `(vehicle_id, kind, boot_id, seq)`. `seq` counts from 0 without gaps per kind and boot, so that
every reader can tell a duplicate from a loss and knows the order.
"""

import re
from typing import Literal, NamedTuple, get_args

Kind = Literal["telemetry", "cells", "event"]
KINDS: tuple[Kind, ...] = get_args(Kind)

VEHICLE_ID = re.compile(r"[A-Z0-9-]{1,32}")
REGION = re.compile(r"[a-z0-9-]{1,24}")
GATEWAY_ID = REGION
BOOT_ID = re.compile(r"[0-9a-f]{8}")
MESSAGE_ID = re.compile(r"([0-9a-f]{8})/(0|[1-9][0-9]{0,17})")

ID_PROPERTY = "id"
"""Name of the MQTT user property that carries `boot_id/seq`."""


class Identity(NamedTuple):
    """The identity of one message."""

    vehicle_id: str
    kind: str
    boot_id: str
    seq: int


def message_id(boot_id: str, seq: int) -> str:
    """The value of the `id` user property."""
    return f"{boot_id}/{seq}"


def parse_message_id(text: str) -> tuple[str, int] | None:
    """`(boot_id, seq)` of an `id` user property, or None where it is malformed."""
    found = MESSAGE_ID.fullmatch(text)
    return (found[1], int(found[2])) if found else None
