"""Which heads of the moment head are correlated with which."""

from __future__ import annotations

from itertools import combinations

from mindtune.errors import ConfigError

PAIRINGS = ("near", "half", "one", "all")


def head_pairs(pairing: str, num_heads: int) -> list[tuple[int, int]]:
    """Left and right head of each pair.

    ``near`` pairs (i, i+1), as every published number does; ``half`` (i, i + H/2), the authors'
    ``n/2``; ``one`` (0, i); ``all`` every pair i < j, their ``cn2``.

    Raises:
        ConfigError: ``half`` with an odd number of heads.
    """
    heads = range(num_heads)
    if pairing == "half" and num_heads % 2:
        raise ConfigError(
            f"head.moment.num_heads: got {num_heads}, expected an even number for pairing half"
        )
    return {
        "near": [(i, i + 1) for i in heads[:-1]],
        "half": [(i, i + num_heads // 2) for i in heads[: num_heads // 2]],
        "one": [(0, i) for i in heads[1:]],
        "all": list(combinations(heads, 2)),
    }[pairing]
