"""Simulated history in the lake: envelopes with the arrivals that they would have had, through the rules of the live road."""
