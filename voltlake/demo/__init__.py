"""`voltlake demo`: the whole road with real and simulated vehicles, watched, drained, audited and measured."""
