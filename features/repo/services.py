"""The feature services: what one version of a model reads."""

from feast import FeatureService

from features.repo.views import vehicle_live
from features.transforms import ENERGY_V1, ENERGY_V1_FEATURES

energy_v1 = FeatureService(
    name=ENERGY_V1,
    features=[vehicle_live[list(ENERGY_V1_FEATURES)]],
    description="What the model energy_per_km reads.",
    owner="voltlake",
)
