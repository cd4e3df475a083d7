"""Per-unit gradients without making them: their norms from what a layer saw, their clipped sum in one product.

One forward and one backward pass give each layer's inputs A and the gradients G of its outputs. A linear layer's
gradient for one unit is G^T A, so its norm follows from the two Gram matrices, and the clipped sum over units is one
matrix product with G scaled per unit: "ghost clipping" with book-keeping (Li et al. 2022, arXiv:2110.05679; Bu et al.
2023, arXiv:2210.00038). The cost is that of an ordinary step and the Gram matrices.

A unit is one or more consecutive rows of the batch. Its loss must depend on those rows alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ss_ray.errors import PrivacyError
from ss_ray.training.models import SlotGroup, SlotHead

ROUNDING = 2.0**-16
"""Share of the largest possible norm that is added to every squared norm: more than float32 rounding can hide."""

Sums = dict[nn.Parameter, Tensor]


@dataclass(frozen=True)
class _Call:
    """One use of a layer: what went in, and the output whose gradient is to come."""

    layer: nn.Module
    inputs: Tensor
    outputs: tuple[Tensor, ...]
    arguments: tuple[Any, ...]


def check_layers(model: nn.Module) -> None:
    """Refuse a model with a trainable parameter whose gradient cannot be clipped per unit.

    Raises:
        PrivacyError: Names the layer.
    """
    owners: dict[nn.Parameter, str] = {}
    for name, layer in model.named_modules():
        for parameter in layer.parameters(recurse=False):
            if not parameter.requires_grad:
                continue
            if _find_use(layer) is None:
                raise PrivacyError(
                    f"cannot train {name!r} ({type(layer).__name__}) with differential privacy: gradients of such a "
                    "layer cannot be clipped one by one; freeze it"
                )
            if parameter in owners:
                raise PrivacyError(
                    f"cannot train {name!r} with differential privacy: it shares weights with {owners[parameter]!r}; "
                    "untie them"
                )

            owners[parameter] = name


def clipped_sum(
    model: nn.Module, losses: Callable[[], Tensor], num_units: int, max_grad_norm: float
) -> tuple[Sums, Tensor]:
    """Sum over units of their gradients, each scaled into the L2 ball of radius `max_grad_norm`.

    Args:
        model: Model that passed `check_layers`.
        losses: Runs the model on a batch of `num_units` units of equally many rows; (num_units,) losses, each of one
            unit alone.
        num_units: At least 1.
        max_grad_norm: Radius C > 0; also the L2 sensitivity of the result to one unit.

    Returns:
        A float32 sum for each trainable parameter, and (num_units,) the norms before clipping, which are sensitive.

    Raises:
        PrivacyError: A gradient is not finite, so no norm bounds it; or a layer sees tokens of several units mixed, as
            layers of experts do, so nobody knows whose gradient is whose.

    Source: Abadi et al. 2016, arXiv:1607.00133, Algorithm 1.
    """
    # The norms of per-unit gradients follow from inputs and output gradients of each layer: no gradient is made twice.
    with _record_calls(model) as calls:
        total = losses().sum()

    _check_rows(calls, num_units)
    outputs = [output for call in calls for output in call.outputs]
    # An output that the loss does not use has a gradient of zeros, so that calls and gradients stay in step.
    grads = iter(torch.autograd.grad(total, outputs, materialize_grads=True))

    with torch.no_grad():
        uses = _match_uses(calls, grads, num_units)
        # (units,)
        squared = torch.stack([use.squared_norms() for use in uses]).sum(dim=0)
        if not torch.isfinite(squared).all():
            raise PrivacyError("a gradient is not finite, so it cannot be clipped; lower training.learning_rate")

        # The sum over all layers: the whole gradient of a unit is clipped, not each layer by itself.
        norms = squared.sqrt()
        # At most 1: gradients below the norm are not scaled up.
        factors = max_grad_norm / norms.clamp(min=max_grad_norm)
        sums: Sums = {}
        for use in uses:
            sums |= use.weighted_sums(factors)

    return sums, norms


@contextmanager
def _record_calls(model: nn.Module) -> Iterator[list[_Call]]:
    """The calls of all trainable layers while the context lasts."""
    calls: list[_Call] = []

    def record(layer: nn.Module, arguments: tuple[Any, ...], output: Any) -> None:
        # A layer that writes several ranges gives a list of outputs.
        if isinstance(output, list):
            outputs = tuple(output)
        else:
            outputs = (output,)
        calls.append(_Call(layer, arguments[0], outputs, arguments[1:]))

    trainable = [
        layer
        for layer in model.modules()
        if _find_use(layer) and any(p.requires_grad for p in layer.parameters(recurse=False))
    ]
    handles = [layer.register_forward_hook(record) for layer in trainable]
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()


def _check_rows(calls: Sequence[_Call], num_units: int) -> None:
    """Refuse layers whose inputs are not (rows, length, width), or (rows, length) ids, of all rows of the batch."""
    # A mixture of experts sends tokens of several units to one layer, in rows that are of no unit.
    rows = {len(call.inputs) for call in calls}
    dimensions = {call.inputs.ndim + (not call.inputs.is_floating_point()) for call in calls}
    if len(rows) > 1 or min(rows) % num_units or dimensions != {3}:
        raise PrivacyError(
            "a trainable layer does not see the rows of the batch one by one, so gradients cannot be clipped per unit; "
            "models with layers of experts cannot be trained there with differential privacy: name other layers "
            "(training.lora_target_modules)"
        )


class _Inputs:
    """What went into one layer or several: (units, length, width), all rows of a unit in a line."""

    def __init__(self, values: Tensor) -> None:
        self.values = values
        self._scaled: Tensor | None = None

    @cached_property
    def gram(self) -> Tensor:
        """(units, length, length) inner products."""
        return _gram_matrix(self.values)

    @cached_property
    def norms(self) -> Tensor:
        """(units, length)."""
        return self.values.norm(dim=2)

    def scaled(self, factors: Tensor) -> Tensor:
        """(units * length, width), each unit times its factor; the factors must be the same at every call."""
        if self._scaled is None:
            self._scaled = (self.values * factors[:, None, None]).flatten(0, 1)
        return self._scaled


class _LinearUse:
    """Grads (units, length, out): the gradient is grads^T inputs."""

    def __init__(self, layer: Any, inputs: _Inputs, grads: Tensor) -> None:
        self.layer = layer
        self.inputs = inputs
        self.grads = grads
        if layer.bias is not None and layer.bias.requires_grad:
            self.bias = layer.bias
        else:
            self.bias = None

    def squared_norms(self) -> Tensor:
        squared = products_squared_norms(self.inputs, self.grads)
        if self.bias is None:
            return squared
        return squared + self.grads.sum(dim=1).square().sum(dim=1)

    def weighted_sums(self, factors: Tensor) -> Sums:
        sums = {self.layer.weight: self.grads.flatten(0, 1).T @ self.inputs.scaled(factors)}
        if self.bias is None:
            return sums
        return sums | {self.bias: factors @ self.grads.sum(dim=1)}


class _EmbeddingUse:
    """Inputs (units, length, 1) ids, grads (units, length, width): positions of one id add up."""

    def __init__(self, layer: Any, inputs: _Inputs, grads: Tensor) -> None:
        self.layer, self.ids, self.grads = layer, inputs.values.squeeze(2), grads

    def squared_norms(self) -> Tensor:
        bound = self.grads.norm(dim=2).sum(dim=1).square()
        return self._squared_sums().clamp(min=0) + ROUNDING * bound

    def _squared_sums(self) -> Tensor:
        (units, length), tokens = self.ids.shape, len(self.layer.weight)
        # Whichever is smaller in memory: pairs of positions, or one sum for each token id.
        if length * length < tokens:
            same = self.ids[:, :, None] == self.ids[:, None, :]
            return (_gram_matrix(self.grads) * same).sum(dim=(1, 2))

        places = self.ids + tokens * torch.arange(units, device=self.ids.device)[:, None]
        sums = self.grads.new_zeros(units * tokens, self.grads.shape[2])
        sums.index_add_(0, places.flatten(), self.grads.flatten(0, 1))

        return sums.square().sum(dim=1).view(units, tokens).sum(dim=1)

    def weighted_sums(self, factors: Tensor) -> Sums:
        scaled = (self.grads * factors[:, None, None]).flatten(0, 1)
        total = torch.zeros_like(self.layer.weight, dtype=torch.float32)
        return {self.layer.weight: total.index_add_(0, self.ids.flatten(), scaled)}


class _NormUse:
    """Inputs (units, length, width) before the norm: the gradient is the sum of grads * normalised inputs."""

    def __init__(self, layer: Any, inputs: _Inputs, grads: Tensor) -> None:
        values = inputs.values
        scale = torch.rsqrt(values.square().mean(dim=-1, keepdim=True) + _norm_epsilon(layer))
        # (units, width)
        self.layer, self.gradients = layer, (grads * values * scale).sum(dim=1)

    def squared_norms(self) -> Tensor:
        return self.gradients.square().sum(dim=1)

    def weighted_sums(self, factors: Tensor) -> Sums:
        return {self.layer.weight: factors @ self.gradients}


def _norm_epsilon(layer: Any) -> float:
    """What a norm adds to the mean square of its inputs."""
    if not isinstance(layer, nn.RMSNorm):
        return float(layer.variance_epsilon)
    return torch.finfo(layer.weight.dtype).eps if layer.eps is None else layer.eps


class _HeadUse:
    """A `SlotHead`: each group of slots is a linear layer of its own token range; ranges may overlap."""

    def __init__(self, layer: Any, parts: Sequence[tuple[int, _Inputs, Tensor]]) -> None:
        self.layer = layer
        self.parts = parts

    def squared_norms(self) -> Tensor:
        return torch.stack([products_squared_norms(inputs, grads) for _, inputs, grads in self.parts]).sum(dim=0)

    def weighted_sums(self, factors: Tensor) -> Sums:
        total = torch.zeros_like(self.layer.weight, dtype=torch.float32)
        for low, inputs, grads in self.parts:
            total[low : low + grads.shape[2]] = grads.flatten(0, 1).T @ inputs.scaled(factors)
        return {self.layer.weight: total}


_Use = _LinearUse | _EmbeddingUse | _NormUse | _HeadUse


def products_squared_norms(inputs: _Inputs, grads: Tensor) -> Tensor:
    """(units,) squared Frobenius norms of grads[i]^T inputs[i], never too small for rounding.

    Args:
        inputs: (units, length, in), float32.
        grads: (units, length, out), float32.
    """
    length, width, out = *inputs.values.shape[1:], grads.shape[2]
    bound = (inputs.norms * grads.norm(dim=2)).sum(dim=1).square()
    if length == 1:
        squared = bound
    elif length * (width + out) < width * out:
        squared = (inputs.gram * _gram_matrix(grads)).sum(dim=(1, 2)).clamp(min=0)
    else:
        squared = torch.bmm(grads.transpose(1, 2), inputs.values).square().sum(dim=(1, 2))

    return squared + ROUNDING * bound


def _gram_matrix(vectors: Tensor) -> Tensor:
    return torch.bmm(vectors, vectors.transpose(1, 2))


def _match_uses(calls: Sequence[_Call], grads: Iterator[Tensor], num_units: int) -> list[_Use]:
    """One use for each layer; several calls of a layer are one longer sequence, a shared input is shared."""
    found: dict[nn.Module, list[tuple[_Call, list[Tensor]]]] = {}
    for call in calls:
        found.setdefault(call.layer, []).append((call, [next(grads) for _ in call.outputs]))
    shared: dict[int, _Inputs] = {}
    return [_make_use(layer, parts, num_units, shared) for layer, parts in found.items()]


def _make_use(
    layer: nn.Module, parts: Sequence[tuple[_Call, list[Tensor]]], num_units: int, shared: dict[int, _Inputs]
) -> _Use:
    first, grads = parts[0]
    if isinstance(layer, SlotHead):
        if len(parts) > 1 or len(first.arguments) != 1:
            raise PrivacyError("the output head was not used once, on groups of slots: its gradient cannot be clipped")
        (groups,) = first.arguments
        return _HeadUse(
            layer, [_pad_groups(first.inputs, grads, groups, m, num_units) for m in _group_overlapping(groups)]
        )

    if len(parts) == 1:
        key = id(first.inputs)
        inputs = shared[key] = shared.get(key) or _Inputs(_to_sequence(first.inputs, num_units))
        return _find_use(layer)(layer, inputs, _to_sequence(grads[0], num_units))

    joined = torch.cat([_to_sequence(call.inputs, num_units) for call, _ in parts], dim=1)
    outputs = torch.cat([_to_sequence(grads[0], num_units) for _, grads in parts], dim=1)
    return _find_use(layer)(layer, _Inputs(joined), outputs)


def _to_sequence(tensor: Tensor, num_units: int) -> Tensor:
    """(units, length, width), all positions of a unit's rows in a line: float32, or ids of width 1."""
    if not tensor.is_floating_point():
        return tensor.reshape(num_units, -1, 1)
    return tensor.float().reshape(num_units, -1, tensor.shape[-1])


def _group_overlapping(groups: Sequence[SlotGroup]) -> list[list[SlotGroup]]:
    """The groups in sets whose token ranges overlap."""
    sets: list[list[SlotGroup]] = []
    stop = 0
    for group in sorted(groups, key=lambda group: group.low):
        if group.low < stop:
            sets[-1].append(group)
        else:
            sets.append([group])
        stop = max(stop, group.high)

    return sets


def _pad_groups(
    hidden: Tensor, grads: Sequence[Tensor], groups: Sequence[SlotGroup], members: Sequence[SlotGroup], num_units: int
) -> tuple[int, _Inputs, Tensor]:
    """First token, inputs and (units, length, range) grads of some groups over their common token range."""
    low = min(group.low for group in members)
    high = max(group.high for group in members)
    inputs = [hidden[:, group.first : group.stop] for group in members]
    outputs = [F.pad(grads[groups.index(group)], (group.low - low, high - group.high)) for group in members]
    joined = [torch.cat(tensors, dim=1) if len(tensors) > 1 else tensors[0] for tensors in (inputs, outputs)]
    return low, _Inputs(_to_sequence(joined[0], num_units)), _to_sequence(joined[1], num_units)


_LAYERS: dict[type[nn.Module], Any] = {
    nn.Linear: _LinearUse,
    nn.Embedding: _EmbeddingUse,
    nn.RMSNorm: _NormUse,
    SlotHead: _HeadUse,
}
# By its full name, so that the compact model's workers do not import transformers.
_LAYERS_BY_NAME: dict[str, Any] = {"transformers.models.llama.modeling_llama.LlamaRMSNorm": _NormUse}


def _find_use(layer: nn.Module) -> Any:
    """The class that clips a layer's gradients; None where there is none."""
    if isinstance(layer, nn.RMSNorm) and len(layer.normalized_shape) != 1:
        return None

    kind = type(layer)
    return _LAYERS.get(kind) or _LAYERS_BY_NAME.get(f"{kind.__module__}.{kind.__qualname__}")
