"""Several processes training one model: launch, cluster, collectives, and what ends them."""
