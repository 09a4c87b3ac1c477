"""Vehicles for the road: a simulated fleet and replayed recordings, published as a sensor unit would."""
