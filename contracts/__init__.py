"""What every process must agree on: signals, events, codec, topics, settings, errors. Imports nothing of ours."""
