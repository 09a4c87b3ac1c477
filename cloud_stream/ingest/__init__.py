"""HTTPS in, Kafka out: gateways post records, and get a 200 only when Kafka has acknowledged them all."""
