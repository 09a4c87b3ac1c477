"""The parts of `make bench-features`."""
