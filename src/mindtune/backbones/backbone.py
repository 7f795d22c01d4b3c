"""What all backbones have in common: the walk from images over blocks or stages to features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mindspore import Parameter, Tensor, nn, ops

from mindtune.backbones.layer_groups import groups_by_depth, groups_by_stage
from mindtune.preprocessing import Preprocessing


class Backbone(nn.Cell):
    """Images (B, 3, S, S) -> tokens (B, T, C) and pooled (B, C), both after the final norm.

    ``embed`` makes what the first of ``parts`` takes, each part what the next one takes, and
    ``features`` norms and pools what the last one makes. Parts are the blocks of a ViT and the
    stages of a network whose maps shrink.

    Attributes:
        num_features: width C of the tokens.
        num_prefix_tokens: tokens at the front that are no patches.
        blocks: all blocks from the input up.
        grid_size: rows and columns of the patches, where their positions are embedded.
        preprocessing: how to prepare images for the weights of this variant.
        classifier: what the network's library calls a linear head on it.
    """

    num_prefix_tokens = 0
    classifier = "head"

    def __init__(self, num_features: int, preprocessing: Preprocessing) -> None:
        super().__init__()
        self.num_features = num_features
        self.preprocessing = preprocessing

    @property
    def parts(self) -> Sequence[nn.Cell]:
        """Blocks or stages, from the input up."""
        raise NotImplementedError

    @property
    def final_norm(self) -> nn.Cell:
        """The norm nearest to the output."""
        raise NotImplementedError

    def embed(self, images: Tensor) -> Tensor:
        """Input of the first part."""
        raise NotImplementedError

    def part_inputs(self) -> tuple[tuple[Any, ...], ...]:
        """What each part takes besides the output of the one before; mostly nothing."""
        return ((),) * len(self.parts)

    def tokens_of(self, x: Tensor) -> Tensor:
        """A part's output as tokens."""
        return x

    def walk(self, images: Tensor, layers: tuple[int, ...]) -> tuple[Tensor, ...]:
        """Tokens after each part whose index is in ``layers``; -1 are those before the first."""
        x, inputs = self.embed(images), self.part_inputs()
        taken = (self.tokens_of(x),) if -1 in layers else ()
        last = max(layers)
        for index, part in enumerate(self.parts):  # no slice: a new CellList renames its parameters
            if index <= last:
                x = part(x, *inputs[index])
            if index in layers:
                taken += (self.tokens_of(x),)
        return taken

    def forward_tokens(self, images: Tensor) -> Tensor:
        """Tokens after the last part, before the final norm, (B, T, C)."""
        return self.walk(images, (len(self.parts) - 1,))[0]

    def forward_intermediates(self, images: Tensor, layers: tuple[int, ...]) -> tuple[Tensor, ...]:
        """Tokens after each block of a ViT, each stage of another network, in ``layers`` (0-based).

        Shapes are (B, T, C), for stages with numbers T and C of their own.

        Raises:
            ValueError: a block or stage that does not exist.
        """
        if max(layers) >= len(self.parts) or min(layers) < 0:  # in a graph: Python's own exceptions
            raise ValueError("forward_intermediates: got a layer beyond the last block or stage")
        return self.walk(images, layers)

    def features(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens (B, T, C) and pooled (B, C) from what ``forward_tokens`` gives."""
        raise NotImplementedError

    def construct(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return self.features(self.forward_tokens(images))


class TokenBackbone(Backbone):
    """Transformers whose blocks see a class token and all patches: T = 1 + N.

    The pooled feature is the normed class token.
    """

    num_prefix_tokens = 1

    def forward_attention(self, images: Tensor) -> Tensor:
        """Attention weights of the last block, (B, H, 1 + N, 1 + N); rows sum to 1."""
        x = self.walk(images, (len(self.parts) - 2,))[0]
        return self.parts[-1].attention_weights(x, *self.part_inputs()[-1])

    def forward_attentions(self, images: Tensor) -> tuple[Tensor, ...]:
        """Attention weights of every block, (B, H, 1 + N, 1 + N) each; rows sum to 1."""
        x, inputs = self.embed(images), self.part_inputs()
        taken: tuple[Tensor, ...] = ()
        for index, part in enumerate(self.parts):
            taken += (part.attention_weights(x, *inputs[index]),)
            x = part(x, *inputs[index])
        return taken

    def forward_tokens_and_attention(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """What ``forward_tokens`` gives, and the last block's attention (B, H, 1 + N, 1 + N)."""
        x = self.walk(images, (len(self.parts) - 2,))[0]
        return self.parts[-1].with_attention(x, *self.part_inputs()[-1])

    def features(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens (B, 1 + N, C) and pooled (B, C) from what ``forward_tokens`` gives."""
        tokens = self.final_norm(x)
        return tokens, tokens[:, 0]

    def layer_groups(self) -> dict[str, list[Parameter]]:
        """Parameters by depth, from the input up: ``embed``, ``blocks.0``, ..., ``norm``.

        What all blocks share belongs to ``embed``.
        """
        return groups_by_depth(self, self.parts, self.final_norm)


class PyramidBackbone(Backbone):
    """Networks whose maps shrink from stage to stage; every token is a pixel of the last map.

    The pooled feature is the mean of the normed tokens.
    """

    @property
    def blocks(self) -> list[nn.Cell]:
        """All blocks from the input up."""
        return [block for stage in self.parts for block in stage.blocks]

    def features(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens (B, N, C) and pooled (B, C) from what ``forward_tokens`` gives."""
        tokens = self.final_norm(x)
        return tokens, ops.mean(tokens, 1)

    def layer_groups(self) -> dict[str, list[Parameter]]:
        """Parameters by depth, from the input up: ``embed``, ``blocks.0``, ..., ``norm``.

        Blocks are counted through the stages; what leads to a stage belongs to the block before it.
        """
        return groups_by_stage(self, self.parts, self.final_norm)


class MapBackbone(PyramidBackbone):
    """The same with maps (B, H, W, C) inside: tokens are their pixels, row by row."""

    def tokens_of(self, x: Tensor) -> Tensor:
        """Maps (B, H, W, C) as tokens (B, HW, C)."""
        _, height, width, c = x.shape
        return x.reshape(-1, height * width, c)
