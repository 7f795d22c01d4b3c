"""A run: its folder, its plan, where it starts, what its ranks must agree on."""
