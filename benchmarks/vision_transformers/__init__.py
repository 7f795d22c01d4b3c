"""What benchmarks/vit.py races: cases, our networks and PyTorch's."""
