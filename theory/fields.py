"""The fields of a configuration for a reader: letter, name and help; a starting value and the range that a slider covers.

Meaning and unit of a letter are `theory.symbols`'; rules are `theory.config`'s. A slider's range is a convenience, not a rule:
every value that the rules admit may be typed. An empty start is a field not given.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Field:
    """One field: `letter` in theory.symbols, slider from `low` to `high` in equal steps or (`log`) in equal ratios."""

    letter: str
    name: str
    help: str
    low: float
    high: float
    log: bool = False
    start: str = ""
    default: str = ""  # what stands in for the field when it is not given


@dataclass(frozen=True)
class Choice:
    """A field that chooses one of some words, each with its name for a reader."""

    name: str
    help: str
    words: dict[str, str]


SECTION_NAMES = {
    "attention": "Attention row",
    "norms": "Tokens, values and weights",
    "loss": "Loss",
    "dial": "Dial",
    "training": "Training",
    "target": "Target (optional: one of the two)",
}

READING: dict[str, Field | Choice] = {
    "attention.keys": Field("n", "visible keys", "Every key the query can see.", 2, 65536, True, "64"),
    "attention.block": Field("g", "keys in the block", "Those in the query's own block.", 1, 4096, True, "8"),
    "attention.temperature": Field("tau", "temperature", "Content scores are divided by it.", 0.1, 10, True, "1.0"),
    "attention.parametrisation": Choice(
        "content scores",
        "How the layer makes content scores.",
        {"bilinear": "bilinear form A", "qk": "queries and keys, W_Q and W_K"},
    ),
    "norms.input": Field("B_x", "token norm", "Greatest norm of a token.", 0, 8, False, "1.0"),
    "norms.block_input": Field("B", "own-block norm", "Greatest norm of a token's part in its own block.", 0, 8, False, "1.0"),
    "norms.leak": Field("delta", "leak", "Greatest norm of a token's part outside its block.", 0, 1, False, "0.0"),
    "norms.value_diameter": Field("D_V", "value diameter", "Greatest distance of two values.", 0, 8, False, "2.0"),
    "norms.content": Field("rho_A", "norm of A", "Frobenius norm of the content form.", 0, 16, False, "4.0"),
    "norms.query": Field("rho_Q", "norm of W_Q", "Frobenius norm of the query weights.", 0, 8, False, "2.0"),
    "norms.key": Field("rho_K", "norm of W_K", "Frobenius norm of the key weights.", 0, 8, False, "2.0"),
    "norms.block_diameter": Field(
        "D_c",
        "block diameter",
        "Greatest distance of two tokens' parts in one block.",
        0,
        16,
        default="twice the own-block norm",
    ),
    "norms.mean_block_norm": Field(
        "B_c", "mean block norm", "Mean norm of the tokens' parts in one block.", 0, 8, default="the own-block norm"
    ),
    "norms.input_diameter": Field(
        "D_X", "token diameter", "Greatest distance of two tokens.", 0, 16, default="twice the token norm"
    ),
    "loss.kind": Choice(
        "gradient bound from", "What is known of the loss.", {"cross-entropy": "cross-entropy", "gradient": "a given bound"}
    ),
    "loss.readout_diameter": Field(
        "D_U", "readout diameter", "Greatest distance of two rows of the readout.", 0, 8, False, "1.4142135623730951"
    ),
    "loss.gradient": Field("G", "gradient of the loss", "Greatest norm of the gradient in one output.", 0, 8, False, "1.5"),
    "dial.strength": Field(
        "beta", "dial strength", "What one unit of the dial adds to an in-block score.", 0.1, 4, True, "1.0"
    ),
    "dial.setting": Field("d", "dial setting", "Where the dial stands; 0 is distributed attention.", 0, 40, False, "12.0"),
    "training.step": Field("eta", "step size", "Constant step of the proximal method.", 1e-4, 1, True, "0.1"),
    "training.slack": Field("gamma", "penalty slack", "How far the penalty is set above the threshold.", 1e-3, 1, True, "0.05"),
    "training.initial_norm": Field("theta0", "initial norm", "Greatest norm of a group at the start.", 0, 4, False, "1.0"),
    "target.outside_mass": Field(
        "eps", "outside mass wanted", "At most this much attention leaves the block.", 1e-9, 0.5, True
    ),
    "target.fidelity": Field("phi", "fidelity wanted", "At least this much attention stays in the block.", 0.5, 0.999999),
}
