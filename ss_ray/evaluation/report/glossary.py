"""Terms of the report in plain words: shown where a term stands, and listed at the end of the page."""

from __future__ import annotations

GLOSSARY = {
    "SQS": "Synthetic quality score: how similar the synthetic table is to the training rows, from 0 (worst) to 10. It "
    "looks at columns, pairs of columns and principal components.",
    "AUC": "Area under the ROC curve: how well a model separates two groups. 0.5 is guessing, 1 is always right. "
    "A figure below 0.5 is guessing with bad luck, which small tables have; it is no better than 0.5.",
    "ROC curve": "For each threshold of a model, the share of one group that it finds, against the share of the other "
    "group that it takes for it by mistake.",
    "TSTR": "Train on synthetic, test on real: a model learns from synthetic rows and is tested on unseen real rows.",
    "TRTR": "Train on real, test on real: the same model learns from real rows. It is the mark for TSTR.",
    "DCR": "Distance to the closest record: how far a row is from the nearest training row. 0 is a copy, 1 differs in "
    "all columns.",
    "unseen rows": "Real rows that were kept from training (the holdout). They show what chance alone does.",
    "hard rule": "A privacy test that alone makes the grade Poor when it fails, whatever all other figures are.",
    "discriminator": "A model that tries to tell synthetic rows from real ones. An AUC of 0.5 means that it cannot.",
    "epsilon": "The bound of differential privacy: the smaller, the less the table can depend on one privacy unit. "
    "Below 1 is strong; above 10 means little.",
    "delta": "The probability that the bound by epsilon does not hold.",
    "privacy unit": "The rows that the guarantee protects together: one row, or all rows of one group.",
    "PLD": "Privacy loss distribution: the tight way to add up the cost of all steps.",
    "RDP": "Rényi differential privacy: a way to add up costs that is simpler than PLD and never smaller.",
    "Jensen-Shannon distance": "Distance of two distributions: 0 is the same, 1 has nothing in common.",
    "association": "How much one column tells of another: Pearson's correlation of two numbers (-1 to 1), Theil's U of "
    "two categories (0 to 1), or the correlation ratio of a category and a number (0 to 1).",
    "principal components": "The two directions in which the rows differ most.",
    "alpha-precision": "Whether synthetic rows look like typical real rows. 1 is best.",
    "beta-recall": "Whether every kind of real row has a synthetic row like it. 1 is best.",
    "membership inference": "An attack that guesses whether a person was among the training rows.",
    "attribute inference": "An attack that guesses one value of a person from the other values.",
    "singling out": "An attack that describes exactly one person of the training rows.",
    "linkability": "An attack that finds out that two parts of a record belong to the same person.",
    "R2": "Share of the variation that a model explains: 1 is best, 0 is as good as the mean.",
    "skill": "What a model knows beyond guessing: twice what the AUC is above 0.5, or R2; 0 is guessing, 1 is best.",
    "quantile": "The value below which a given share of the rows lies. The 50 % quantile is the median.",
}
"""Term -> explanation."""
