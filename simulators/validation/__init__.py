"""The physics against measured cars: `python -m simulators.validation` judges, `... fit` fits the parameters that are shipped."""
