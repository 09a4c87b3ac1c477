"""What models learn from beside the lake: recorded and simulated data, read and cut for the features' transforms."""
