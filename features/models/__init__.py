"""The models: what each learns from, how it is fitted, judged, registered and explained."""
