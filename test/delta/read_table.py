"""Reads the copies that write-table.ts made with delta-rs and compares them row for row with the raw objects.

A table that only its own writer can read is no Delta table: this is the judge that slotwise did not write.
"""

import json
import shutil
import sys
from pathlib import Path

import pyarrow
import pyarrow.compute
import pyarrow.parquet
from deltalake import DeltaTable


def expected_rows(root: Path, keys: list[str]) -> dict[str, dict]:
    """Each id once, from the copy that SQS took first."""
    rows: dict[str, dict] = {}
    for key in keys:
        for row in pyarrow.parquet.ParquetFile(root / key).read().to_pylist():
            row["object_key"] = key
            known = rows.get(row["snapshot_id"])
            order = (row["received_at"], row["object_key"])
            if known is None or order < (known["received_at"], known["object_key"]):
                rows[row["snapshot_id"]] = row
    names = {name for row in rows.values() for name in row}
    for row in rows.values():
        row.update({name: None for name in names - row.keys()})
    return rows


def found_rows(table: DeltaTable) -> dict[str, dict]:
    rows = table.to_pyarrow_table().to_pylist()
    found = {row["snapshot_id"]: row for row in rows}
    check(len(found) == len(rows), f"{len(rows) - len(found)} ids are there twice")
    for row in rows:
        day = row.pop("dt")
        check(day == row["observed_at"].date(), f"{row['snapshot_id']} lies under {day}")
    return found


def check(holds: bool, text: str) -> None:
    if not holds:
        raise SystemExit(f"delta-rs: {text}")


def compare(step: str, table: DeltaTable, expected: dict[str, dict]) -> None:
    found = found_rows(table)
    check(found.keys() == expected.keys(), f"{step}: {len(found)} ids instead of {len(expected)}")
    for snapshot_id, row in expected.items():
        # The copy of an id that came again after it was compacted stays out, whatever its object is called.
        difference = {name for name in row if row[name] != found[snapshot_id][name]} - {"object_key"}
        check(not difference, f"{step}: {snapshot_id} differs in {sorted(difference)}")
        check(found[snapshot_id].keys() == row.keys(), f"{step}: {snapshot_id} has other columns")


def compare_filtered(step: str, table: DeltaTable, expected: dict[str, dict]) -> None:
    """By the statistics of the log: a bound that is wrong makes a reader skip a file that has the row."""
    dataset = table.to_pyarrow_dataset()
    for name in ("observed_at", "seq", "con_id", "bid", "account", "last_trade_date", "quantity"):
        for bound in (min, max):
            value = bound(row[name] for row in expected.values())
            wanted = sorted(row["seq"] for row in expected.values() if row[name] == value)
            found = dataset.to_table(filter=pyarrow.compute.field(name) == value)["seq"].to_pylist()
            check(sorted(found) == wanted, f"{step}: the filter {name} = {value} finds {len(found)} rows")


def main(root: Path) -> None:
    steps = sorted(path.parent for path in root.glob("*/raw.json"))
    check(len(steps) == 7, f"{len(steps)} steps were written")
    for step in steps:
        expected = expected_rows(root, json.loads((step / "raw.json").read_text()))
        path = step / "table" / "v1"
        table = DeltaTable(str(path))
        compare(step.name, table, expected)
        compare_filtered(step.name, table, expected)
        operations = [entry["operation"] for entry in table.history()]
        check(set(operations) <= {"append", "rearrange"}, f"{step.name}: {operations}")
        protocol = table.protocol()
        check((protocol.min_reader_version, protocol.min_writer_version) == (1, 2), f"{protocol}")

        log = path / "_delta_log"
        checkpoints = sorted(log.glob("*.checkpoint.parquet"))
        if checkpoints:
            version = int(checkpoints[-1].name.split(".")[0])
            for commit in log.glob("*.json"):
                if commit.name[0].isdigit() and int(commit.stem) <= version:
                    commit.unlink()
            compare(f"{step.name} from its checkpoint", DeltaTable(str(path)), expected)
        print(f"{step.name}: version {table.version()}, {len(expected)} rows in {len(table.file_uris())} files")
        shutil.rmtree(step)


main(Path(sys.argv[1]))
