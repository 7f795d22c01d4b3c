"""The mathematics of second-order pooling, one function each."""

from mindtune.ops.cross_covariance import cross_covariance, normalise_columns

__all__ = ["cross_covariance", "normalise_columns"]
