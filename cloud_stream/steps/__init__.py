"""What a dataflow remembers between batches: thin holders of state around the pure rules of `lakehouse` and `features`."""
