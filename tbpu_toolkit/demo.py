"""The main job on real data, against the sandbox: what ``tbpu demo`` runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pandas as pd

from tbpu_toolkit.mapping import Mapping
from tbpu_toolkit.parameters import Parameter
from tbpu_toolkit.practice import Sandbox
from tbpu_toolkit.reports import account_line
from tbpu_toolkit.runs import Run, prepare
from tbpu_toolkit.validation import ValidationReport, validate

if TYPE_CHECKING:
    from collections.abc import Callable

    from tbpu_toolkit.proof import Proof

_SAMPLE: Final = 400
_KNOWN_TO_THE_SITE: Final = 0.7  # of the telephone company's customers: the others never came by


def data_file(name: str) -> Path:
    """Give the path of a data file that comes with the package.

    In a checkout the files lie in ``data/`` at its top; a wheel carries them inside.

    Raises:
        FileNotFoundError: none is called so.

    """
    here = Path(__file__).parent
    for folder in (here / "data", here.parent / "data"):
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(f"No data file is called '{name}'.")


def cdnow_customers() -> pd.DataFrame:
    """Give the CDNOW sample as one row a customer.

    6,919 point-of-sale transactions of 2,357 customers (Fader and Hardie), 1997-01 to 1998-06.
    The ids are read as text, so ``00004`` keeps its zeros.

    Returns:
        ``customer``, ``orders``, ``cds``, ``revenue`` (US dollars), ``firstOrder`` and
        ``lastOrder`` (dates), ``segment`` (``once``, ``repeat``, ``loyal``).

    >>> cdnow_customers().head(2)[["customer", "orders", "revenue", "segment"]]
      customer  orders  revenue segment
    0    00004       4   100.50  repeat
    1    00018       1    14.96    once

    """
    transactions = pd.read_fwf(
        data_file("cdnow_sample.txt"),
        colspecs=[(1, 6), (7, 11), (12, 20), (21, 23), (24, 31)],
        names=["customer", "sample", "date", "cds", "dollars"],
        dtype={"customer": str, "sample": str, "date": str},
    )
    transactions["date"] = pd.to_datetime(transactions["date"], format="%Y%m%d")
    customers = transactions.groupby("customer", as_index=False).agg(
        orders=("date", "size"),
        cds=("cds", "sum"),
        revenue=("dollars", "sum"),
        firstOrder=("date", "min"),
        lastOrder=("date", "max"),
    )
    customers["revenue"] = customers["revenue"].round(2)  # cents: a sum of floats has more
    customers["segment"] = pd.cut(
        customers["orders"], [0, 1, 5, float("inf")], labels=["once", "repeat", "loyal"]
    )
    return customers


CDNOW_MAPPING: Final = Mapping(
    key="customer",
    key_type="thirdPartyId",
    parameters={
        "orders": "orders",
        "cds": "cds",
        "revenue": Parameter("revenue", format="0.00"),
        "firstOrder": Parameter("firstOrder", format="date"),
        "lastOrder": Parameter("lastOrder", format="date"),
        "segment": "segment",
    },
)

TELCO_MAPPING: Final = Mapping(
    key="customer_number",
    key_type="pcId",
    site_uses_ecid=True,
    parameters={
        "tenure": "tenureMonths",
        "contract": "contract",
        "payment_method": "paymentMethod",
        "monthly_charges": Parameter("monthlyCharges", format="0.00"),
        "total_charges": Parameter("totalCharges", format="0.00"),
        "churn": "churned",
    },
)

DIRTY_MAPPING: Final = Mapping(
    key="loyalty_id",
    key_type="thirdPartyId",
    parameters={
        "tier": "loyaltyTier",
        "points": Parameter("loyaltyPoints", format="0"),
        "city": "homeCity",
    },
)


@dataclass(frozen=True)
class Demonstrated:
    """What one part of the demonstration came to.

    Attributes:
        report: what was checked.
        run: what was sent; None where nothing was.
        proof: what fetching back showed.
        files: what was written.

    """

    report: ValidationReport
    run: Run | None = None
    proof: Proof | None = None
    files: tuple[Path, ...] = ()


def demonstrate(folder: Path, say: Callable[[str], None] = print) -> list[Demonstrated]:
    """Run the main job three times against a sandbox of its own, and say what happens.

    Args:
        folder: where the reports and the runs go; may hold those of an earlier time.
        say: takes the lines of the account.

    Returns:
        What came of each part: CDNOW, Telco churn, and a small dirty file.

    """
    folder.mkdir(parents=True, exist_ok=True)
    with Sandbox(seconds_to_complete=1.0) as sandbox:
        say(f"A sandbox stands in for Adobe Target at {sandbox.url}; nothing leaves this machine.")
        say("\n1. CDNOW: point-of-sale customers, key thirdPartyId, version v2")
        cdnow = _load(cdnow_customers(), CDNOW_MAPPING, folder / "cdnow", sandbox, say)
        say("\n2. Telco churn: key pcId on a site with ECID, version v1, which creates no profiles")
        telco_file = data_file("telco_churn.csv")
        known = _let_customers_visit(sandbox, telco_file)
        say(f"   {known:,} of its customers have been on the site; Target knows no others.")
        telco = _load(telco_file, TELCO_MAPPING, folder / "telco", sandbox, say)
    say("\n3. A dirty file: what is wrong is named before anything is sent")
    dirty = _check(folder / "dirty", say)
    return [cdnow, telco, dirty]


def _let_customers_visit(sandbox: Sandbox, file: Path) -> int:
    ids = pd.read_csv(file, dtype=str, usecols=["customer_number"])["customer_number"]
    known = ids.sample(frac=_KNOWN_TO_THE_SITE, random_state=1997)
    return sandbox.add_profiles(known.tolist(), client_code="acme", key_type="pcId")


def _load(
    data: pd.DataFrame | Path,
    mapping: Mapping,
    folder: Path,
    sandbox: Sandbox,
    say: Callable[[str], None],
) -> Demonstrated:
    run = prepare(data, mapping, folder / "run")
    say(f"   {account_line(run.counts)}")
    client = sandbox.client("acme")
    proof = run.send(client).wait(client, timeout=60).prove(client, sample=_SAMPLE)
    for line in run_lines(run):
        say(f"   {line}")
    say(f"   proof:  {proof}")
    report = validate(data, mapping)  # with the cards, which prepare() leaves out
    page = report.to_html(folder / "report.html")
    say(f"   report: {page}\n   run:    {run.folder}")
    return Demonstrated(report, run, proof, (page,))


def _check(folder: Path, say: Callable[[str], None]) -> Demonstrated:
    folder.mkdir(parents=True, exist_ok=True)
    report = validate(data_file("dirty_loyalty.csv"), DIRTY_MAPPING)
    for line in repr(report).splitlines():
        say(f"   {line}")
    files = (report.to_html(folder / "report.html"), report.to_excel(folder / "rejected.xlsx"))
    say(f"   report: {files[0]}\n   rows:   {files[1]}")
    return Demonstrated(report, files=files)


def run_lines(run: Run) -> list[str]:
    """Say how far a run is: the ladder, and Target's own counts."""
    batches = len(run.batches)
    rungs = " -> ".join(f"{rung} {count}/{batches}" for rung, count in run.ladder.items())
    table = run.table()
    told = {name: table[name].sum() for name in ("updated", "not_found", "failed")}
    counts = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in told.items())
    return [f"ladder: {rungs}", f"Target: {counts}"]
