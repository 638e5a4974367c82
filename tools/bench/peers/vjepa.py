#===- vjepa.py - V-JEPA in PyTorch, the peer that jepac is measured against --#
# Part of jepac, under the Apache License v2.0 with LLVM Exceptions. See LICENSE.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#===-----------------------------------------------------------------------===#
"""V-JEPA (Bardes et al. 2024) as plain PyTorch modules, as one would write it today.

Parameter names are the published state-dict names. It does what a careful author does to be fast: patches are embedded
once and gathered for each mask group, attention is `scaled_dot_product_attention`, AdamW is fused, the teacher moves in
one `foreach` call.
"""

import dataclasses
import math

import torch
from torch import nn
from torch.nn import functional as F


@dataclasses.dataclass(frozen=True)
class Geometry:
    crop: int
    frames: int
    patch: int
    tubelet: int
    in_chans: int
    embed_dim: int
    depth: int
    heads: int
    mlp_ratio: float
    predictor_embed_dim: int
    predictor_depth: int
    predictor_heads: int
    batch: int
    uniform_power: bool
    norm_eps: float
    loss_exp: float
    reg_coeff: float
    context_tokens: tuple
    target_tokens: tuple
    lr: float
    weight_decay: float
    ema: float

    @property
    def grid(self):
        return self.frames // self.tubelet, self.crop // self.patch, self.crop // self.patch

    @property
    def tokens(self):
        return math.prod(self.grid)

    @staticmethod
    def from_settings(settings):
        """From the texts of `info --json`'s `geometry`, or of a reference file's metadata."""
        counts = lambda key: tuple(int(n) for n in settings.get(key, "").split(",") if n)
        return Geometry(
            **{key: int(settings[key]) for key in ("crop", "frames", "patch", "tubelet", "embed_dim", "depth", "heads",
                                                   "predictor_embed_dim", "predictor_depth", "batch")},
            **{key: float(settings[key]) for key in ("lr", "weight_decay", "ema")},
            in_chans=int(settings.get("in_chans", 3)),
            mlp_ratio=float(settings.get("mlp_ratio", 4)),
            predictor_heads=int(settings.get("predictor_heads") or settings["heads"]),
            uniform_power=settings["uniform_power"] in ("True", "true", "1"),
            norm_eps=float(settings.get("norm_eps", 1e-6)),
            loss_exp=float(settings.get("loss_exp", 1)),
            reg_coeff=float(settings.get("reg_coeff", 0)),
            context_tokens=counts("context_tokens"),
            target_tokens=counts("target_tokens"))


def position_table(grid, width, uniform):
    """Sine-cosine codes of (time, row, column) as [1, tokens, width]; float64 inside."""
    widths = [2 * math.ceil(width / 6)] * 3 if uniform else [width // 2, width // 4, width // 4]
    axes = torch.meshgrid(*(torch.arange(size, dtype=torch.float64) for size in grid), indexing="ij")
    codes = []
    for places, d in zip(axes, widths):
        frequencies = 10000.0 ** (-torch.arange(d // 2, dtype=torch.float64) / (d / 2))
        angles = places.reshape(-1, 1) * frequencies
        codes += [angles.sin(), angles.cos()]
    return torch.cat(codes, dim=1)[:, :width].float().unsqueeze(0)


def gather(x, indices):
    """The tokens `indices` [batch, count] of x [batch or 1, tokens, width]."""
    x = x.expand(indices.shape[0], -1, -1)
    return x.gather(1, indices.unsqueeze(-1).expand(-1, -1, x.shape[-1]))


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x):
        batch, tokens, width = x.shape
        q, k, v = self.qkv(x).view(batch, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v)
        return self.proj(y.transpose(1, 2).reshape(batch, tokens, width))


class Mlp(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    def __init__(self, width, heads, hidden, eps):
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=eps)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=eps)
        self.mlp = Mlp(width, hidden)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class PatchEmbed(nn.Module):
    def __init__(self, g):
        super().__init__()
        kernel = (g.tubelet, g.patch, g.patch)
        self.proj = nn.Conv3d(g.in_chans, g.embed_dim, kernel_size=kernel, stride=kernel)

    def forward(self, clip):
        """A convolution whose windows do not overlap is a linear layer of the patches: faster here than Conv3d."""
        b, c, t, h, w = clip.shape
        kt, kh, kw = self.proj.kernel_size
        patches = clip.view(b, c, t // kt, kt, h // kh, kh, w // kw, kw).permute(0, 2, 4, 6, 1, 3, 5, 7)
        return F.linear(patches.reshape(b, -1, c * kt * kh * kw), self.proj.weight.flatten(1), self.proj.bias)


class Encoder(nn.Module):
    def __init__(self, g):
        super().__init__()
        self.patch_embed = PatchEmbed(g)
        self.register_buffer("pos_embed", position_table(g.grid, g.embed_dim, g.uniform_power))
        hidden = int(g.embed_dim * g.mlp_ratio)
        self.blocks = nn.ModuleList(Block(g.embed_dim, g.heads, hidden, g.norm_eps) for _ in range(g.depth))
        self.norm = nn.LayerNorm(g.embed_dim, eps=g.norm_eps)

    def tokens(self, clip):
        return self.patch_embed(clip) + self.pos_embed

    def encode(self, x):
        for block in self.blocks:
            x = block(x)
        return self.norm(x)

    def forward(self, clip):
        return self.encode(self.tokens(clip))


class Predictor(nn.Module):
    def __init__(self, g):
        super().__init__()
        width = g.predictor_embed_dim
        self.predictor_embed = nn.Linear(g.embed_dim, width)
        self.mask_tokens = nn.ParameterList(nn.Parameter(torch.zeros(1, 1, width)) for _ in g.context_tokens)
        self.register_buffer("predictor_pos_embed", position_table(g.grid, width, g.uniform_power))
        self.predictor_blocks = nn.ModuleList(
            Block(width, g.predictor_heads, int(width * g.mlp_ratio), g.norm_eps) for _ in range(g.predictor_depth))
        self.predictor_norm = nn.LayerNorm(width, eps=g.norm_eps)
        self.predictor_proj = nn.Linear(width, g.embed_dim)

    def forward(self, seen, context, target, group):
        x = self.predictor_embed(seen) + gather(self.predictor_pos_embed, context)
        hidden = self.mask_tokens[group] + gather(self.predictor_pos_embed, target)
        x = torch.cat([x, hidden], dim=1)
        for block in self.predictor_blocks:
            x = block(x)
        return self.predictor_proj(self.predictor_norm(x)[:, seen.shape[1]:])


class VJepa(nn.Module):
    def __init__(self, g):
        super().__init__()
        self.g = g
        self.encoder = Encoder(g)
        self.predictor = Predictor(g)
        self.target_encoder = Encoder(g)
        for module in (self.encoder, self.predictor):
            for name, p in module.named_parameters():
                if name.endswith("weight") and p.ndim > 1:
                    nn.init.trunc_normal_(p, std=0.02)
                elif name.endswith("bias"):
                    nn.init.zeros_(p)
        self.target_encoder.load_state_dict(self.encoder.state_dict())
        self.target_encoder.requires_grad_(False)

    def forward(self, clip, masks):
        """The loss for `masks`, pairs of (context, target) indices [batch, count]."""
        with torch.no_grad():
            features = self.target_encoder(clip)
            features = F.layer_norm(features.float(), features.shape[-1:], eps=1e-5)
        tokens = self.encoder.tokens(clip)
        losses, spreads = [], []
        for group, (context, target) in enumerate(masks):
            seen = self.encoder.encode(gather(tokens, context))
            predicted = self.predictor(seen, context, target, group).float()
            error = (predicted - gather(features, target)).abs()
            if self.g.loss_exp != 1:
                error = error**self.g.loss_exp / self.g.loss_exp
            losses.append(error.mean())
            if self.g.reg_coeff:
                spreads.append((predicted.var(dim=1) + 1e-4).sqrt())
        loss = sum(losses) / len(losses)
        if spreads:
            loss = loss + self.g.reg_coeff * F.relu(1 - sum(spreads) / len(spreads)).mean()
        return loss


class Trainer:
    """The step: forward, backward, AdamW, teacher."""

    def __init__(self, model, dtype=torch.float32, loss_function=None):
        self.model, self.dtype = model, dtype
        self.loss_function = model if loss_function is None else loss_function
        decay, plain = [], []
        for name, p in model.named_parameters():
            if p.requires_grad:
                (plain if p.ndim == 1 or "bias" in name else decay).append(p)
        self.optimizer = torch.optim.AdamW([{"params": decay}, {"params": plain, "weight_decay": 0}], lr=model.g.lr,
                                           weight_decay=model.g.weight_decay, fused=True)
        self.students = list(model.encoder.parameters())
        self.teachers = list(model.target_encoder.parameters())

    def step(self, clip, masks):
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast(clip.device.type, dtype=torch.bfloat16, enabled=self.dtype == torch.bfloat16):
            loss = self.loss_function(clip, masks)
        loss.backward()
        self.optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(self.teachers, self.students, 1 - self.model.g.ema)
        return loss.detach()
