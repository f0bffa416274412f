"""Usual terms of the compute of training, in FLOP a token, forward and backward: formulas by name, each with its source."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class CostTerm:
    """A usual term of a cost.

    Parameters
    ----------
    formula
        FLOP of a token in training: three times those of a forward pass.
    means
        What it counts, and what its names are.
    source
        Paper, and equation or table.
    """

    formula: str
    means: str
    source: str


def _least(a: str, b: str) -> str:
    """Return the smaller of two as arithmetic."""
    return f"(({a}) + ({b}) - ((({a}) - ({b}))**2)**0.5) / 2"


PALM = "Chowdhery et al. 2022 (PaLM), app. B"
KAPLAN = "Kaplan et al. 2020, table 1"
CHINCHILLA = "Hoffmann et al. 2022, app. F"
MOBA = "Lu et al. 2025 (MoBA, arXiv 2502.13189), sec. 2"

COST_TERMS: Mapping[str, CostTerm] = {
    "parameter_flops": CostTerm("6 * params", "a multiplication and an addition by each parameter", KAPLAN),
    "active_flops": CostTerm(
        "6 * active_params", "as parameter_flops, of the parameters of a mixture that a token uses", KAPLAN
    ),
    "looped_flops": CostTerm(
        "6 * (params_once + loops * params_looped)",
        "parameters used once, and those used in each of r loops",
        "arXiv 2604.21106",
    ),
    "attention_flops": CostTerm(
        "12 * layers * d_model * attended",
        "scores and sums over `attended` tokens, the mean over positions, by heads that are d_model wide together",
        PALM,
    ),
    "full_attention": CostTerm("12 * layers * d_model * context", "each token attends to all of the context", PALM),
    "causal_attention": CostTerm(
        "6 * layers * d_model * context", "each token attends to those before it, half of the context on average", KAPLAN
    ),
    "window_attention": CostTerm(
        f"12 * layers * d_model * ({_least('window', 'context')}) * (1 - ({_least('window', 'context')}) / (2 * context))",
        "each token attends to at most `window` tokens before it; the mean over a context that begins with none",
        f"{PALM}; attended tokens w - w^2 / 2n",
    ),
    "block_attention": CostTerm(
        "12 * layers * d_model * block * (chosen - 0.5 - chosen * (chosen - 1) * block / (2 * context))",
        "each token attends to its own block as far as it, and to chosen - 1 blocks before; the mean over a context of at "
        "least `chosen` blocks, without what choosing takes",
        f"{MOBA}; attended tokens",
    ),
    "logit_flops": CostTerm("6 * d_model * vocab", "the output matrix, where params leave it out", CHINCHILLA),
    "embedding_flops": CostTerm("6 * d_model * vocab", "a lookup counted as a product, as Chinchilla does", CHINCHILLA),
    "chinchilla_flops": CostTerm(
        "layers * (24 * d_model * heads * key_size + 12 * context * heads * key_size + 9 * heads * context"
        " + 12 * d_model * ffw_size) + 12 * d_model * vocab",
        "every product of a dense transformer, embeddings and softmax too",
        CHINCHILLA,
    ),
}
"""Name in a formula -> its term. In back-ticks a name is a column instead."""


def cost_terms() -> pd.DataFrame:
    """Return the usual terms of costs: name, formula, what it counts, source.

    Returns
    -------
    DataFrame
        A row a term; its name may stand in a `Cost`'s formula.

    Examples
    --------
    >>> terms = cost_terms().set_index("name")
    >>> terms.loc["causal_attention", "formula"]
    '6 * layers * d_model * context'
    """
    return pd.DataFrame(
        [{"name": name, "formula": of.formula, "means": of.means, "source": of.source} for name, of in COST_TERMS.items()]
    )
