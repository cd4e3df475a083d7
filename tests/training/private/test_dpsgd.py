"""The clipped sum is that of a naive loop, whatever the layers, the batch and the physical batch."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM

from ss_ray.codec.columns import PAD, Slot
from ss_ray.errors import PrivacyError
from ss_ray.plans.shape import CompactShape
from ss_ray.training.models import CompactModel, build_compact, group_slots, row_losses
from ss_ray.training.private.dpsgd import Sums, check_layers, clipped_sum

SHAPE = CompactShape(hidden_size=16, num_layers=2, num_heads=2, intermediate_size=32)
SLOTS = (  # two values and a text of four slots, whose first slot has one token more
    Slot(column="a", start=2, stop=6),
    Slot(column="b", start=6, stop=9),
    Slot(column="t", start=9, stop=20),
    *(Slot(column="t", start=10, stop=20, after=1 + i, opens=(11, 20)) for i in (1, 2, 3)),
)
GROUPS = group_slots(SLOTS)


def make_model(seed: int = 0) -> CompactModel:
    model = build_compact(SHAPE, vocabulary_size=20, num_slots=len(SLOTS), seed=seed)
    torch.manual_seed(seed)
    nn.init.normal_(model.lm_head.weight, std=0.5)
    model.lm_head.bias.normal_()
    return model


def tied_model() -> CompactModel:
    """A model whose head has the weights of its input embedding."""
    model = make_model()
    model.lm_head.weight = model.model.embed_tokens.weight
    return model


def make_rows(num_rows: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    rows = torch.stack([torch.randint(s.start, s.stop, (num_rows,), generator=generator) for s in SLOTS], dim=1)
    rows[::3, 4:] = PAD
    return rows


def naive_clipped_sum(
    model: nn.Module, unit_loss: Callable[[int], Tensor], num_units: int, max_grad_norm: float
) -> tuple[Sums, Tensor]:
    """One backward pass a unit."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    total = {p: torch.zeros_like(p) for p in parameters}
    norms = []
    for unit in range(num_units):
        grads = torch.autograd.grad(unit_loss(unit), parameters)
        norms.append(torch.sqrt(sum(g.square().sum() for g in grads)))
        for parameter, grad in zip(parameters, grads, strict=True):
            total[parameter] += grad * min(1.0, max_grad_norm / float(norms[-1]))
    return total, torch.stack(norms)


def assert_same(sums: Sums, expected: Sums) -> None:
    assert sums.keys() == expected.keys()
    for parameter, value in expected.items():
        assert (sums[parameter] - value).norm() <= 2e-4 * value.norm()


@pytest.mark.parametrize("rows_of_unit", [1, 3])
@pytest.mark.parametrize("max_grad_norm", [0.01, 100.0, 1e6])
def test_clipped_sum_is_that_of_one_backward_pass_a_unit(rows_of_unit: int, max_grad_norm: float) -> None:
    model, rows = make_model(), make_rows(12)
    units = rows.view(-1, rows_of_unit, len(SLOTS))
    sums, norms = clipped_sum(
        model, lambda: row_losses(model, rows, GROUPS).view(len(units), -1).mean(dim=1), len(units), max_grad_norm
    )
    expected, true_norms = naive_clipped_sum(
        model, lambda unit: row_losses(model, units[unit], GROUPS).mean(), len(units), max_grad_norm
    )
    assert_same(sums, expected)
    torch.testing.assert_close(norms, true_norms, rtol=2e-4, atol=0)
    assert (norms >= true_norms * (1 - 1e-6)).all()  # rounding may only clip more


def test_physical_batch_changes_nothing() -> None:
    model, rows = make_model(), make_rows(64)
    totals = []
    for size in (1, 7, 64):
        total: Sums = {}
        for part in rows.split(size):
            sums, _ = clipped_sum(model, lambda part=part: row_losses(model, part, GROUPS), len(part), 0.5)
            total = {p: total.get(p, 0) + value for p, value in sums.items()}
        totals.append(total)
    assert_same(totals[1], totals[0])
    assert_same(totals[2], totals[0])


@pytest.mark.parametrize("neighbours", [1, 3, 15])
def test_a_unit_changes_the_sum_by_at_most_the_clipping_norm(neighbours: int) -> None:
    """The fault of a mean over the batch: one long row would rescale the gradients of its neighbours."""
    model, rows = make_model(), make_rows(16)
    rows[:, 3:] = PAD  # short neighbours
    rows[0] = make_rows(2)[1]  # and one long row
    without, _ = clipped_sum(model, lambda: row_losses(model, rows[1 : neighbours + 1], GROUPS), neighbours, 1.0)
    together = rows[: neighbours + 1]
    with_it, _ = clipped_sum(model, lambda: row_losses(model, together, GROUPS), len(together), 1.0)
    change = torch.sqrt(sum((with_it[p] - without[p]).square().sum() for p in with_it))
    assert change <= 1 + 1e-5


def test_coupled_loss_breaks_the_bound_that_the_test_above_relies_on() -> None:
    """What the test above would see if losses were averaged over all tokens of the batch."""
    model, rows = make_model(), make_rows(1).repeat(16, 1)
    rows[:, 3:] = PAD
    rows[0] = make_rows(2)[1]

    def coupled(batch: Tensor, max_grad_norm: float) -> tuple[Sums, Tensor]:
        tokens = (batch != PAD).sum()
        return clipped_sum(model, lambda: row_losses(model, batch, GROUPS) / tokens, len(batch), max_grad_norm)

    _, norms = coupled(rows[1:], 1.0)
    bound = float(norms.median())
    (with_it, _), (without, _) = coupled(rows, bound), coupled(rows[1:], bound)
    change = torch.sqrt(sum((with_it[p] - without[p]).square().sum() for p in with_it))
    assert change > 1.5 * bound


def test_language_model_with_frozen_base_is_clipped_like_the_naive_loop() -> None:
    config = LlamaConfig(
        vocab_size=31, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=2, max_position_embeddings=64, tie_word_embeddings=True,
    )  # fmt: skip
    torch.manual_seed(3)
    model = LlamaForCausalLM(config).requires_grad_(requires_grad=False)
    for layer in model.model.layers:
        layer.self_attn.q_proj.weight.requires_grad_()
        layer.mlp.down_proj.weight.requires_grad_()
        layer.input_layernorm.weight.requires_grad_()
    tokens = torch.randint(0, 31, (5, 40))
    check_layers(model)

    def losses(batch: Tensor) -> Tensor:
        logits = model(input_ids=batch[:, :-1]).logits
        loss = nn.functional.cross_entropy(logits.transpose(1, 2), batch[:, 1:], reduction="none")
        return loss.mean(dim=1)

    sums, _ = clipped_sum(model, lambda: losses(tokens), 5, 0.1)
    expected, _ = naive_clipped_sum(model, lambda unit: losses(tokens[unit : unit + 1]).sum(), 5, 0.1)
    assert_same(sums, expected)


def test_layer_used_twice_and_biases_are_clipped_like_the_naive_loop() -> None:
    torch.manual_seed(1)

    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.mix, self.out = nn.Embedding(7, 6), nn.Linear(6, 6), nn.Linear(6, 3)

        def forward(self, ids: Tensor) -> Tensor:
            return self.out(torch.tanh(self.mix(torch.tanh(self.mix(self.embed(ids))))))

    model, ids = Twice(), torch.randint(0, 7, (9, 5))
    sums, _ = clipped_sum(model, lambda: model(ids).square().sum(dim=(1, 2)), 9, 0.3)
    expected, _ = naive_clipped_sum(model, lambda unit: model(ids[unit : unit + 1]).square().sum(), 9, 0.3)
    assert_same(sums, expected)


@pytest.mark.filterwarnings("ignore:Full backward hook")
def test_opacus_gives_the_same_norms_of_linear_and_embedding_layers() -> None:
    from opacus import GradSampleModule

    torch.manual_seed(2)
    model = nn.Sequential(nn.Embedding(11, 8), nn.Linear(8, 12), nn.Tanh(), nn.Linear(12, 4))
    ids = torch.randint(0, 11, (6, 5))
    _, norms = clipped_sum(model, lambda: model(ids).square().sum(dim=(1, 2)), 6, 1.0)
    sampled = GradSampleModule(model, batch_first=True, loss_reduction="sum")
    sampled(ids).square().sum().backward()
    squares = [p.grad_sample.flatten(1).square().sum(dim=1) for p in sampled.parameters()]
    torch.testing.assert_close(norms, torch.stack(squares).sum(dim=0).sqrt(), rtol=1e-4, atol=0)


def test_rounding_never_hides_a_norm_that_cancels() -> None:
    """Positions whose gradients cancel to a small sum of large terms: float32 must not make it look smaller."""
    layer = nn.Linear(64, 64, bias=False)
    inputs = torch.randn(1, 2, 64).expand(4, -1, -1) * 1e3
    inputs = torch.cat([inputs, inputs * (1 + 1e-4)], dim=1)  # nearly the same again, with the opposite sign
    signs = torch.tensor([1.0, 1.0, -1.0, -1.0])[:, None]
    sums, norms = clipped_sum(layer, lambda: (layer(inputs) * signs).sum(dim=(1, 2)), 4, 1.0)
    exact = (inputs[0].double().T @ signs.double().expand(4, 64)).norm()
    assert (norms.double() >= exact).all()
    assert sums[layer.weight].norm() <= 4 * (1 + 1e-4)


@pytest.mark.parametrize("epsilon", [1e-6, 0.5, None])
def test_norm_is_clipped_like_the_naive_loop_whatever_its_epsilon(epsilon: float | None) -> None:
    generator = torch.Generator().manual_seed(5)
    model = nn.Sequential(nn.Linear(6, 6), nn.RMSNorm(6, eps=epsilon), nn.Linear(6, 1))
    inputs = 0.1 * torch.randn(4, 3, 6, generator=generator)

    sums, _ = clipped_sum(model, lambda: model(inputs).sum(dim=(1, 2)), 4, 0.2)
    expected, _ = naive_clipped_sum(model, lambda unit: model(inputs[unit : unit + 1]).sum(), 4, 0.2)
    for parameter in model.parameters():
        torch.testing.assert_close(sums[parameter], expected[parameter], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (nn.Sequential(nn.Linear(3, 3), nn.Conv1d(3, 3, 1)), r"'1' \(Conv1d\)"),
        (tied_model(), "'lm_head'.*shares weights"),
        (nn.Sequential(nn.Linear(3, 3), nn.RMSNorm((2, 3))), r"'1' \(RMSNorm\)"),
    ],
)
def test_layer_that_cannot_be_clipped_is_named(model: nn.Module, message: str) -> None:
    with pytest.raises(PrivacyError, match=message):
        check_layers(model)


def test_gradient_that_is_not_finite_stops_training() -> None:
    layer = nn.Linear(2, 2)
    with pytest.raises(PrivacyError, match="not finite"):
        clipped_sum(layer, lambda: layer(torch.tensor([[[torch.inf, 1.0]]])).sum(dim=(1, 2)), 1, 1.0)


class Experts(nn.Module):
    """Each token goes through one of two layers, whatever row it is of."""

    def __init__(self) -> None:
        super().__init__()
        self.experts = nn.ModuleList([nn.Linear(4, 1), nn.Linear(4, 1)])

    def forward(self, hidden: Tensor) -> Tensor:
        flat, chosen = hidden.flatten(0, 1), torch.arange(hidden[..., 0].numel()) % 4 == 0
        out = torch.zeros(len(flat), 1)
        for expert, tokens in zip(self.experts, (chosen, ~chosen), strict=True):
            out = out.index_add(0, tokens.nonzero()[:, 0], expert(flat[tokens]))
        return out.view(len(hidden), -1).sum(dim=1)


def test_a_layer_that_sees_tokens_of_several_units_is_refused() -> None:
    """Shares of an expert may be divisible by the number of units: they would be given to the wrong ones."""
    model, hidden = Experts(), torch.randn(4, 4, 4, generator=torch.Generator().manual_seed(0))
    check_layers(model)
    with pytest.raises(PrivacyError, match="one by one"):
        clipped_sum(model, lambda: model(hidden), 4, 1.0)
