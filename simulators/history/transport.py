"""When a message of the past would have arrived, what its unit's clock would have said, and under which boot and seq it came.

The same plan that a live publisher carries out, applied to times. Outages hold messages back until they end; then they come
at `BACKLOG_PER_S` a second. What a live run breaks on the wire (corrupt, duplicate) has no place in history.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from simulators.physics import draws
from simulators.scenarios.plan import Fault

TYPICAL_MS = 120.0
SPREAD = 0.5
"""Median delay from sensor to gateway over a mobile network, and the spread of its logarithm (Nokia 2021: 50 to 300 ms)."""
BACKLOG_PER_S = 20.0
_DELAY, _EXTRA, _BOOT = 821, 822, 823


class Journey(NamedTuple):
    """Of each message: the unit's time stamp and the arrival (epoch ms), the boot's number, and whether it was ever sent."""

    ts: np.ndarray
    received_at: np.ndarray
    boot: np.ndarray
    sent: np.ndarray


def delayed_ms(key: draws.Words, due_ms: np.ndarray) -> np.ndarray:
    """Delay from sensor to gateway of messages that nothing holds back, in ms."""
    return TYPICAL_MS * np.exp(SPREAD * draws.normal(key, _DELAY, due_ms))


def travelled(key: draws.Words, due_ms: np.ndarray, faults: Sequence[Fault]) -> Journey:
    """One vehicle's messages, in order; `key` has one element, `faults` are this vehicle's unit and network faults."""
    ts = due_ms.astype(np.int64)
    boot = np.zeros(len(ts), np.int64)
    sent = np.ones(len(ts), bool)
    told, arrival = ts.copy(), ts + delayed_ms(key, ts)
    for fault in faults:
        start, end = fault.start_s * 1000, fault.end_s * 1000
        within = (ts >= start) & (ts < end)
        match fault.kind:
            case "unit.reboot":
                off = start + fault.parameters["off_s"] * 1000 * fault.severity
                sent &= ~((ts >= start) & (ts < off))
                boot += ts >= off
            case "unit.clock_skew":
                told = np.where(within, told + (ts - start) * fault.parameters["ppm"] * 1e-6 * fault.severity, told)
            case "unit.clock_jump":
                told = np.where(within, told + fault.parameters["jump_s"] * 1000 * fault.severity, told)
            case "network.outage":
                rank = np.cumsum(within) / BACKLOG_PER_S * 1000
                arrival = np.where(within & np.isfinite(end), np.maximum(arrival, end + rank), arrival)
                sent &= ~(within & ~np.isfinite(end))
            case "network.delay" | "network.reorder":
                name = "delay_s" if fault.kind == "network.delay" else "window_s"
                extra = -np.log1p(-draws.uniform(key, _EXTRA, ts)) * fault.parameters[name] * 1000 * fault.severity
                arrival = np.where(within, arrival + extra, arrival)
    return Journey(np.rint(told).astype(np.int64), np.rint(arrival).astype(np.int64), boot, sent)


def boot_ids(seed: int, keys: draws.Words, number: int) -> np.ndarray:
    """Boot ids of vehicles after so many reboots: 8 hex digits, the same for the same seed."""
    bits = draws.words(keys, _BOOT, number + (seed << 16)) & np.uint64(0xFFFFFFFF)
    return np.array([f"{word:08x}" for word in bits.tolist()])
