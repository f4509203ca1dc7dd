"""Training arithmetic: what plain autograd does, with fewer passes over memory.

Weights and the residual stream are fp32, matrix products run in bf16 or fp32. `torch.autocast` does the same, but
converts the input of every linear layer by itself and runs every norm in several fp32 passes. `Transformer` uses it
only when `compute` is set; answers are made without it.

In the numerics profile "portable" linear layers and the output head go to oneDNN, whose fp32 sums are the same on every
processor with AVX2 and twice as fast as MKL's when MKL is held to what all have (docs/log.md). torch offers it by a
private operator only, which tests/model/test_kernels.py watches.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

ATTENTION_CHUNK = 128  # queries; measured at 256 tokens: 64 the same, 32 and 256 slower by a fifth
HEAD_CHUNK = 64  # rows of logits held at once: 64 x 49,152 in fp32 are 13 MB (docs/log.md: 128 and 256 no faster)
HEAD_ELEMENTS = 1 << 25  # gradients of logits held at once in the compute dtype: 67 MB in bf16; one chunk at least


def applied(function: type[torch.autograd.Function], *inputs: Any) -> Tensor:
    """What a function with a way back of its own makes of its inputs."""
    untyped: Any = function  # torch gives `apply` no types; said here, once
    made: Tensor = untyped.apply(*inputs)
    return made


_onednn = False


def use_onednn(yes: bool) -> None:
    """Multiply fp32 matrices on the processor by oneDNN, or by whatever torch takes; holds for the process."""
    global _onednn
    _onednn = yes


def times(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x W^T + bias, as `torch.nn.functional.linear`; no gradient flows through it when oneDNN is used.

    Args:
        x: (..., in).
        weight: (out, in); may be a transposed view, as x may.
        bias: (out,).
    """
    if _onednn and x.dtype == torch.float32 and x.device.type == "cpu":
        product: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")
        return product
    return F.linear(x, weight, bias)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`times` with gradients."""
    if _onednn and x.dtype == torch.float32 and x.device.type == "cpu":
        return applied(OneDnnLinear, x, weight, bias)
    return F.linear(x, weight, bias)


class OneDnnLinear(torch.autograd.Function):
    """A linear layer whose three products are made by oneDNN."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return times(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        rows = gradient.flatten(0, -2)
        return (
            times(gradient, weight.T) if ctx.needs_input_grad[0] else None,
            times(rows.T, x.flatten(0, -2).T) if ctx.needs_input_grad[1] else None,
            rows.sum(0) if ctx.needs_input_grad[2] else None,
        )


class MixedRMSNorm(torch.autograd.Function):
    """RMSNorm in fp32 that reads one dtype and writes another, in one step each way."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, epsilon: float, dtype: torch.dtype) -> Tensor:
        wide = x.float()
        length = torch.linalg.vector_norm(wide, dim=-1, keepdim=True)
        scale = torch.rsqrt_(length.square_().div_(x.shape[-1]).add_(epsilon))
        ctx.save_for_backward(x, weight, scale)
        normed = wide * scale if wide is x else wide.mul_(scale)
        return normed.mul_(weight).to(dtype)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor | None, None, None]:
        x, weight, scale = ctx.saved_tensors
        gradient = gradient.float()
        normed = x.float()
        normed = normed * scale if normed is x else normed.mul_(scale)
        products = (gradient * normed).flatten(0, -2)
        weight_gradient = products.sum(0) if ctx.needs_input_grad[1] else None
        inner = torch.mv(products, weight.float()).view(scale.shape).div_(-x.shape[-1])
        result = torch.mul(gradient, weight, out=products.view(x.shape)).addcmul_(normed, inner).mul_(scale)
        return result.to(x.dtype), weight_gradient, None, None


class CausalAttention(torch.autograd.Function):
    """Rotary positions, matrix product, softmax, matrix product, for `ATTENTION_CHUNK` queries at a time, so that most
    of what they must not see is never computed.

    torch's softmax of bf16 computes in fp32 and rounds once: the bits are those of a softmax of fp32 copies, without
    the copies. Only the probabilities are kept for the way back.
    """

    @staticmethod
    def forward(
        ctx: Any, query: Tensor, key: Tensor, value: Tensor, cosines: Tensor, sines: Tensor, mask: Tensor | None
    ) -> Tensor:
        batch, time, heads, width = query.shape
        ctx.heads, groups = heads, heads // key.shape[2]
        query = turned(by_head(query), cosines, sines).mul_(width**-0.5).flatten(0, 1)
        key, value = turned(by_head(key), cosines, sines), by_head(value)
        shared = key, value  # kept for the way back before they are repeated
        key, value = repeated(key, groups).flatten(0, 1), repeated(value, groups).flatten(0, 1)
        out, kept = torch.empty_like(query), []
        for start in range(0, time, ATTENTION_CHUNK):
            end = min(start + ATTENTION_CHUNK, time)
            scores = torch.bmm(query[:, start:end], key[:, :end].transpose(1, 2))
            if mask is not None and mask.ndim == 2:
                scores[:, :, start:] += mask[start:end, start:end]  # before `start` nothing is hidden
            elif mask is not None:
                scores.view(batch, heads, end - start, end).add_(mask[:, :, start:end, :end])
            weights = torch.softmax(scores, dim=-1)
            out[:, start:end] = torch.bmm(weights, value[:, :end])  # `out=` of a view cannot be compiled
            kept.append(weights)
        ctx.groups = groups
        ctx.save_for_backward(query, *shared, cosines, sines, *kept)
        return by_head(out.view(batch, heads, time, width)).flatten(2)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, cosines, sines, *kept = ctx.saved_tensors
        key, value = repeated(key, ctx.groups).flatten(0, 1), repeated(value, ctx.groups).flatten(0, 1)
        batch, time, _ = gradient.shape
        whole = (batch, ctx.heads, time, query.shape[-1])
        gradient = by_head(gradient.view(batch, time, ctx.heads, -1)).flatten(0, 1)
        of_query = torch.empty_like(query)
        of_key = of_value = None
        # From the last chunk, which sees all keys, to the first: the others add to a part of its sums.
        for index in reversed(range(len(kept))):
            start, weights = index * ATTENTION_CHUNK, kept[index]
            end = start + weights.shape[1]
            part = gradient[:, start:end]
            share = torch.bmm(part, value[:, :end].transpose(1, 2))
            share = torch.ops.aten._softmax_backward_data(share, weights, -1, share.dtype)
            of_query[:, start:end] = torch.bmm(share, key[:, :end])
            new_key, new_value = share.transpose(1, 2) @ query[:, start:end], weights.transpose(1, 2) @ part
            if of_key is None or of_value is None:
                of_key, of_value = new_key, new_value
            else:
                of_key[:, :end] += new_key
                of_value[:, :end] += new_value
        assert of_key is not None and of_value is not None
        of_query = turned(of_query.view(whole).mul_(whole[-1] ** -0.5), cosines, sines, back=True)
        of_key = turned(gathered(of_key.view(whole), ctx.groups), cosines, sines, back=True)
        of_value = gathered(of_value.view(whole), ctx.groups)
        return by_head(of_query), by_head(of_key), by_head(of_value), None, None, None


def by_head(x: Tensor) -> Tensor:
    """(batch, time, heads, head_width) as (batch, heads, time, head_width), and the other way; a copy."""
    return x.transpose(1, 2).contiguous()


def repeated(x: Tensor, groups: int) -> Tensor:
    """Each head of keys or values for the `groups` query heads that share it."""
    return x if groups == 1 else x.repeat_interleave(groups, dim=1)


def gathered(x: Tensor, groups: int) -> Tensor:
    """The way back of `repeated`: (batch, heads, time, head_width) summed over the heads that share one."""
    return x if groups == 1 else x.view(len(x), -1, groups, *x.shape[2:]).sum(2)


def turned(x: Tensor, cosines: Tensor, sines: Tensor, back: bool = False) -> Tensor:
    """Apply the rotary embedding to x: (batch, heads, time, head_width); `back`: undo it."""
    first, second = x.chunk(2, dim=-1)
    swapped = torch.cat((second, -first) if back else (-second, first), dim=-1)
    return swapped.mul_(sines).addcmul_(x, cosines)


class GatedDown(torch.autograd.Function):
    """(silu(gate) · up) W^T with only gate and up kept: the product is made again on the way back. torch's bits."""

    @staticmethod
    def forward(ctx: Any, gate: Tensor, up: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(gate, up, weight)
        return times(F.silu(gate).mul_(up), weight)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        gate, up, weight = ctx.saved_tensors
        opened, of_inner, of_weight = F.silu(gate), times(gradient, weight.T), None
        if ctx.needs_input_grad[2]:
            of_weight = times(gradient.flatten(0, -2).T, (opened * up).flatten(0, -2).T)
        return torch.ops.aten.silu_backward(of_inner * up, gate), opened.mul_(of_inner), of_weight


class LookUp(torch.autograd.Function):
    """Rows of a table, with a sparse gradient: a dense one would be as large as the table, and nearly all zeros.

    A row that was looked up several times gets the sum in the order in which it was looked up.
    """

    @staticmethod
    def forward(ctx: Any, ids: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(ids)
        ctx.shape = weight.shape
        return F.embedding(ids, weight)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor]:
        (ids,) = ctx.saved_tensors
        rows, places = torch.unique(ids.flatten(), return_inverse=True)
        sums = gradient.new_zeros(len(rows), ctx.shape[1]).index_add_(0, places, gradient.flatten(0, -2))
        return None, torch.sparse_coo_tensor(rows[None], sums, ctx.shape, is_coalesced=True, check_invariants=False)


class LinearCrossEntropy(torch.autograd.Function):
    """Output head and cross-entropy together, a chunk of rows at a time, gradients made on the way forward.

    The logits of a batch over a vocabulary of 49,152 are the largest tensor of training; here no more than
    `HEAD_CHUNK` rows of them exist at any time.
    """

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, z_loss: float) -> Tensor:
        head = Head(hidden, weight)
        for rows, logits in head.chunks():
            wanted = targets[rows]
            places = torch.arange(len(wanted), device=wanted.device)
            share = torch.softmax(logits, dim=-1)
            right = share[places, wanted]
            logs = right.log()
            if right.min() < 1e-30:  # fp32 runs out of digits near 1e-38; the logarithm does not
                logs = F.log_softmax(logits, dim=-1)[places, wanted]
            head.loss -= logs.sum()
            if z_loss:
                level = (logits[places, wanted] - logs)[:, None]  # log-sum-exp of each row
                head.loss += z_loss * level.square().sum()
                share.mul_(1.0 + 2.0 * z_loss * level)
            share[places, wanted] -= 1.0
            head.push_back(rows, share)
        return head.end(ctx)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor | None, None, None]:
        return *Head.gradients(ctx, gradient), None, None


class LinearDistillation(torch.autograd.Function):
    """Output head and distillation loss together, chunk by chunk as `LinearCrossEntropy`."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        targets: Tensor,
        teacher_hidden: Tensor,
        teacher_weight: Tensor,
        share_of_teacher: float,
        temperature: float,
    ) -> Tensor:
        head, teacher = Head(hidden, weight), Head(teacher_hidden, teacher_weight)
        for (rows, logits), (_, taught) in zip(head.chunks(), teacher.chunks(), strict=True):
            wanted = targets[rows]
            places = torch.arange(len(wanted), device=wanted.device)
            soft = F.log_softmax(logits / temperature, dim=-1)
            right = F.log_softmax(taught / temperature, dim=-1)
            probable = right.exp()
            weighted = share_of_teacher * temperature * temperature
            head.loss += weighted * (probable * (right - soft)).sum()
            share = soft.exp_().sub_(probable).mul_(share_of_teacher * temperature)
            if share_of_teacher < 1:
                logs = F.log_softmax(logits, dim=-1)
                head.loss += (1 - share_of_teacher) * F.nll_loss(logs, wanted, reduction="sum")
                hard = logs.exp_()
                hard[places, wanted] -= 1.0
                share += hard.mul_(1 - share_of_teacher)
            head.push_back(rows, share)
        return head.end(ctx)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        return *Head.gradients(ctx, gradient), None, None, None, None, None


class Head:
    """The output head over the rows of a batch, a chunk of logits at a time, and what flows back through it."""

    def __init__(self, hidden: Tensor, weight: Tensor) -> None:
        self.hidden, self.weight = hidden, weight
        # What stays is made before what goes: one hole is left in the heap, and the gradient in fp32 fits into it.
        self.hidden_gradient = torch.empty_like(hidden)
        self.weight_gradient = hidden.new_empty(weight.shape) if weight.requires_grad else None
        self.working = weight.to(hidden.dtype)
        self.loss = torch.zeros((), dtype=torch.float32, device=hidden.device)
        # Gradients of logits are kept in the compute dtype until there is enough for one product with the weights.
        chunks = max(1, HEAD_ELEMENTS // (len(weight) * HEAD_CHUNK))
        self.waiting = hidden.new_empty(min(len(hidden), chunks * HEAD_CHUNK), len(weight))
        self.done = 0

    def chunks(self) -> Iterator[tuple[slice, Tensor]]:
        """The rows of each chunk and their logits, (at most HEAD_CHUNK, vocabulary_size) in fp32."""
        for start in range(0, len(self.hidden), HEAD_CHUNK):
            rows = slice(start, min(start + HEAD_CHUNK, len(self.hidden)))
            yield rows, times(self.hidden[rows], self.working).float()

    def push_back(self, rows: slice, share: Tensor) -> None:
        """Take the gradient of the loss by a chunk's logits."""
        self.waiting[rows.start - self.done : rows.stop - self.done] = share
        if rows.stop - self.done == len(self.waiting) or rows.stop == len(self.hidden):
            self._multiply(slice(self.done, rows.stop))

    def _multiply(self, rows: slice) -> None:
        share = self.waiting[: rows.stop - rows.start]
        if _onednn:
            self.hidden_gradient[rows] = times(share, self.working.T)
        else:
            torch.mm(share, self.working, out=self.hidden_gradient[rows])
        self.done = rows.stop
        if self.weight_gradient is None:
            return
        if _onednn:
            product = times(share.T, self.hidden[rows].T)
            self.weight_gradient = self.weight_gradient.to(self.weight.dtype).add_(product) if rows.start else product
        elif rows.start == 0:
            torch.mm(share.T, self.hidden[rows], out=self.weight_gradient)  # in the compute dtype, if it stays alone
        elif share.dtype == self.weight.dtype:
            self.weight_gradient.addmm_(share.T, self.hidden[rows])  # no second tensor of the head's size
        else:
            self.weight_gradient = self.weight_gradient.to(self.weight.dtype)
            self.weight_gradient += share.T @ self.hidden[rows]

    def of_weight(self) -> Tensor | None:
        """The gradient of the weight, perhaps still in the compute dtype."""
        if self.weight_gradient is not None and not len(self.hidden):
            self.weight_gradient.zero_()
        return self.weight_gradient

    def end(self, ctx: Any) -> Tensor:
        """Keep the gradients for the way back; the loss."""
        of_weight = self.of_weight()
        ctx.save_for_backward(self.hidden_gradient, *(() if of_weight is None else (of_weight,)))
        ctx.weight_dtype = self.weight.dtype
        return self.loss

    @staticmethod
    def gradients(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor | None]:
        """What `end` kept, scaled by what comes from above."""
        hidden_gradient, *weight_gradient = ctx.saved_tensors
        factor = gradient.item()
        of_weight = weight_gradient[0].to(ctx.weight_dtype).mul_(factor) if weight_gradient else None
        return hidden_gradient * factor, of_weight


class LinearLogProbability(torch.autograd.Function):
    """Output head and the log-probability of one token a row; logits are made again on the way back.

    What the log-probabilities are multiplied by is not known on the way forward, so that gradients cannot be made there
    as `LinearCrossEntropy` does.
    """

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
        head = Head(hidden, weight)
        logs = [
            F.log_softmax(logits, dim=-1).gather(1, targets[rows, None]).squeeze(1) for rows, logits in head.chunks()
        ]
        ctx.save_for_backward(hidden, weight, targets)
        return torch.cat(logs)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor | None, None]:
        hidden, weight, targets = ctx.saved_tensors
        head = Head(hidden, weight)
        for rows, logits in head.chunks():
            wanted = targets[rows]
            share = F.softmax(logits, dim=-1).neg_()
            share[torch.arange(len(wanted), device=wanted.device), wanted] += 1.0
            head.push_back(rows, share.mul_(gradient[rows, None]))
        of_weight = head.of_weight()
        return head.hidden_gradient, None if of_weight is None else of_weight.to(weight.dtype), None


def gated_down(gate: Tensor, up: Tensor, weight: Tensor) -> Tensor:
    """(silu(gate) · up) @ weight.T, SwiGLU behind its first two products; all of one dtype."""
    return applied(GatedDown, gate, up, weight)


def look_up(ids: Tensor, weight: Tensor) -> Tensor:
    """Rows of `weight`, (rows, width), by `ids`, integers: (..., width). The gradient by `weight` is sparse."""
    return applied(LookUp, ids, weight)


def causal_attention(
    query: Tensor, key: Tensor, value: Tensor, tables: tuple[Tensor, Tensor], mask: Tensor | None
) -> Tensor:
    """Attention of whole sequences whose tokens see nothing that comes after them, with rotary positions.

    Args:
        query: (batch, time, heads, head_width).
        key, value: (batch, time, kv_heads, head_width).
        tables: cosines and sines, (time, head_width) or (batch, 1, time, head_width).
        mask: added to the scores, (time, time) for the causal order or (batch, 1, time, time) for less than that; None
            when time is 1.

    Returns:
        (batch, time, heads * head_width)
    """
    return applied(CausalAttention, query, key, value, *tables, mask)


def linear_cross_entropy(hidden: Tensor, weight: Tensor, targets: Tensor, z_loss: float = 0.0) -> Tensor:
    """Summed cross-entropy of `hidden @ weight.T` against `targets`, in nats.

    Args:
        hidden: (rows, width), compute dtype.
        weight: (vocabulary_size, width), fp32 master weights or frozen weights of the compute dtype.
        targets: (rows,), integers.
        z_loss: pull of each row's log-sum-exp towards zero, times its square (Chowdhery et al. 2022; OLMo 2: 1e-5).
    """
    return applied(LinearCrossEntropy, hidden, weight, targets, z_loss)


def linear_distillation(
    hidden: Tensor,
    weight: Tensor,
    targets: Tensor,
    teacher: tuple[Tensor, Tensor],
    share_of_teacher: float,
    temperature: float,
) -> Tensor:
    """Summed loss of a student against a teacher's distribution and the right tokens (Hinton et al. 2015), in nats.

    Args:
        hidden, weight, targets: of the student, see `linear_cross_entropy`.
        teacher: its hidden states (rows, its width) and head (vocabulary_size, its width); no gradient flows there.
        share_of_teacher: 1 learns from the teacher alone, 0 from the targets alone.
        temperature: both distributions are flattened by it, and the loss scaled by its square.
    """
    return applied(LinearDistillation, hidden, weight, targets, *teacher, share_of_teacher, temperature)


def linear_log_probability(hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
    """The log-probability of each target under `hidden @ weight.T`: (rows,), fp32, in nats.

    Args:
        hidden, weight, targets: see `linear_cross_entropy`.
    """
    return applied(LinearLogProbability, hidden, weight, targets)
