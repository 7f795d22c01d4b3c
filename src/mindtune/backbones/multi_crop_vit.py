"""ViT for crops of several sizes, and with masked patches: the networks of DINO, iBOT and SMKD."""

from __future__ import annotations

import numpy as np
from mindspore import Parameter, Tensor, ops
from mindspore.common.initializer import initializer

from mindtune.backbones.vit import VisionTransformer, ViTArchitecture
from mindtune.errors import ConfigError
from mindtune.layers.patch_embed import add_positions, with_class_token
from mindtune.preprocessing import Preprocessing
from mindtune.weights.position import resize_matrix


class MultiCropViT(VisionTransformer):
    """A ViT that takes images of its own size and of each of ``crop_sizes``.

    The position embedding is resampled for them inside the network, so that its gradient flows: as
    one product with a constant matrix a crop size (``mindtune.weights.position``, method ``scale``,
    as DINO, iBOT and SMKD do it).

    Args:
        arch: the numbers of the network.
        preprocessing: its ``input_size`` is the size of the position embedding.
        drop_path: rate of the last block.
        crop_sizes: further image sizes, pixels.

    Raises:
        ConfigError: a crop size that the patches do not divide.
    """

    def __init__(
        self,
        arch: ViTArchitecture,
        preprocessing: Preprocessing,
        drop_path: float = 0.0,
        crop_sizes: tuple[int, ...] = (),
    ) -> None:
        super().__init__(arch, preprocessing, drop_path)
        side = self.patch_embed.grid_size[0]
        for size in crop_sizes:
            if size % arch.patch_size:
                raise ConfigError(
                    f"crop_sizes: got {size}, expected multiples of the patch size "
                    f"{arch.patch_size}"
                )
        matrices = [resize_matrix(side, size // arch.patch_size, "scale") for size in crop_sizes]
        self.resizers = tuple(Tensor(np.kron(m, m).astype(np.float32)) for m in matrices)

    def positions(self, patches: int) -> Tensor:
        """Position embedding (1, 1 + N, C) for N ``patches``.

        Raises:
            ValueError: an image size that was not announced.
        """
        if patches == self.patch_embed.num_patches:
            return self.pos_embed
        for matrix in self.resizers:  # (N, N of the position embedding)
            if patches == matrix.shape[0]:
                resized = ops.matmul(matrix, self.pos_embed[0, 1:])  # (N, C)
                return ops.concat((self.pos_embed[:, :1], resized.expand_dims(0)), axis=1)
        raise ValueError("MultiCropViT: got an image of a size that is not among crop_sizes")

    def with_positions(self, patches: Tensor) -> Tensor:
        """Class token and patches (B, N, C) with their positions, (B, 1 + N, C)."""
        tokens = with_class_token(self.cls_token, patches)
        return add_positions(tokens, self.positions(patches.shape[1]))

    def embed(self, images: Tensor) -> Tensor:
        """Input of the first block, (B, 1 + N, C)."""
        return self.with_positions(self.patch_embed(images))

    def tokens(self, x: Tensor) -> Tensor:
        """From what ``embed`` gives: tokens after the final norm, (B, 1 + N, C)."""
        for block in self.blocks:
            x = block(x)
        return self.norm(x)

    def tokens_and_attention(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """From what ``embed`` gives: tokens after the final norm, attention of the last block.

        Returns:
            (B, 1 + N, C), and (B, H, 1 + N, 1 + N) with rows summing to 1.
        """
        last = len(self.blocks) - 1
        for index, block in enumerate(self.blocks):  # no slice: see Backbone.walk
            if index < last:
                x = block(x)
        x, weights = self.blocks[-1].with_attention(x)
        return self.norm(x), weights


class MaskedViT(MultiCropViT):
    """The student: ``masked_embed`` (1, C) takes the place of masked patches.

    Its positions are added after that, so the network knows where a patch is missing. It starts at
    zero. iBOT (Zhou et al., ICLR 2022) and SMKD (Lin et al., CVPR 2023) train such students; their
    teachers, and the networks to evaluate, are ``MultiCropViT``.
    """

    def __init__(
        self,
        arch: ViTArchitecture,
        preprocessing: Preprocessing,
        drop_path: float = 0.0,
        crop_sizes: tuple[int, ...] = (),
    ) -> None:
        super().__init__(arch, preprocessing, drop_path, crop_sizes)
        zeros = initializer("zeros", (1, arch.embed_dim))
        self.masked_embed = Parameter(zeros, name="masked_embed")

    def embed_masked(self, images: Tensor, mask: Tensor) -> Tensor:
        """Input of the first block (B, 1 + N, C), patches hidden where ``mask`` (B, N) is true."""
        patches = self.patch_embed(images)  # (B, N, C)
        hidden = ops.cast(mask, patches.dtype).expand_dims(-1)  # (B, N, 1)
        masked = ops.cast(self.masked_embed, patches.dtype)  # (1, C)
        return self.with_positions(patches * (1 - hidden) + masked * hidden)
