"""Alerts to people and other systems: webhook, e-mail, Alertmanager. `python -m cloud_stream notify`."""
