"""The named faults of the privacy code, and the tests that must find each."""

from __future__ import annotations

from tests.mutation.gate import Mutation

LOOP, SAMPLES, CLIPPING = "training/private/loop.py", "privacy/noise.py", "training/private/dpsgd.py"
LOOP_TESTS, CONFORMS = (
    "training/private/test_loop.py",
    "training/private/test_conformance.py::test_real_loop_conforms_to_its_charge",
)
NOISE_ONCE = f"{LOOP_TESTS}::test_noise_of_one_worker_is_that_of_the_plan"
CLIPPED = "training/private/test_dpsgd.py::test_clipped_sum_is_that_of_one_backward_pass_a_unit"
SAMPLE = "    return np.flatnonzero(generator.random(num_units) < sample_rate)\n"
SHUFFLED = """    kept, size = poisson_sample.__dict__, round(num_units * sample_rate)
    if kept.get("of") != num_units or len(kept["left"]) < size:
        kept |= {"of": num_units, "left": generator.permutation(num_units)}
    batch, kept["left"] = kept["left"][:size], kept["left"][size:]
    return np.sort(batch)
"""
REPEATED = """    kept = poisson_sample.__dict__
    last = kept.pop(num_units, None)
    if last is not None:
        return last
    kept[num_units] = np.flatnonzero(generator.random(num_units) < sample_rate)
    return kept[num_units]
"""
FIXED_SIZE = "    return np.sort(generator.choice(num_units, round(num_units * sample_rate), replace=False))\n"
CHARGE_FIRST = """        done = _from_leader(charge, worker, model.device)
        set_learning_rate(optimizer, done - 1, plan)
        set_private_gradient(model, units, plan.dp, worker, generator, plan.max_physical_batch_size)
"""
CHARGE_LAST = """        set_private_gradient(model, units, plan.dp, worker, generator, plan.max_physical_batch_size)
        done = _from_leader(charge, worker, model.device)
        set_learning_rate(optimizer, done - 1, plan)
"""


def fault(name: str, file: str, old: str, new: str, *tests: str) -> Mutation:
    """One fault, and the tests of which one must fail."""
    return Mutation(name=name, file=file, old=old, new=new, tests=tests)


SAMPLING = (
    fault(
        "sampling at 1.5 times the charged rate",
        LOOP,
        "poisson_sample(units.num_units, dp.sample_rate, generator)",
        "poisson_sample(units.num_units, 1.5 * dp.sample_rate, generator)",
        CONFORMS,
    ),
    fault("shuffled epochs", SAMPLES, SAMPLE, SHUFFLED, CONFORMS),
    fault("the same sample in two consecutive steps", SAMPLES, SAMPLE, REPEATED, CONFORMS),
    fault("batches of a fixed size", SAMPLES, SAMPLE, FIXED_SIZE, CONFORMS),
    fault("seeded noise and samples", SAMPLES, "key=secrets.randbits(256)", "key=7", "privacy/test_noise.py"),
)
NOISE = (
    fault(
        "noise scaled where it is added",
        SAMPLES,
        "noisy = total + standard_deviation *",
        "noisy = total + 0.9 * standard_deviation *",
        "privacy/test_noise.py::test_noise_is_gaussian_of_the_asked_scale",
    ),
    fault(
        "noise scaled where it is asked for",
        LOOP,
        "add_noise(flat.cpu().numpy(), dp.noise_standard_deviation,",
        "add_noise(flat.cpu().numpy(), 0.9 * dp.noise_standard_deviation,",
        NOISE_ONCE,
    ),
    fault(
        "noise scaled in the plan",
        "privacy/charges.py",
        "return self.noise_multiplier * self.max_grad_norm",
        "return 0.9 * self.noise_multiplier * self.max_grad_norm",
        CONFORMS,
    ),
    fault(
        "noise on a grid that is too coarse",
        SAMPLES,
        "GRID_BITS = 20",
        "GRID_BITS = -2",
        "privacy/test_noise.py::test_noise_is_gaussian_of_the_asked_scale",
    ),
    fault(
        "noise in one worker's part of the sum alone",
        LOOP,
        "    if worker.rank == 0:\n        noisy",
        "    if worker.rank == 1:\n        noisy",
        NOISE_ONCE,
    ),
    fault(
        "noise of every worker, each told to all",
        LOOP,
        "        dist.broadcast(flat, src=0)\n\n    mean",
        "        dist.all_reduce(flat)\n\n    mean",
        "training/test_two_processes.py",
    ),
    fault(
        "no noise for an empty batch",
        LOOP,
        "    if worker.rank == 0:\n        noisy",
        "    if worker.rank == 0 and len(sampled):\n        noisy",
        f"{LOOP_TESTS}::test_tables_of_no_rows_give_noise_only_steps",
    ),
    fault(
        "division by the batch that was drawn",
        LOOP,
        "mean = (flat / dp.expected_batch_size)",
        "mean = (flat / max(1, len(sampled)))",
        NOISE_ONCE,
    ),
)
SENSITIVITY = (
    fault(
        "clipping after the micro-batch",
        LOOP,
        "clipped_sum(model, partial(units.losses, model, numbers), len(numbers), dp.max_grad_norm)",
        "clipped_sum(model, lambda: units.losses(model, numbers).sum()[None], 1, dp.max_grad_norm)",
        CONFORMS,
    ),
    fault(
        "no clipping",
        CLIPPING,
        "factors = max_grad_norm / norms.clamp(min=max_grad_norm)",
        "factors = torch.ones_like(norms)",
        CLIPPED,
    ),
    fault("one layer's norm ignored", CLIPPING, "for use in uses]).sum", "for use in uses[1:]]).sum", CLIPPED),
    fault(
        "a bias that no norm counts",
        CLIPPING,
        "return squared + self.grads.sum(dim=1).square().sum(dim=1)",
        "return squared",
        "training/private/test_dpsgd.py::test_layer_used_twice_and_biases_are_clipped_like_the_naive_loop",
    ),
    fault(
        "rounding that hides a norm",
        CLIPPING,
        "return squared + ROUNDING * bound",
        "return squared * 0.99",
        CLIPPED,
    ),
    fault(
        "a loss that depends on the units beside it",
        LOOP,
        "return losses.sum(dim=1) / (rows >= 0).sum(dim=1)",
        "return losses.sum(dim=1) / (rows >= 0).sum()",
        f"{LOOP_TESTS}::test_unit_loss_is_the_mean_over_its_own_rows",
    ),
    fault(
        "a gradient that is not finite",
        CLIPPING,
        "if not torch.isfinite(squared).all():",
        "if False:",
        "training/private/test_dpsgd.py::test_gradient_that_is_not_finite_stops_training",
    ),
)
UNITS = (
    fault(
        "every worker owns all units",
        LOOP,
        "torch.from_numpy(table[worker.rank :: worker.world_size])",
        "torch.from_numpy(table)",
        f"{LOOP_TESTS}::test_every_unit_has_one_owner_and_every_row_one_unit",
    ),
    fault(
        "grouped rows as units of their own, compact model",
        LOOP,
        "own = own_units(tokens, load_units(units), max_rows, worker)",
        "own = own_units(tokens, None, max_rows, worker)",
        "training/test_unit_files.py",
    ),
    fault(
        "grouped rows as units of their own, language model",
        "training/text_examples.py",
        "own_text_units(examples, load_units(units), max_rows,",
        "own_text_units(examples, None, max_rows,",
        "training/test_unit_files.py",
    ),
    fault(
        "nobody compares the units that are trained on",
        LOOP,
        "if int(owned.item()) > units.most_units:",
        "if False:",
        f"{LOOP_TESTS}::test_training_on_more_units_than_the_table_has_takes_no_step",
    ),
    fault(
        "the loop does not ask for the comparison",
        LOOP,
        "    check_owned(units, worker, model.device)\n",
        "",
        f"{LOOP_TESTS}::test_training_on_more_units_than_the_table_has_takes_no_step",
    ),
    fault(
        "the units are counted by what the workers read",
        "training/unit_files.py",
        "count=count_units(parts, group))",
        "count=count_units(parts, None))",
        "training/test_unit_files.py",
    ),
    fault(
        "the schema counts all rows of a unit",
        "privacy/measure.py",
        "own = _kept_rows(block, kept, first_row)",
        "own = block",
        "privacy/test_measure.py::test_each_person_counts_once_over_all_parts",
    ),
    fault(
        "the schema draws all rows of a unit",
        "privacy/units.py",
        "    _, first = np.unique(ids[order], return_index=True)",
        "    first = np.arange(len(ids))",
        "privacy/test_units.py::test_each_unit_counts_once_over_all_parts",
    ),
    fault(
        "nobody compares the rows that the schema counts",
        "privacy/measure.py",
        "if sum(part.rows for part in parts) != num_units:",
        "if False:",
        "privacy/test_measure.py::test_counting_all_rows_of_a_person_is_refused",
    ),
)
SCHEMA = (
    fault(
        "the first count of units without noise",
        "privacy/measure.py",
        "noisy = release_counts(charge, query, exact)",
        "noisy = dict(exact)",
        "privacy/test_measure.py::test_first_count_has_noise_and_is_charged_for_it",
    ),
    fault(
        "the first count is not charged",
        "privacy/measure.py",
        "    account.charge(charge)\n    noisy",
        "    noisy",
        "privacy/test_measure.py::test_first_count_has_noise_and_is_charged_for_it",
    ),
    fault(
        "the count of missing cells without noise",
        "privacy/histograms.py",
        "    return dict(zip(cells, noisy, strict=True))",
        "    return dict(zip(cells, noisy, strict=True)) | {MISSING: exact.get(MISSING, 0)}",
        "privacy/test_histograms.py::test_every_cell_of_a_released_count_has_noise",
    ),
    fault(
        "what was not asked is not charged",
        "privacy/measure.py",
        "for charge in list((Counter(planned) - Counter(measured.charges)).elements()):",
        "for charge in ():",
        "privacy/test_measure.py::test_what_was_planned_and_not_asked_is_charged_too",
    ),
    fault(
        "the schema tells units by stand-ins",
        "privacy/units.py",
        "    ids = unit_ids(units, group)",
        "    ids = unit_ids(parts, group)",
        "privacy/test_units.py::test_people_who_got_one_stand_in_stay_two_units",
    ),
    fault(
        "workers tell units by stand-ins",
        "training/unit_files.py",
        '    parts = originals.files(".parquet")',
        '    parts = rows.files(".parquet")',
        "training/test_unit_files.py::test_people_who_got_one_stand_in_stay_two_units",
    ),
    fault(
        "schema noise scaled",
        "privacy/histograms.py",
        "noisy = gaussian(noise_multiplier)(",
        "noisy = gaussian(0.7 * noise_multiplier)(",
        "privacy/test_histograms.py::test_noise_has_the_standard_deviation_that_is_paid_for",
    ),
    fault(
        "noise of undeclared categories scaled",
        "privacy/histograms.py",
        "released = thresholded_gaussian(noise_multiplier, threshold)",
        "released = thresholded_gaussian(0.7 * noise_multiplier, threshold)",
        "privacy/test_histograms.py::test_noise_of_undeclared_categories_has_the_standard_deviation_that_is_paid_for",
    ),
    fault(
        "a threshold that is too low",
        "privacy/histograms.py",
        "float(norm.isf(delta))), 0) + 2",
        "float(norm.isf(delta))), 0) - 2",
        "privacy/test_histograms.py",
    ),
)
ACCOUNTING = (
    fault("charge after noise", LOOP, CHARGE_FIRST, CHARGE_LAST, f"{LOOP_TESTS}::test_charge_comes_before_the_noise"),
    fault(
        "a resumed run takes lost steps again",
        LOOP,
        "done = _from_leader(charged, worker, model.device)",
        "done = taken",
        f"{LOOP_TESTS}::test_nothing_is_left_to_do_when_all_steps_were_charged",
    ),
    fault(
        "one step more than is paid for",
        LOOP,
        "done < plan.dp.num_steps:",
        "done <= plan.dp.num_steps:",
        f"{LOOP_TESTS}::test_steps_taken_are_steps_charged",
    ),
    fault(
        "a ledger that forgets",
        "privacy/ledger/ledger.py",
        "spent = row.spent + charge.count",
        "spent = charge.count",
        "privacy/ledger/test_ledger.py::test_a_job_reserves_charges_and_closes",
        "privacy/ledger/test_ledger.py::test_another_ledger_on_the_same_database_knows_what_was_spent",
    ),
    fault(
        "delta off by ten",
        "privacy/accounting.py",
        "left = delta - sum(",
        "left = 10 * delta - sum(",
        "privacy/test_accounting.py::test_golden_epsilon_by_pld",
    ),
    fault(
        "accounting of one step",
        "privacy/accounting.py",
        "accountant.compose(event, count)",
        "accountant.compose(event)",
        "privacy/test_accounting.py::test_golden_epsilon_by_pld",
    ),
    fault(
        "a charge of half the rate",
        "privacy/charges.py",
        "noise_multiplier=self.noise_multiplier, sample_rate=self.sample_rate, count=count",
        "noise_multiplier=self.noise_multiplier, sample_rate=self.sample_rate / 2, count=count",
        "privacy/test_plan.py::test_plan_spends_its_target_and_no_more",
    ),
    fault(
        "the first count left out of epsilon",
        "privacy/plan.py",
        "    return epsilon_of(first, COUNT_SHARE * delta) + epsilon_of",
        "    return epsilon_of",
        "privacy/test_certificate.py::test_first_count_is_added_by_basic_composition",
    ),
    fault(
        "a certificate of planned steps",
        "privacy/certificate.py",
        "    epsilon = run_epsilon(spent, dp.delta)",
        "    epsilon = run_epsilon([dp.charge(dp.num_steps)], dp.delta)",
        "privacy/test_certificate.py",
    ),
    fault(
        "a certificate of more than was asked for",
        "privacy/certificate.py",
        "    if epsilon > dp.target_epsilon * (1 + TOLERANCE):",
        "    if False:",
        "privacy/test_certificate.py::test_more_than_was_asked_for_is_refused",
    ),
)
GENERATION = (
    fault(
        "real rows passed to generation",
        "pipelines/families.py",
        "if config.is_private and rows is not None:",
        "if False:",
        "pipelines/test_families.py",
    ),
)
CHECKS = (
    fault(
        "an audit that cannot fail",
        "privacy/conformance.py",
        "if f.p_value < FALSE_ALARM / len(self.findings)",
        "if f.p_value < 0",
        "training/private/test_conformance.py::test_a_fault_is_found_by_its_own_test",
    ),
    fault(
        "policies that count rows",
        "plans/make.py",
        "        check_row_local(steps)\n",
        "        pass\n",
        "pii/policy/test_row_local.py",
    ),
)
FAULTS = (*CHECKS, *SAMPLING, *NOISE, *SENSITIVITY, *UNITS, *SCHEMA, *ACCOUNTING, *GENERATION)
UNCHANGED = fault(
    "no fault at all",
    SAMPLES,
    SAMPLE,
    SAMPLE,
    *sorted({test for each in FAULTS for test in each.tests} - {CONFORMS}),
    CONFORMS,
)
"""All the tests without a fault: they must pass, or that one fails with a fault would show nothing."""
