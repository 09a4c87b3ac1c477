"""Benches: each writes bench/results/TARGET.json for `make bench-TARGET`. Not tests: nothing here passes or fails a build."""
