"""From the gateways' requests to the lake, the online features and the alerts."""
