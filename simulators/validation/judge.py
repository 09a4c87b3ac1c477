"""The comparisons on cars at rest on a dynamometer or in a table: EPA, FASTSim, DC charging, sessions. Nothing is fitted here."""

from pathlib import Path

import numpy as np

from simulators.physics import dc_curves, sessions
from simulators.physics.models import fits
from simulators.validation import behaviour, dc, epa, fastsim, recordings
from simulators.validation.section import Goal, Lines, Scatter, Section, Skipped, Table, signed
from simulators.validation.split import unseen


def dynamometer(data: Path, cycles: dict[str, np.ndarray] | None) -> Section | Skipped:
    """EPA tests that the fit never saw."""
    title = "EPA 2022 dynamometer tests"
    rows = recordings.epa_tests(data)
    if rows is None:
        return Skipped(title, f"no tests in {data}/epa_ev_dyno")
    if cycles is None:
        return Skipped(title, "no speed traces of UDDS and HWFET (drive_cycles/)")
    fit = fits()["drivetrain"]
    error = epa.error_pct(fit.values, rows, cycles)
    new = np.array(unseen([epa.identity(row) for row in rows], fit.fitted_on))
    judged = (new if new.any() else ~new) & np.isfinite(error)
    size = np.abs(error)
    measured, guessed = epa.column(rows, "ac_wh_per_km_clean"), epa.predicted(fit.values, rows, cycles)
    table = [
        (
            f"{rows[at].get('make', '')} {rows[at].get('model', '')}".strip(),
            str(rows[at]["cycle"]),
            f"{measured[at]:.1f}",
            f"{guessed[at]:.1f}",
            signed(error[at]),
        )
        for at in np.flatnonzero(judged)
    ]
    goals = [
        Goal("epa_mae_pct", "mean absolute error of wall Wh/km, UDDS and HWFET", float(size[judged].mean()), "%", 7, 5),
        Goal("epa_within_10_pct", "tests within 10 %", float(np.mean(size[judged] <= 10) * 100), "%", 70, 90, most=False),
    ]
    figures: dict[str, tuple[float, str]] = {"epa_tests": (int(judged.sum()), "tests that the fit never saw")}
    seen = ~new & np.isfinite(error)
    if seen.any():
        figures |= {"epa_mae_fit_pct": (float(size[seen].mean()), "%"), "epa_within_10_fit_pct": (float(np.mean(size[seen] <= 10) * 100), "%")}
    text = (
        "Known of each car: test mass and road load, nothing else. Motor power is guessed from the mass; losses, auxiliary power and the "
        "efficiency of charging are one set for all cars."
    )
    series = {"test": (measured[judged], guessed[judged]), "fit": (measured[seen], guessed[seen])}
    plots: list[Scatter | Lines] = [Scatter("epa", "EPA: wall energy", "Wh/km", series)]
    return Section(title, text, goals, figures, [Table("Tests", ("car", "cycle", "measured", "predicted", "error %"), table)], plots)


def another_model(data: Path, cycles: dict[str, np.ndarray] | None) -> Section | Skipped:
    """FASTSim's consumptions."""
    title = "FASTSim on four cycles"
    found = recordings.fastsim(data)
    if found is None:
        return Skipped(title, f"no consumptions in {data}/fastsim")
    if cycles is None:
        return Skipped(title, "no speed traces (drive_cycles/)")
    pairs = fastsim.compared(fits()["drivetrain"].values, found[0], cycles)
    if not pairs:
        return Skipped(title, "no vehicle with a cycle that has a speed trace")
    names = list(dict.fromkeys(pair.vehicle for pair in pairs))
    errors = {(pair.vehicle, pair.cycle): pair.error_pct for pair in pairs}
    rows = [(name, *(signed(errors[name, c]) if (name, c) in errors else "" for c in fastsim.CYCLES)) for name in names]
    mean = float(np.mean([abs(pair.error_pct) for pair in pairs]))
    missing = sorted(set(found[1]) - set(names))
    text = "Losses as fitted on the EPA tests; nothing is fitted on FASTSim. A model against a model: 10 % is as good as it can mean."
    if missing:
        text += f" The data give no consumption for {', '.join(missing)}; {len(names)} vehicles are compared."
    series = {c: (np.array([p.fastsim for p in pairs if p.cycle == c]), np.array([p.ours for p in pairs if p.cycle == c])) for c in fastsim.CYCLES}
    return Section(
        title,
        text,
        [Goal("fastsim_mae_pct", "mean absolute difference of battery Wh/km", mean, "%", 10)],
        {"fastsim_vehicles": (len(names), "vehicles")},
        [Table("Difference in %", ("vehicle", *fastsim.CYCLES), rows)],
        [Scatter("fastsim", "FASTSim: battery energy", "Wh/km", series)],
    )


def charging(data: Path) -> Section | Skipped:
    """DC charging of the five named models."""
    title = "DC charging, 10 to 80 %"
    rows = recordings.dc_curves(data)
    if rows is None:
        return Skipped(title, f"no curves in {data}/ev_specs")
    known = dc.curves(rows)
    five = dc.named(known)
    if not five:
        return Skipped(title, "none of the five named models has a curve")
    every = dc.everyone(known)
    worst = max(abs(charge.error_pct) for charge in five)
    table = [(charge.car, f"{charge.published:.1f}", f"{charge.predicted:.1f}", signed(charge.error_pct)) for charge in five]
    lines = {}
    for charge in five:
        car = next(car for car in known if f"{car.brand} {car.model} {car.usable_kwh:g} kWh" == charge.car)
        lines[charge.car] = (dc_curves.SOC_PCT, car.power_kw)
        lines[f"{charge.car}, predicted"] = (dc_curves.SOC_PCT, dc_curves.predicted(car, known))
    text = (
        "Each time is predicted without the car's own curve and without its twins of the same brand, model and pack, from peak power, usable "
        "energy and the other cars. Platform twins of other brands stay in, as other cars."
    )
    return Section(
        title,
        text,
        [Goal("dc_10_80_max_error_pct", "largest error of the five", worst, "%", 15, 7)],
        {
            "dc_10_80_mean_error_pct": (float(np.mean([abs(charge.error_pct) for charge in five])), "%"),
            "dc_10_80_all_cars_error_pct": (float(np.mean([abs(charge.error_pct) for charge in every])), "% mean over all cars, each left out"),
        },
        [Table("Minutes", ("car", "published", "predicted", "error %"), table)],
        [Lines("dc", "DC power, published and predicted", ("state of charge in %", "kW"), lines)],
    )


def plugging_in(data: Path) -> Section | Skipped:
    """Drawn sessions against real ones at JPL."""
    title = "Charging behaviour at a workplace (JPL)"
    real = recordings.sessions(data)
    if real is None:
        return Skipped(title, f"no JPL sessions in {data}/charging_sessions")
    model = sessions.workplace()
    fit_part, test_part = behaviour.parts(real)
    if behaviour.identity(fit_part) not in fits()["sessions"].fitted_on:
        test_part = test_part | fit_part  # other sessions: all are new
    start, energy = behaviour.distances(model, real, test_part)
    fit_start, fit_energy = behaviour.distances(model, real, fit_part)
    hours, energies = behaviour.drawn(model)
    grid = np.linspace(0, 24, 97)
    share = {
        "real": (grid, np.searchsorted(np.sort(real["start_h"][test_part]), grid) / test_part.sum()),
        "drawn": (grid, np.searchsorted(np.sort(hours), grid) / len(hours)),
    }
    quantiles = [
        (f"p{q}", f"{np.percentile(real['energy_kwh'][test_part], q):.1f}", f"{np.percentile(energies, q):.1f}",
         f"{np.percentile(real['start_h'][test_part], q):.1f}", f"{np.percentile(hours, q):.1f}")
        for q in (10, 25, 50, 75, 90)
    ]  # fmt: skip
    text = f"{int(test_part.sum())} sessions that the fit never saw against {len(hours)} drawn ones; the larger KS distance."
    return Section(
        title,
        text,
        [Goal("charging_ks", "KS distance of start hour and energy", max(start, energy), "", 0.2, 0.1)],
        {
            "charging_ks_start": (start, "KS distance"),
            "charging_ks_energy": (energy, "KS distance"),
            "charging_ks_fit": (max(fit_start, fit_energy), "KS distance on the fit part"),
        },
        [Table("Quantiles", ("", "real kWh", "drawn kWh", "real start h", "drawn start h"), quantiles)],
        [Lines("sessions", "Start hour: share of sessions until then", ("hour", "share"), share)],
    )
