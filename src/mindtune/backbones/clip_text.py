"""CLIP's text transformer (Radford et al., ICML 2021) under OpenAI's parameter names."""

from __future__ import annotations

from dataclasses import dataclass

from mindspore import Parameter, Tensor, nn, ops
from mindspore import dtype as mstype
from mindspore.common.initializer import Normal, initializer

from mindtune.backbones.clip_transformer import NORM_EPS, Transformer
from mindtune.layers.norm import LayerNorm
from mindtune.layers.packed_attention import CausalAttention
from mindtune.layers.patch_embed import add_positions


@dataclass(frozen=True)
class CLIPTextArchitecture:
    """The numbers that make one text tower differ from another.

    OpenAI's have ``num_heads`` = width / 64 and perceptrons of 4 widths (``hidden_dim`` None).
    """

    width: int
    num_heads: int
    embed_dim: int
    depth: int = 12
    context_length: int = 77
    vocab_size: int = 49408
    hidden_dim: int | None = None


class TokenEmbedding(nn.Cell):
    """Rows of ``weight`` (V, C) by number: ids (B, L) -> (B, L, C)."""

    def __init__(self, vocab_size: int, dim: int) -> None:
        super().__init__()
        self.weight = Parameter(initializer(Normal(0.02), (vocab_size, dim)), name="weight")

    def construct(self, ids: Tensor) -> Tensor:
        return ops.gather(self.weight, ids, 0)


class TextEncoder(nn.Cell):
    """The text tower: ``encode_text`` of token ids (B, L), L at most the context length.

    The feature is the one of the end-of-text token, which is found as the largest id of its row;
    tokens see only what stands before them. Parameters lie at the root, as in OpenAI's files.
    """

    def __init__(self, arch: CLIPTextArchitecture) -> None:
        super().__init__()
        self.text_arch = arch
        width = arch.width
        self.token_embedding = TokenEmbedding(arch.vocab_size, width)
        self.positional_embedding = Parameter(
            initializer(Normal(0.01), (arch.context_length, width)), name="positional_embedding"
        )
        attentions = [
            CausalAttention(width, arch.num_heads, arch.context_length) for _ in range(arch.depth)
        ]
        self.transformer = Transformer(attentions, width, [0.0] * arch.depth, arch.hidden_dim)
        self.ln_final = LayerNorm(width, NORM_EPS)
        self.text_projection = Parameter(
            initializer(Normal(width**-0.5), (width, arch.embed_dim)), name="text_projection"
        )

    def encode_text(self, ids: Tensor) -> Tensor:
        """Text features (B, D), not normalised.

        Raises:
            ValueError: more tokens than the context length.
        """
        batch, length = ids.shape
        if length > self.text_arch.context_length:  # in a graph: Python's own exceptions
            raise ValueError("encode_text: got more tokens than the context length")
        x = add_positions(self.token_embedding(ids), self.positional_embedding[:length])
        x = self.transformer(x)
        ends = ops.argmax(ops.cast(ids, mstype.float32), -1)  # exact: ids are below 2^24
        rows = ops.arange(batch) * length + ends  # (B,)
        last = ops.gather(x.reshape(batch * length, -1), rows, 0)  # (B, C)
        return ops.matmul(self.ln_final(last), self.text_projection)


class CLIPTextTransformer(TextEncoder):
    """The text tower alone: token ids (B, L) -> text features (B, D), not normalised."""

    def construct(self, ids: Tensor) -> Tensor:
        return self.encode_text(ids)
