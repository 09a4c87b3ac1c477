"""The comparison on real drives of the BMW i3: trip energy and pack voltage. Nothing is fitted here."""

from pathlib import Path

import numpy as np

from simulators.physics.models import fits
from simulators.validation import i3, recordings
from simulators.validation.recordings import Drive
from simulators.validation.section import Goal, Lines, Scatter, Section, Skipped, Table, signed
from simulators.validation.split import unseen


def drives(data: Path) -> Section | Skipped:
    """Drives that the fit never saw."""
    title = "BMW i3, real drives"
    found = recordings.drives(data)
    if found is None:
        return Skipped(title, f"no drives in {data}/bmw_i3_driving")
    fit, pack_fit = fits()["i3"], fits()["i3_pack"]
    judged = [drive for drive in found if drive.name != i3.IMPOSSIBLE]
    new = unseen([drive.identity for drive in judged], fit.fitted_on)
    tests = [drive for drive, fresh in zip(judged, new, strict=True) if fresh] or judged
    seen = [drive for drive, fresh in zip(judged, new, strict=True) if not fresh]
    energies = {drive.identity: i3.energies(fit.values, drive) for drive in found}
    modelled = {drive.identity: i3.energies(fit.values, drive, recorded=False) for drive in found}
    volts = {drive.identity: i3.voltage(pack_fit.values, drive) - drive.columns["batt_voltage_v"] for drive in found}

    def rmse(some: list[Drive]) -> float:
        return float(np.sqrt(np.mean(np.concatenate([volts[drive.identity] for drive in some]) ** 2)))

    def mape(some: list[Drive], pairs: dict[str, i3.Energies]) -> float:
        return i3.mape_pct([pairs[drive.identity] for drive in some])

    figures: dict[str, tuple[float, str]] = {
        "i3_drives": (len(tests), "drives that the fit never saw"),
        "i3_energy_mape_modelled_climate_pct": (mape(tests, modelled), "% with heating and cooling from ambient alone"),
    }
    if seen:
        figures |= {"i3_energy_mape_fit_pct": (mape(seen, energies), "%"), "i3_voltage_rmse_fit_v": (rmse(seen), "V")}
    rows = []
    for drive in found:
        own, other = energies[drive.identity], modelled[drive.identity]
        part = "apart" if drive.name == i3.IMPOSSIBLE else "test" if drive in tests else "fit"
        error, climate = ((pair.predicted / pair.measured - 1) * 100 for pair in (own, other))
        row = (drive.name, part, f"{drive.columns['ambient_temp_c'].mean():.1f}", f"{own.measured:.2f}", f"{own.predicted:.2f}", signed(error))
        rows.append((*row, signed(climate), f"{rmse([drive]):.2f}"))
    header = ("drive", "part", "ambient C", "measured kWh", "predicted kWh", "error %", "error %, modelled climate", "voltage RMSE V")
    return Section(
        title,
        _TEXT,
        [
            Goal("i3_energy_mape_pct", "mean absolute error of trip energy", mape(tests, energies), "%", 8, 5),
            Goal("i3_voltage_rmse_v", "pack voltage RMSE on measured current", rmse(tests), "V", 5, 2.5),
        ],
        figures,
        [Table("Drives", header, rows)],
        _plots(tests, seen, energies, pack_fit.values),
    )


_TEXT = (
    "Battery energy from recorded speed, elevation and ambient; the recorded heating and air conditioning are loads (spikes and stuck offsets "
    "removed), in winter as in summer. Beside it the same with our own climate control in their place, which knows the ambient and the first cabin "
    "temperature only. Voltage: from the first state of charge on, by coulomb counting on the recorded current."
)


def _plots(tests: list[Drive], seen: list[Drive], energies: dict[str, i3.Energies], pack_values: dict[str, float]) -> list[Scatter | Lines]:
    def points(some: list[Drive]) -> tuple[np.ndarray, np.ndarray]:
        pairs = [energies[drive.identity] for drive in some]
        return np.array([pair.measured for pair in pairs]), np.array([pair.predicted for pair in pairs])

    one = max(tests, key=lambda drive: float(np.ptp(drive.columns["batt_voltage_v"])))
    every = slice(None, None, 10)
    minutes = np.arange(len(one.columns["batt_voltage_v"]))[every] / 60
    volts = {"measured": (minutes, one.columns["batt_voltage_v"][every]), "predicted": (minutes, i3.voltage(pack_values, one)[every])}
    return [
        Scatter("i3", "BMW i3: trip energy", "kWh", {"test": points(tests), "fit": points(seen)}),
        Lines("i3-voltage", f"BMW i3: pack voltage on {one.name}", ("minutes", "V"), volts),
    ]
