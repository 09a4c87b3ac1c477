"""Plugging in and charging: who plugs in where, what the charger gives, what the pack takes by charge and temperature."""

from typing import NamedTuple

import numpy as np

from simulators.physics import draws, sessions
from simulators.physics.road import Array
from simulators.physics.state import AWAY, CHARGING, HOME, PARKED, WORK, Plug
from simulators.physics.traits import Traits

AC_EFFICIENCY = 0.91
"""Battery over wall of on-board chargers (Sears et al. 2014; ADAC 2022: 0.87 to 0.93)."""
_PLUG, _WANT, _STATION = 501, 502, 503
ROADSIDE_STOP_SOC = 0.8
LOW_SOC = 0.14
"""Below this a driver heads for a fast charger."""
_STATION_W = np.array([50e3, 100e3, 150e3, 350e3])


class Parked(NamedTuple):
    """Some vehicles that arrived: rows in the traits, site, state of charge (0 to 1), number of arrivals so far."""

    rows: np.ndarray
    site: np.ndarray
    soc: Array
    arrivals: np.ndarray


def plugged(traits: Traits, parked: Parked) -> tuple[np.ndarray, Plug]:
    """Mode after arrival (CHARGING or PARKED) and what they plug into."""
    key, soc = traits.keys[parked.rows], parked.soc
    whether, want = draws.uniform(key, _PLUG, parked.arrivals), draws.uniform(key, _WANT, parked.arrivals)
    limit = traits.limit_soc[parked.rows]
    at_home, at_work, away = parked.site == HOME, parked.site == WORK, parked.site == AWAY
    chance = np.where(soc < 0.35, 1.0, np.where(soc < 0.65, 0.75, 0.3))
    home_w, work_w = traits.home_w[parked.rows], traits.work_w[parked.rows]
    need_dc = (soc < 0.3) & (away | (at_home & (home_w == 0)))
    need_dc |= (soc < 0.5) & at_home & (home_w == 0) & (whether < 0.5)
    takes = (at_home & (home_w > 0) & (whether < chance)) | (at_work & (work_w > 0) & (whether < chance + 0.15)) | need_dc
    takes &= soc < limit - 0.03
    station = _STATION_W[(draws.uniform(key, _STATION, parked.arrivals) * len(_STATION_W)).astype(np.int64)]
    supply = np.where(need_dc, station, np.where(at_work, work_w, home_w))
    wanted = sessions.energies_kwh(sessions.workplace(), want) * 1e3
    share = wanted / (traits.capacity_ah[parked.rows] * traits.series[parked.rows] * 3.65)
    stop = np.where(at_work, np.minimum(soc + share, limit), limit)
    stop = np.where(need_dc, np.minimum(ROADSIDE_STOP_SOC, np.maximum(limit, 0.8)), stop)
    mode = np.where(takes, CHARGING, PARKED).astype(np.int8)
    empty = np.zeros(len(soc), np.float32)
    return mode, Plug(np.where(takes, supply, 0).astype(np.float32), need_dc & takes, stop.astype(np.float32), empty)


def roadside(traits: Traits, rows: np.ndarray, count: np.ndarray) -> Plug:
    """A fast charger beside the road."""
    pick = draws.uniform(traits.keys[rows], _STATION, count)
    station = _STATION_W[1 + (pick * 3).astype(np.int64)].astype(np.float32)
    return Plug(station, np.ones(len(rows), bool), np.full(len(rows), ROADSIDE_STOP_SOC, np.float32), np.zeros(len(rows), np.float32))


def warmth(pack_c: Array) -> Array:
    """Share of the DC power that a pack takes at a temperature: all of it from 25 to 45 Celsius, none above 58 or below -20."""
    cold = np.clip((pack_c + 20) * np.float32(1 / 45), 0, 1)
    return np.minimum(cold * cold * (3 - 2 * cold), np.clip((58 - pack_c) * np.float32(1 / 13), 0, 1))


def accepted_w(curve_kw: Array, ac_w: Array, plug: Plug, soc: Array, pack_c: Array) -> Array:
    """Power in W into the pack. `curve_kw` is the model's DC power at that charge; AC tapers over the last 3 %."""
    dc = np.minimum(curve_kw * 1000 * warmth(pack_c), plug.supply_w)
    taper = np.clip((np.float32(1.003) - soc) * np.float32(33), np.float32(0.05), 1)
    ac = np.minimum(ac_w, plug.supply_w) * AC_EFFICIENCY * taper * np.clip((pack_c + 25) * np.float32(0.05), 0.1, 1)
    return np.where(plug.dc, dc, ac)
