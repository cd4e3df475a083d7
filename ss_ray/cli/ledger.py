"""`ss-ray ledger`: the privacy ledger's database, read and written directly, without Ray."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ss_ray.errors import ConfigError
from ss_ray.printed_tables import align_cells

if TYPE_CHECKING:
    from ss_ray.privacy.charges import Charge
    from ss_ray.privacy.ledger.balance import Balance, JobEntry
    from ss_ray.privacy.ledger.ledger import Ledger

app = typer.Typer(no_args_is_help=True, help="What jobs spent of each data set's privacy budget.")

UrlOption = Annotated[
    str | None,
    typer.Option("--ledger", help="sqlite:////path or postgresql://user@host/database; ~/.ss_ray/ledger.sqlite."),
]
OVERVIEW = ("data set", "privacy unit", "delta", "budget", "spent", "reserved", "left", "jobs")
HEADER = ("  job", "state", "mechanism", "noise", "sample rate", "uses", "reserved", "last use (UTC)")


@app.command()
def show(
    ledger: UrlOption = None,
    dataset: Annotated[str | None, typer.Option(help="This data set only.")] = None,
) -> None:
    """Print budgets and what is spent of them, a line for each data set; with --dataset also by which jobs."""
    book = _open_existing(ledger)
    if dataset is None:
        wanted = None
    else:
        wanted = book.canonical_name(dataset)

    chosen = [balance for balance in book.balances() if wanted in (None, balance.dataset)]
    if not chosen:
        raise ConfigError(f"no data set {dataset!r} in the ledger" if dataset else "the ledger is empty")

    if dataset is None:
        typer.echo("\n".join(align_cells([OVERVIEW, *(_balance_cells(balance) for balance in chosen)])))
    else:
        typer.echo("\n\n".join(statement(balance) for balance in chosen))


@app.command("set-budget")
def set_budget(
    dataset: Annotated[str, typer.Argument(help="Declared name or content fingerprint, as jobs call it.")],
    epsilon: Annotated[float, typer.Option(help="Total of all jobs, above 0.")],
    delta: Annotated[float, typer.Option(help="Total of all jobs, in (0, 1).")],
    unit: Annotated[str, typer.Option(help="Privacy unit that the budget is for.")] = "row",
    ledger: UrlOption = None,
) -> None:
    """Set the total that all jobs on a data set may spend together."""
    book = _open_ledger(ledger)
    book.set_budget(dataset, unit, epsilon=epsilon, delta=delta)
    typer.echo(statement(book.balance(dataset, unit)))


@app.command("set-limits")
def set_limits(
    max_epsilon: Annotated[float, typer.Option(help="Largest epsilon of a single job, above 0.")],
    max_delta: Annotated[float, typer.Option(help="Largest delta of a single job, in (0, 1).")],
    ledger: UrlOption = None,
) -> None:
    """Set the largest epsilon and delta that a single job may ask for, on any data set."""
    _open_ledger(ledger).set_limits(max_epsilon=max_epsilon, max_delta=max_delta)
    typer.echo(f"a job may have epsilon {max_epsilon:g} and delta {max_delta:g} at most")


@app.command()
def alias(
    dataset: Annotated[str, typer.Argument(help="Data set that is meant.")],
    name: Annotated[list[str] | None, typer.Option("--name", help="Another name of it; repeatable.")] = None,
    place: Annotated[list[str] | None, typer.Option("--place", help="Its file or folder; repeatable.")] = None,
    ledger: UrlOption = None,
) -> None:
    """Let other names, and all files at a place, mean a data set, so that they share its budget."""
    if not name and not place:
        raise ConfigError("give --name or --place")

    book = _open_ledger(ledger)
    for other in name or []:
        book.set_alias(dataset, name=other)

    for location in place or []:
        book.set_alias(dataset, place=location)

    typer.echo(f"{book.canonical_name(dataset)}: {', '.join([*(name or []), *(place or [])])}")


@app.command()
def close(
    job: Annotated[str, typer.Argument(help="Name of a job that ended without giving back what it reserved.")],
    ledger: UrlOption = None,
) -> None:
    """Give back what a job reserved and did not spend; what it spent stays."""
    _open_existing(ledger).close_job(job)
    typer.echo(f"{job} is closed")


def _balance_cells(balance: Balance) -> tuple[str, ...]:
    """Epsilons of a data set beside its budget."""
    known = balance.epsilon is not None
    left = max(0.0, (balance.epsilon or 0.0) - balance.epsilon_reserved)
    return (
        balance.dataset,
        balance.privacy_unit,
        "-" if balance.delta is None else f"{balance.delta:g}",
        f"{balance.epsilon:g}" if known else "-",
        f"{balance.epsilon_spent:.4g}",
        f"{balance.epsilon_reserved - balance.epsilon_spent:.4g}",
        f"{left:.4g}" if known else "-",
        f"{len(balance.jobs):,}",
    )


def statement(balance: Balance) -> str:
    """A data set's budget in one line each for its figures and for what each job did."""
    known = balance.epsilon is not None
    figures = [
        ("budget", f"epsilon {balance.epsilon:g} at delta {balance.delta:g}" if known else "none set"),
        ("spent", f"epsilon {balance.epsilon_spent:.4g}" + _at_delta(balance)),
        ("with reservations", f"epsilon {balance.epsilon_reserved:.4g}" + _at_delta(balance)),
    ]
    if balance.epsilon is not None:
        figures.append(("left", f"epsilon {max(0.0, balance.epsilon - balance.epsilon_reserved):.4g}"))

    lines = [f"{balance.dataset}, per {balance.privacy_unit}", *(f"  {name:18} {value}" for name, value in figures)]
    rows = [row for entry in balance.jobs for row in _job_rows(entry)]
    return "\n".join([*lines, *(align_cells([HEADER, *rows]) if rows else [])])


def _at_delta(balance: Balance) -> str:
    if balance.delta is None or balance.epsilon is not None:
        return ""
    return f" at delta {balance.delta:g}"


def _job_rows(entry: JobEntry) -> list[tuple[str, ...]]:
    """One for each mechanism; one for a job that has none."""
    spent = {_describe_mechanism(dated.charge): dated for dated in entry.dated_charges}
    reserved = {_describe_mechanism(charge): charge.count for charge in entry.reserved}
    first = (f"  {entry.job}", "closed" if entry.closed else "open")
    rows: list[tuple[str, ...]] = []

    for mechanism in dict.fromkeys([*spent, *reserved]):
        dated = spent.get(mechanism)
        if dated:
            uses = dated.charge.count
            last = f"{dated.last_at:%Y-%m-%d %H:%M:%S}"
        else:
            uses = 0
            last = "-"

        name, noise, rate = mechanism[:3]
        rows.append((*first, name, f"{noise:.4g}", f"{rate:.4g}", f"{uses:,}", f"{reserved.get(mechanism, 0):,}", last))

    return rows or [(*first, *["-"] * 6)]


def _describe_mechanism(charge: Charge) -> tuple[str, float, float, float]:
    return charge.mechanism, charge.noise_multiplier, charge.sample_rate, charge.delta


def _open_ledger(url: str | None) -> Ledger:
    from ss_ray.privacy.ledger.database import DEFAULT_URL

    # Imports SQLAlchemy and dp-accounting: seconds.
    from ss_ray.privacy.ledger.ledger import Ledger

    return Ledger(url or DEFAULT_URL)


def _open_existing(url: str | None) -> Ledger:
    """The ledger, refused where its file is not there yet: to read it should not make one."""
    from ss_ray.privacy.ledger.database import DEFAULT_URL, ledger_file, ledger_url

    file = ledger_file(ledger_url(url or DEFAULT_URL))
    if file is not None and not file.exists():
        raise ConfigError(f"there is no privacy ledger yet at {file}; a job or `ss-ray ledger set-budget` makes one")
    return _open_ledger(url)
