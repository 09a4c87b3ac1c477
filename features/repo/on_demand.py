"""On-demand features: what only the request knows, the route ahead and its weather, beside what is known of the vehicle.

Feast 0.67 refuses an on-demand feature that is described in its field: unit, description and VSS paths stand in the view's tags.
"""

from typing import Any

from feast import Field, RequestSource
from feast.on_demand_feature_view import on_demand_feature_view
from feast.types import Float64

from features import ahead
from features.repo.views import vehicle_live, vehicle_windows
from features.transforms import OWNER

request = RequestSource(
    name="route",
    schema=[Field(name=name, dtype=Float64, description=text, tags={"unit": unit}) for name, (unit, text) in ahead.ASKED.items()],
    description="What the request knows of the route ahead.",
)


@on_demand_feature_view(
    sources=[request, vehicle_live[list(ahead.LIVE)], vehicle_windows[list(ahead.WINDOWS)]],
    schema=[Field(name=name, dtype=Float64) for name in ahead.FEATURES],
    mode="python",
    singleton=False,
    description="The route ahead and its weather, from the request, against what is known of the vehicle.",
    owner=OWNER,
    tags={"kind": "on demand", **{f"{name}.{fact}": text for name, facts in ahead.FEATURES.items() for fact, text in facts._asdict().items()}},
)
def route_ahead(inputs: dict[str, Any]) -> dict[str, Any]:
    """The features of each row of the request."""
    from features.ahead import columns

    return columns(inputs)
