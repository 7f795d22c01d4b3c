"""The networks in PyTorch, as functions of their weights by name. Imported only where it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

Weights = Mapping[str, Tensor]
Attend = Callable[..., Tensor]


def sdpa(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None) -> Tensor:
    """PyTorch's own fused attention, (..., H, N, d)."""
    return F.scaled_dot_product_attention(q, k, v, attn_mask=bias)


def plain(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None) -> Tensor:
    """Two products and a softmax."""
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)
    return (scores if bias is None else scores + bias).softmax(-1) @ v


FORMS: dict[str, Attend] = {"sdpa": sdpa, "plain": plain}


class Network:
    """Images (B, 3, S, S) -> logits (B, K).

    Args:
        arrays: parameters by our names (timm's); of a Swin also ``<attention>.mask`` (nW or 1, 1,
            N, N) and ``<attention>.index`` (N, N).
        trained: names of those which get gradients.
        facts: ``depths`` and ``heads`` by stage, ``eps``, the name ``classifier`` of a linear head;
            of a Swin ``windows`` (side and shift) and ``counts`` (windows an image) by block.
    """

    def __init__(
        self, arrays: Mapping[str, np.ndarray], trained: list[str], facts: dict, attend: Attend
    ) -> None:
        self.w = {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}
        for name in trained:
            self.w[name].requires_grad_()
        self.trained = [self.w[name] for name in trained]
        self.facts, self.attend = facts, attend

    def __call__(self, images: Tensor) -> Tensor:
        tokens, pooled = self.swin(images) if "windows" in self.facts else self.vit(images)
        if f"{self.facts['classifier']}.weight" in self.w:
            return self.linear(self.facts["classifier"], pooled)
        return self.moment_head(tokens, pooled)

    def linear(self, name: str, x: Tensor) -> Tensor:
        return F.linear(x, self.w[f"{name}.weight"], self.w.get(f"{name}.bias"))

    def norm(self, name: str, x: Tensor, eps: float | None = None) -> Tensor:
        weight, bias = self.w[f"{name}.weight"], self.w[f"{name}.bias"]
        return F.layer_norm(
            x, weight.shape, weight, bias, self.facts["eps"] if eps is None else eps
        )

    def patches(self, images: Tensor) -> Tensor:
        weight, bias = self.w["patch_embed.proj.weight"], self.w["patch_embed.proj.bias"]
        x = F.conv2d(images, weight, bias, stride=weight.shape[-1])
        return x.flatten(2).transpose(1, 2)  # (B, N, C)

    def attention(self, name: str, x: Tensor, heads: int, bias: Tensor | None = None) -> Tensor:
        b, n, c = x.shape
        qkv = self.linear(f"{name}.qkv", x).reshape(b, n, 3, heads, c // heads)
        mixed = self.attend(*qkv.permute(2, 0, 3, 1, 4), bias)  # (B, H, N, d)
        return self.linear(f"{name}.proj", mixed.transpose(1, 2).reshape(b, n, c))

    def perceptron(self, name: str, x: Tensor) -> Tensor:
        hidden = F.gelu(self.linear(f"{name}.mlp.fc1", self.norm(f"{name}.norm2", x)))
        branch = self.linear(f"{name}.mlp.fc2", hidden)
        if f"{name}.psrp.down.weight" not in self.w:
            return x + branch
        reduced = F.relu(self.linear(f"{name}.psrp.down", x))
        shift = self.linear(f"{name}.psrp.up_bias", reduced)
        return x + shift + (1 + self.linear(f"{name}.psrp.up_weight", reduced)) * branch

    def vit(self, images: Tensor) -> tuple[Tensor, Tensor]:
        x = self.patches(images)
        first = self.w["cls_token"].expand(x.shape[0], -1, -1)
        x = torch.cat((first, x), 1) + self.w["pos_embed"]
        for i in range(self.facts["depths"][0]):
            name = f"blocks.{i}"
            x = x + self.attention(
                f"{name}.attn", self.norm(f"{name}.norm1", x), self.facts["heads"][0]
            )
            x = self.perceptron(name, x)
        x = self.norm("norm", x)
        return x, x[:, 0]

    def swin(self, images: Tensor) -> tuple[Tensor, Tensor]:
        x = self.norm("patch_embed.norm", self.patches(images))
        for stage, depth in enumerate(self.facts["depths"]):
            if stage > 0:
                x = self.merge(f"layers.{stage}.downsample", x)
            for i in range(depth):
                x = self.swin_block(f"layers.{stage}.blocks.{i}", x, self.facts["heads"][stage])
        x = self.norm("norm", x)
        return x, x.mean(1)

    def merge(self, name: str, x: Tensor) -> Tensor:
        b, n, c = x.shape
        half = math.isqrt(n) // 2
        x = x.reshape(b, half, 2, half, 2, c).permute(0, 1, 3, 4, 2, 5)
        return self.linear(f"{name}.reduction", self.norm(f"{name}.norm", x.reshape(b, -1, 4 * c)))

    def swin_block(self, name: str, x: Tensor, heads: int) -> Tensor:
        b, n, c = x.shape
        side, window, shift = math.isqrt(n), *self.facts["windows"][name]
        count = side // window
        z = self.norm(f"{name}.norm1", x).reshape(b, side, side, c)
        z = z.roll((-shift, -shift), (1, 2)) if shift else z
        z = z.reshape(b, count, window, count, window, c).transpose(2, 3)
        z = self.attention(
            f"{name}.attn", z.reshape(-1, window**2, c), heads, self.window_bias(name, b)
        )
        z = z.reshape(b, count, count, window, window, c).transpose(2, 3).reshape(b, side, side, c)
        z = z.roll((shift, shift), (1, 2)) if shift else z
        return self.perceptron(name, x + z.reshape(b, n, c))

    def window_bias(self, name: str, batch: int) -> Tensor:
        """Bias and mask of the scores, (B * nW, H, N, N)."""
        table = self.w[f"{name}.attn.relative_position_bias_table"]
        bias = table[self.w[f"{name}.attn.index"].long()].permute(2, 0, 1)  # (H, N, N)
        mask = self.w[f"{name}.attn.mask"]  # (nW or 1, 1, N, N)
        windows = self.facts["counts"][name]
        return (bias + mask).expand(windows, -1, -1, -1).repeat(batch, 1, 1, 1)

    def moment_head(self, tokens: Tensor, pooled: Tensor) -> Tensor:
        z = self.linear("head.proj", tokens[:, 1:])
        dim = self.w["head.ln.weight"].shape[0]
        a = self.norm("head.ln", z.unflatten(2, (-1, dim)), 1e-5)
        each = (a - a.mean((1, 3), keepdim=True)).unbind(2)  # H x (B, N, d)
        maps = [left.transpose(1, 2) @ right for left, right in zip(each, each[1:])]
        maps = F.normalize(torch.stack(maps, 1) / z.shape[1], dim=2, eps=1e-12)
        for i, name in enumerate(("head.downblocks.0.0.weight", "head.downblocks.0.2.weight")):
            maps = F.conv2d(F.gelu(maps) if i else maps, self.w[name], stride=2)
        second = self.linear("head.classifier2", maps.flatten(1))
        return (self.linear("head.classifier1", pooled) + second) / 2


def call_of(network: Network, images: np.ndarray, targets: np.ndarray | None) -> Callable:
    """Logits as NumPy's or, where there are targets, a train step which gives its loss."""
    x = torch.from_numpy(images)
    if targets is None:

        @torch.no_grad()
        def infer() -> np.ndarray:
            return network(x).numpy()

        return infer
    y = torch.from_numpy(targets)
    optimizer = torch.optim.AdamW(network.trained, 1e-5, weight_decay=0.05)

    def step() -> float:
        optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(network(x), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step
