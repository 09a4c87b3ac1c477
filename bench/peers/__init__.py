"""Peers on the same machine, the same topic, in the same run."""
