"""The Feast repo: definitions only. `feast apply` imports every module below this folder."""

from typing import Any


def definitions() -> list[Any]:
    """All that a registry of this version holds. Imports Feast."""
    from feast import Entity, FeatureService, FeatureView, FileSource, OnDemandFeatureView

    from features.repo import entities, on_demand, recorded, services, sources, views

    modules = (entities, recorded, sources, views, on_demand, services)
    kinds = Entity | FileSource | FeatureView | OnDemandFeatureView | FeatureService
    values = [value for module in modules for value in vars(module).values()]
    found = [one for value in values for one in (value.values() if isinstance(value, dict) else [value]) if isinstance(one, kinds)]
    return list({id(one): one for one in found}.values())
