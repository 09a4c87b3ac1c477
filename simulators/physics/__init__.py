"""The physics of electric vehicles: pure functions over arrays, one element a vehicle. Knows no clock, file or network."""
