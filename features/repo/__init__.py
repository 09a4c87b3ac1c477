"""The Feast repo: definitions only. `feast apply` imports every module below this folder."""

from typing import Any


def definitions() -> list[Any]:
    """All that a registry of this version holds. Imports Feast."""
    from features.repo import entities, services, sources, views

    kinds = ("Entity", "FileSource", "FeatureView", "FeatureService", "OnDemandFeatureView", "RequestSource")
    modules = (entities, sources, views, services)
    found = [value for module in modules for value in vars(module).values() if type(value).__name__ in kinds]
    return list({id(one): one for one in found}.values())
