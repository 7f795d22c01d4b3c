"""What benchmarks/cross_covariance.py races: cases, contestants, clocks and counts."""
