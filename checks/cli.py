"""The command `localist`. Each subcommand is imported when it is called: `threshold` starts without SymPy, torch or SciPy."""

from __future__ import annotations

from importlib import import_module

import click

COMMANDS = {
    "verify": (
        "checks.commands_verify",
        "Replay every derivation, attack every statement on trained layers, kill every control.",
    ),
    "check": ("checks.commands_verify", "The same for some families, with your own text, sizes and device."),
    "threshold": ("checks.commands_threshold", "Thresholds and guarantees of a configuration, rounded to the safe side."),
    "anchors": (
        "checks.commands_anchors",
        "Anchors for pointers: designed, from a file or from text; the norm they need against the proved optimum.",
    ),
    "partition": (
        "checks.commands_partition",
        "Semantic blocks from token embeddings, certified, also while training moves them.",
    ),
    "rules": (
        "checks.commands_rules",
        "Inject named rules into a layer trained on text; masses, costs and targets, certified.",
    ),
    "recruit": (
        "checks.commands_recruit",
        "Recruit semantic blocks from real text by what they save, with a proved error over all time.",
    ),
    "hierarchy": (
        "checks.commands_hierarchy",
        "Recruit blocks and whole experts from two domains of real text on one potential, with proved budgets.",
    ),
    "schedule": (
        "checks.commands_schedule",
        "Dials over the layers of a stack: budgets, leaks, the cheapest for a target; on a stack trained on text too.",
    ),
    "experiment": (
        "checks.commands_experiment",
        "Re-run the seed papers' experiments on real text: entropy, fidelity, perplexity, with the bounds on every row.",
    ),
    "prove": ("checks.commands_prove", "Compile the Coq proofs, audit what they assume, list what they prove."),
    "book": ("checks.book.command", "Build the proof book; read it offline."),
    "theorems": ("checks.commands_theorems", "The statements, what they assume and what is known about them."),
}


class LazyGroup(click.Group):
    """A group that knows the names and help lines of its commands without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command; None when there is none of that name, and click says so."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(COMMANDS[cmd_name][0])
        command: click.Command = getattr(module, cmd_name) if cmd_name != "theorems" else module.theorems_command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table itself, so that `localist --help` imports nothing."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="localist", prog_name="localist")
def main() -> None:
    """Localist: which bounds on attention are true, under which hypotheses, and whether a trained layer obeys them.

    Exit codes: 0 all hold, 1 something fails, 2 bad input or usage, 3 undecided.
    """
