"""Image to patch tokens."""

from __future__ import annotations

from mindspore import Parameter, Tensor, nn, ops
from mindspore.common.initializer import Normal, initializer

from mindtune.errors import ConfigError
from mindtune.layers.channel_map import add_to_channels
from mindtune.layers.linear import LinearMap
from mindtune.layers.norm import LayerNorm
from mindtune.layers.permute import Permute


def patch_grid(image_size: int, patch_size: int) -> tuple[int, int]:
    """Rows and columns of the patches of a square image.

    Raises:
        ConfigError: a size that the patches do not divide.
    """
    if image_size % patch_size:
        raise ConfigError(
            f"backbone.image_size: got {image_size}, expected a multiple of the patch size "
            f"{patch_size}; use {image_size // patch_size * patch_size or patch_size}"
        )
    return image_size // patch_size, image_size // patch_size


class PatchProjection(nn.Cell):
    """A convolution whose stride is its kernel, computed as one matrix product.

    Parameters keep the convolution's shape, weight (C, 3, p, p) and, with ``has_bias``, bias (C,),
    so checkpoints fit; MindSpore's CPU convolution is far slower than its matrix product for this
    case.
    """

    def __init__(
        self, patch_size: int, embed_dim: int, in_channels: int = 3, has_bias: bool = True
    ) -> None:
        super().__init__()
        self.patch_size = patch_size
        self.has_bias = has_bias
        self.by_patch = Permute(0, 2, 4, 1, 3, 5)
        self.linear_map = LinearMap(has_bias)
        shape = (embed_dim, in_channels, patch_size, patch_size)
        self.weight = Parameter(initializer(Normal(0.02), shape), name="weight")
        if has_bias:
            self.bias = Parameter(initializer("zeros", (embed_dim,)), name="bias")

    def construct(self, images: Tensor) -> Tensor:
        b, c, height, width = images.shape
        p = self.patch_size
        rows, columns = height // p, width // p
        x = images.reshape(b, c, rows, p, columns, p)
        x = self.by_patch(x)  # (B, rows, columns, 3, p, p)
        x = x.reshape(b, rows * columns, c * p * p)  # (B, N, 3pp)
        weight = ops.cast(self.weight, x.dtype).reshape(-1, c * p * p)  # (C, 3pp)
        if not self.has_bias:
            return self.linear_map(x, weight)  # (B, N, C)
        return self.linear_map(x, weight, ops.cast(self.bias, x.dtype))  # (B, N, C)


class PatchEmbed(nn.Cell):
    """Split an image (B, 3, S, S) into patches, row by row, and embed each: (B, N, C)."""

    def __init__(self, image_size: int, patch_size: int, embed_dim: int) -> None:
        super().__init__()
        self.grid_size = patch_grid(image_size, patch_size)
        self.num_patches = self.grid_size[0] * self.grid_size[1]
        self.proj = PatchProjection(patch_size, embed_dim)

    def construct(self, images: Tensor) -> Tensor:
        return self.proj(images)


class NormedPatchEmbed(PatchEmbed):
    """The same with a norm of the embedded patches, as hierarchical networks have."""

    def __init__(self, image_size: int, patch_size: int, embed_dim: int, norm_eps: float) -> None:
        super().__init__(image_size, patch_size, embed_dim)
        self.norm = LayerNorm(embed_dim, norm_eps)

    def construct(self, images: Tensor) -> Tensor:
        return self.norm(self.proj(images))


def with_class_token(token: Parameter, patches: Tensor) -> Tensor:
    """Patches (B, N, C) with the class token (1, 1, C) before them, (B, 1 + N, C)."""
    tokens = ops.tile(token, (patches.shape[0], 1, 1))  # (B, 1, C)
    return ops.concat((tokens.astype(patches.dtype), patches), axis=1)


def add_positions(tokens: Tensor, positions: Tensor) -> Tensor:
    """Tokens (B, T, C) plus positions (T, C) or (1, T, C), without the table of a broadcast sum."""
    _, count, dim = tokens.shape
    rows = ops.cast(tokens, positions.dtype).reshape(-1, count * dim)  # (B, TC)
    return add_to_channels(rows, positions.reshape(-1)).reshape(-1, count, dim)
