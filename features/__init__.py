"""The feature store and the models that use it: one definition of a feature, live and in training."""
