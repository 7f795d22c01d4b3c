"""The mathematics of second-order pooling, one function each."""

from mindtune.ops.cross_covariance import COLUMN_EPS, cross_covariance, normalise_columns

__all__ = ["COLUMN_EPS", "cross_covariance", "normalise_columns"]
