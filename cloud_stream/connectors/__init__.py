"""Where dataflows meet the world: Kafka, Delta, Redis."""
