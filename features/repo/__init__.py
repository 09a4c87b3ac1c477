"""The Feast repo: definitions only. `feast apply` imports every module below this folder."""

from typing import Any


def definitions() -> list[Any]:
    """All that a registry of this version holds. Imports Feast."""
    from feast import Entity, FeatureService, FeatureView, FileSource, OnDemandFeatureView

    from features.repo import entities, services, sources, views

    modules = (entities, sources, views, services)
    kinds = Entity | FileSource | FeatureView | OnDemandFeatureView | FeatureService
    found = [value for module in modules for value in vars(module).values() if isinstance(value, kinds)]
    return list({id(one): one for one in found}.values())
