"""The signal catalogue: the only list of what a vehicle may report.

A short name stands for one path of the COVESA Vehicle Signal Specification 6 (VSS) in that path's own unit. Paths that
VSS 6 lacks stand below `Vehicle.Overlay`, as VSS asks of vendors. Current and power of the pack are positive into it.
Truth values travel as 0 and 1.
"""

from typing import Literal

import msgspec

Minute = Literal["stats", "counter", "none"]


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """One signal: what it is called, what it means and which values a vehicle can report.

    `resolution` is the step of the wire value; sums are kept as whole multiples of it, so that they are exact.
    `minute` says what a minute bucket keeps: "stats" (count, sum, least, greatest), "counter" (least and greatest of a
    count that only grows) or "none". `cadence_s` is the usual time between two reports.
    """

    name: str
    vss: str
    unit: str
    low: float
    high: float
    resolution: float
    description: str
    minute: Minute = "none"
    cadence_s: float = 1.0

    @property
    def scale(self) -> int:
        """Multiples of the resolution in one unit."""
        return round(1 / self.resolution)


_BATTERY = "Vehicle.Powertrain.TractionBattery."
_MOTOR = "Vehicle.Powertrain.ElectricMotor."
_CHARGING = _BATTERY + "Charging."
_PLACE = "Vehicle.CurrentLocation."
_TYRE = "Vehicle.Chassis.Axle.{}.Wheel.{}.Tire.Pressure"


def _signal(
    name: str, vss: str, unit: str, low: float, high: float, resolution: float, minute: Minute, description: str, cadence_s: float = 1.0
) -> Signal:
    return Signal(
        name=name,
        vss=vss,
        unit=unit,
        low=low,
        high=high,
        resolution=resolution,
        minute=minute,
        description=description,
        cadence_s=cadence_s,
    )


SIGNALS: tuple[Signal, ...] = (
    # motion
    _signal("speed_kmh", "Vehicle.Speed", "km/h", -50, 300, 0.01, "stats", "speed over ground"),
    _signal("odometer_m", "Vehicle.TraveledDistance", "m", 0, 4e9, 1, "counter", "distance travelled in the vehicle's life"),
    _signal("acceleration_ms2", "Vehicle.Acceleration.Longitudinal", "m/s^2", -20, 20, 0.001, "stats", "longitudinal acceleration"),
    _signal("yaw_rate_degs", "Vehicle.AngularVelocity.Yaw", "degrees/s", -180, 180, 0.01, "none", "rotation about the vertical axis"),
    _signal("accelerator_pct", "Vehicle.Chassis.Accelerator.PedalPosition", "percent", 0, 100, 1, "stats", "accelerator pedal"),
    _signal("brake_pct", "Vehicle.Chassis.Brake.PedalPosition", "percent", 0, 100, 1, "stats", "brake pedal"),
    _signal("gear", "Vehicle.Powertrain.Transmission.SelectedGear", "", -2, 127, 1, "none", "selected gear: 126 park, 127 drive"),
    # traction battery
    _signal("soc_pct", _BATTERY + "StateOfCharge.Current", "percent", 0, 100, 0.01, "stats", "state of charge of the net capacity"),
    _signal("soc_shown_pct", _BATTERY + "StateOfCharge.Displayed", "percent", 0, 100, 0.1, "none", "state of charge shown to the driver"),
    _signal("energy_left_kwh", _BATTERY + "StateOfCharge.CurrentEnergy", "kWh", 0, 300, 0.01, "none", "energy left in the pack"),
    _signal("soh_pct", _BATTERY + "StateOfHealth", "percent", 0, 110, 0.01, "stats", "capacity left against new", 60),
    _signal("pack_v", _BATTERY + "CurrentVoltage", "V", 0, 1500, 0.01, "stats", "pack voltage"),
    _signal("pack_a", _BATTERY + "CurrentCurrent", "A", -3000, 3000, 0.01, "stats", "pack current, positive into the pack"),
    _signal("pack_w", _BATTERY + "CurrentPower", "W", -2e6, 2e6, 1, "stats", "pack power, positive into the pack"),
    _signal("cell_v_min", _BATTERY + "CellVoltage.Min", "V", 0, 6, 0.001, "stats", "lowest cell voltage"),
    _signal("cell_v_max", _BATTERY + "CellVoltage.Max", "V", 0, 6, 0.001, "stats", "highest cell voltage"),
    _signal("cell_id_min", _BATTERY + "CellVoltage.IdMin", "", 0, 1000, 1, "none", "number of the lowest cell"),
    _signal("cell_id_max", _BATTERY + "CellVoltage.IdMax", "", 0, 1000, 1, "none", "number of the highest cell"),
    _signal("pack_temp_c", _BATTERY + "Temperature.Average", "Celsius", -60, 200, 0.1, "stats", "mean temperature of the cells"),
    _signal("pack_temp_min_c", _BATTERY + "Temperature.Min", "Celsius", -60, 200, 0.1, "stats", "coldest probe"),
    _signal("pack_temp_max_c", _BATTERY + "Temperature.Max", "Celsius", -60, 200, 0.1, "stats", "hottest probe"),
    _signal("energy_in_kwh", _BATTERY + "AccumulatedChargedEnergy", "kWh", 0, 1e6, 0.001, "counter", "energy ever put into the pack"),
    _signal("energy_out_kwh", _BATTERY + "AccumulatedConsumedEnergy", "kWh", 0, 1e6, 0.001, "counter", "energy ever drawn from the pack"),
    _signal("charge_in_ah", _BATTERY + "AccumulatedChargedThroughput", "Ah", 0, 1e7, 0.01, "counter", "charge ever put into the pack"),
    _signal("charge_out_ah", _BATTERY + "AccumulatedConsumedThroughput", "Ah", 0, 1e7, 0.01, "counter", "charge ever drawn from the pack"),
    _signal("regen_kwh", "Vehicle.Powertrain.AccumulatedBrakingEnergy", "kWh", 0, 1e6, 0.001, "counter", "energy ever recovered by braking"),
    _signal("isolation_kohm", "Vehicle.Overlay.TractionBattery.IsolationResistance", "kOhm", 0, 1e6, 1, "stats", "isolation to the chassis", 10),
    _signal("contactor_closed", _BATTERY + "IsPowerConnected", "", 0, 1, 1, "none", "1 where the main contactor is closed"),
    _signal("range_m", _BATTERY + "Range", "m", 0, 2e6, 1, "none", "range left"),
    # motor
    _signal("motor_rpm", _MOTOR + "Speed", "rpm", -30000, 30000, 1, "stats", "motor speed"),
    _signal("motor_nm", _MOTOR + "Torque", "Nm", -5000, 5000, 1, "stats", "motor torque, negative while recovering"),
    _signal("motor_kw", _MOTOR + "Power", "kW", -2000, 2000, 1, "stats", "motor power, negative while recovering"),
    _signal("motor_temp_c", _MOTOR + "Temperature", "Celsius", -60, 300, 0.1, "stats", "motor temperature"),
    _signal("coolant_temp_c", _MOTOR + "EngineCoolant.Temperature", "Celsius", -60, 200, 0.1, "stats", "coolant of the drive unit"),
    # charging
    _signal("is_charging", _CHARGING + "IsCharging", "", 0, 1, 1, "stats", "1 while energy flows from a charger"),
    _signal("cable_connected", _CHARGING + "ChargingPort.AnyPosition.IsChargingCableConnected", "", 0, 1, 1, "stats", "1 while plugged in"),
    _signal("charge_limit_pct", _CHARGING + "ChargeLimit", "percent", 0, 100, 1, "none", "state of charge to stop at", 60),
    _signal("charge_max_kw", _CHARGING + "MaxPower", "kW", 0, 2000, 0.1, "none", "highest power of this or the last charge"),
    _signal("time_to_full_s", _CHARGING + "TimeToComplete", "s", 0, 1e6, 1, "none", "time until the charge limit"),
    _signal("dc_charge_a", _CHARGING + "ChargeCurrent.DC", "A", -2000, 2000, 0.01, "stats", "direct current at the inlet"),
    _signal("dc_charge_v", _CHARGING + "ChargeVoltage.DC", "V", 0, 1500, 0.01, "stats", "direct voltage at the inlet"),
    _signal("ac_charge_a", _CHARGING + "ChargeCurrent.Phase1", "A", 0, 200, 0.01, "stats", "alternating current of phase 1"),
    _signal("ac_charge_v", _CHARGING + "ChargeVoltage.Phase1", "V", 0, 500, 0.1, "stats", "alternating voltage of phase 1"),
    # cabin and surroundings
    _signal("ambient_c", "Vehicle.Exterior.AirTemperature", "Celsius", -60, 70, 0.1, "stats", "air outside"),
    _signal("cabin_c", "Vehicle.Cabin.HVAC.AmbientAirTemperature", "Celsius", -60, 100, 0.1, "stats", "air inside"),
    _signal("ac_on", "Vehicle.Cabin.HVAC.IsAirConditioningActive", "", 0, 1, 1, "none", "1 while the air conditioning runs"),
    _signal("hvac_w", "Vehicle.Overlay.Cabin.HVAC.Power", "W", 0, 20000, 1, "stats", "power of heating and air conditioning"),
    _signal("lv_v", "Vehicle.LowVoltageBattery.CurrentVoltage", "V", 0, 60, 0.01, "stats", "low-voltage battery"),
    _signal("tyre_fl_kpa", _TYRE.format("Row1", "Left"), "kPa", 0, 1000, 1, "stats", "tyre front left", 60),
    _signal("tyre_fr_kpa", _TYRE.format("Row1", "Right"), "kPa", 0, 1000, 1, "stats", "tyre front right", 60),
    _signal("tyre_rl_kpa", _TYRE.format("Row2", "Left"), "kPa", 0, 1000, 1, "stats", "tyre rear left", 60),
    _signal("tyre_rr_kpa", _TYRE.format("Row2", "Right"), "kPa", 0, 1000, 1, "stats", "tyre rear right", 60),
    _signal("dtc_count", "Vehicle.Diagnostics.DTCCount", "", 0, 255, 1, "stats", "active fault codes", 10),
    # position
    _signal("lat", _PLACE + "Latitude", "degrees", -90, 90, 1e-6, "none", "latitude, WGS 84"),
    _signal("lon", _PLACE + "Longitude", "degrees", -180, 180, 1e-6, "none", "longitude, WGS 84"),
    _signal("altitude_m", _PLACE + "Altitude", "m", -500, 9000, 0.1, "stats", "height, WGS 84"),
    _signal("heading_deg", _PLACE + "Heading", "degrees", 0, 360, 0.1, "none", "course over ground"),
    _signal("gps_accuracy_m", _PLACE + "HorizontalAccuracy", "m", 0, 10000, 0.1, "none", "accuracy of the position"),
    _signal("position_synthetic", "Vehicle.Overlay.CurrentLocation.IsSynthetic", "", 0, 1, 1, "none", "1 where a replay made the position up"),
)

BY_NAME: dict[str, Signal] = {signal.name: signal for signal in SIGNALS}
