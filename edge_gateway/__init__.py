"""From the MQTT broker of a region to ingest, over a spool on disk: nothing is acknowledged before it is durable."""
