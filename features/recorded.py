"""What the features of drives, cells and charging stays are called, mean and are measured in; which tables and services hold them. Pure."""

from typing import NamedTuple

from features import cells, drives, stays
from features.drives import PAST

DRIVES_TABLE, PASTS_TABLE, CELLS_TABLE, STAYS_TABLE = "saved.drives", "saved.pasts", "saved.cells", "saved.stays"
DRIVES, PASTS, CELLS, STAYS = "drive_profile", "vehicle_past", "cell_hours", "charging_stays"
DRIVE, CELL = "drive", "cell"
DRIVE_KEY, CELL_KEY = "drive_id", "cell_id"
CAR_MODEL = "car_model"
ENERGY_SERVICE, FAULT_SERVICE, CHARGING_SERVICE = "energy_v1_drives", "battery_fault_v1_cells", "charging_v1_stays"


class Meaning(NamedTuple):
    """Unit, description, and the signals that a feature comes from."""

    unit: str
    description: str
    signals: tuple[str, ...]


_ROAD = ("speed_kmh", "altitude_m", "ambient_c")
_WH = "Wh/km"
DRIVE_MEANING: dict[str, Meaning] = {
    "traction": Meaning(_WH, "Work at the wheels while pulling", _ROAD),
    "recovery": Meaning(_WH, "Work at the wheels that the motor may take back while braking; negative", _ROAD),
    "flow": Meaning(_WH, "What passes the drive either way", _ROAD),
    "copper": Meaning(_WH, "Square of the motor's force, as a share of its peak, times its peak power", _ROAD),
    "spin": Meaning(_WH, "Speed as a share of 30 m/s times the motor's peak power", _ROAD),
    "standby": Meaning("Wh/km a W", "Time a kilometre: what one watt of standby costs", _ROAD),
    "rolling": Meaning(_WH, "Work against rolling, at that temperature", _ROAD),
    "aero": Meaning(_WH, "Work against the air, at that temperature and height", _ROAD),
    "tyres_cold": Meaning(_WH, "Rolling of the minutes in which tyres are cold", _ROAD),
    "heating": Meaning(_WH, "Recorded heating, 0 where there is no record", ("hvac_w",)),
    "cooling": Meaning(_WH, "Recorded air conditioning, 0 where there is no record", ("hvac_w",)),
    "cold_hours": Meaning("K h/km", "Kelvin-hours below 20 Celsius a kilometre", ("ambient_c",)),
    "hot_hours": Meaning("K h/km", "Kelvin-hours above 22 Celsius a kilometre", ("ambient_c",)),
    "soak": Meaning("K/km", "How far the cabin was from 22 Celsius at the start, a kilometre", ("cabin_c",)),
    "distance_km": Meaning("km", "Length of the drive", ("speed_kmh",)),
    "mean_kmh": Meaning("km/h", "Mean speed", ("speed_kmh",)),
    "speed_spread_kmh": Meaning("km/h", "Standard deviation of the speed", ("speed_kmh",)),
    "stop_share": Meaning("ratio", "Share of the time standing", ("speed_kmh",)),
    "climb_m_per_km": Meaning("m/km", "Height gained a kilometre", ("altitude_m",)),
    "air_c": Meaning("Celsius", "Mean of the air outside", ("ambient_c",)),
    "cabin_start_c": Meaning("Celsius", "Air inside at the start", ("cabin_c",)),
    "soc_start_pct": Meaning("percent", "State of charge at the start", ("soc_pct",)),
    "pack_temp_start_c": Meaning("Celsius", "Mean of the cells at the start", ("pack_temp_c",)),
    "climate_known": Meaning("", "1 where heating and air conditioning were recorded", ("hvac_w",)),
    "textbook_wh_per_km": Meaning(_WH, "What a textbook's losses make of all that", _ROAD),
}
PAST_MEANING: dict[str, Meaning] = {
    PAST[0]: Meaning("", "Log of used to textbook energy over the vehicle's trips so far, the last ones more", ("energy_out_kwh", "energy_in_kwh")),
    PAST[1]: Meaning("", "How many trips stand behind it", ("odometer_m",)),
}
_CELLS = ("cell_v_min", "cell_v_max")
_IN_SPREADS = "pack spreads"
CELL_MEANING: dict[str, Meaning] = {
    "below": Meaning(_IN_SPREADS, "How far the cell's mean voltage is below the pack's median", _CELLS),
    "apart": Meaning(_IN_SPREADS, "How far below the median of the cells beside it", _CELLS),
    "gap_below": Meaning(_IN_SPREADS, "How far below the third lowest cell", _CELLS),
    "above": Meaning(_IN_SPREADS, "How far above the pack's median", _CELLS),
    "low_share": Meaning("ratio", "Share of the samples in which it is the lowest", _CELLS),
    "ohm_high": Meaning(_IN_SPREADS, "How much it falls behind with 10 A more", (*_CELLS, "pack_a")),
    "sinking": Meaning(_IN_SPREADS, "How much lower than an hour before", _CELLS),
    "below_long": Meaning(_IN_SPREADS, "Median of how far it was below over the last 24 hours heard", _CELLS),
    "sinking_long": Meaning(_IN_SPREADS, "How much lower than in those hours", _CELLS),
    "swing": Meaning(_IN_SPREADS, "How unsteady its distance from the median is", _CELLS),
    "spread_mv": Meaning("mV", "The pack's spread: what all is measured by", _CELLS),
    "hot": Meaning("K", "Hottest probe above the median probe", ("pack_temp_max_c", "pack_temp_c")),
}
_PLUG = ("cable_connected", "energy_in_kwh")
_WHERE = {
    "site": "the last 50 sessions at the site",
    "station": "the last 10 at the station",
    "slot": "the last 20 of that site, hour and kind of day",
}
_WHAT = {
    "energy_kwh": ("kWh", "Median energy"),
    "energy_mean_kwh": ("kWh", "Mean energy"),
    "charge_min": ("min", "Median charging time"),
    "power_kw": ("kW", "Median power"),
}
STAY_MEANING: dict[str, Meaning] = {
    "hour": Meaning("h", "Local hour of plugging in, with its fraction", _PLUG),
    "weekday": Meaning("", "Day of the week, 0 is Monday", _PLUG),
    "stay_min": Meaning("min", "How long the driver means to stay", _PLUG),
    "leaves_hour": Meaning("h", "Local hour at which the driver means to leave", _PLUG),
    "nights": Meaning("d", "Midnights until then", _PLUG),
    "soc_plugged_pct": Meaning("percent", "State of charge at plugging in, where the charger knows it", ("soc_pct",)),
    "elapsed_min": Meaning("min", "Time since plugging in", _PLUG),
    "delivered_kwh": Meaning("kWh", "Energy so far", _PLUG),
    "power_kw": Meaning("kW", "Mean power so far; none at the very beginning", _PLUG),
    "at_once": Meaning("", "Other cars plugged in at the site", _PLUG),
    "since_last_min": Meaning("min", "Since the station was left by the last car", _PLUG),
    **{f"{where}_{what}": Meaning(unit, f"{text} of {over}", _PLUG) for where, over in _WHERE.items() for what, (unit, text) in _WHAT.items()},
    **{f"{where}_guess_kwh": Meaning("kWh", f"Median power of {over} for as long as the stay", _PLUG) for where, over in _WHERE.items()},
}

assert set(DRIVE_MEANING) == set(drives.FEATURES)
assert set(CELL_MEANING) == set(cells.FEATURES)
assert set(STAY_MEANING) == set(stays.FEATURES)
