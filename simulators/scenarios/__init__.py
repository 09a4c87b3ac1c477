"""Faults with labels: a scenario file says which, the plan says to whom and when, transformations do it, labels tell it."""
