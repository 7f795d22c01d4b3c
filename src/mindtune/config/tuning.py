"""Keys of what of a backbone changes and trains."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Optional, Union


@dataclass
class PSRPConfig:
    """Recalibration added to every block by tuning psrp.

    Attributes:
        width: channels of the shared reduction.
        init: zero starts from the pre-trained function; authors is the released code's.
    """

    width: int = 16
    init: Literal["zero", "authors"] = "zero"


@dataclass
class LoRAConfig:
    """Low-rank updates beside linear layers, of tuning lora, see docs/peft.md.

    Attributes:
        targets: names of layers among q, k, v, proj, fc1, fc2; or a regular expression that the
            whole name of a layer must match, such as blocks.0.attn.q.
        rank: r of the updates.
        alpha: an update is multiplied by alpha / rank; default: rank.
        dropout: of what the updates read, in training.
        bias: which biases of the backbone train; lora_only are those of the targets.
        rslora: multiply by alpha / sqrt(rank).
    """

    targets: Union[list[str], str] = field(default_factory=lambda: ["q", "v"])
    rank: int = 8
    alpha: Optional[float] = None
    dropout: float = 0.0
    bias: Literal["none", "all", "lora_only"] = "none"
    rslora: bool = False


@dataclass
class BlockExpansionConfig:
    """Where tuning block_expansion inserts new blocks; at most one of these is given.

    Attributes:
        num_blocks: how many, evenly spread; default: 3.
        split: one after every so many blocks, as in the authors' code.
        positions: places in the expanded network, counted from 0.
    """

    num_blocks: Optional[int] = None
    split: Optional[int] = None
    positions: Optional[list[int]] = None


@dataclass
class TopKConfig:
    """The last blocks train, by tuning top_k.

    Attributes:
        num_blocks: how many.
    """

    num_blocks: int = 3


@dataclass
class TuningConfig:
    """What of the backbone changes and trains; the head always trains.

    Attributes:
        modes: one or more of linear (nothing), norm (the final norm), bias (all biases), top_k (the
            last blocks), block_expansion (new blocks between the others), psrp (recalibrations),
            lora (low-rank updates), full (everything).
        psrp: options of psrp.
        lora: options of lora.
        block_expansion: options of block_expansion.
        top_k: options of top_k.
    """

    modes: list[str] = field(default_factory=lambda: ["linear"])
    psrp: PSRPConfig = field(default_factory=PSRPConfig)
    lora: LoRAConfig = field(default_factory=LoRAConfig)
    block_expansion: BlockExpansionConfig = field(default_factory=BlockExpansionConfig)
    top_k: TopKConfig = field(default_factory=TopKConfig)
