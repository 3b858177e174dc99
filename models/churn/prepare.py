"""Makes the channels `train` and `validation` out of churn.csv: numbers, and nothing that names a customer.

It runs by itself, as a SageMaker Processing job, whose folders are its defaults. By hand:

python models/churn/prepare.py --input data/ --output channels/
"""

import argparse
import sys
from pathlib import Path

import pandas as pd
from sklearn.model_selection import train_test_split

NAMES_SOMEBODY = ["state", "area_code", "phone"]
SAYS_IT_TWICE = ["day_charge", "eve_charge", "night_charge", "intl_charge"]
"""A charge is minutes times a price."""
ANSWERS = {"yes": 1, "no": 0, "True": 1, "False": 0}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--input", type=Path, default="/opt/ml/processing/input/data")
    parser.add_argument("--output", type=Path, default="/opt/ml/processing/output")
    parser.add_argument("--validation_share", type=float, default=0.25)
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()

    source = args.input / "churn.csv"
    if not source.is_file():
        sys.exit(f"there is no {source}: put a churn.csv into the model's input")
    raw = pd.read_csv(source, dtype={"churn": str})
    data = raw.drop(columns=[*NAMES_SOMEBODY, *SAYS_IT_TWICE])
    for column in ("intl_plan", "vmail_plan", "churn"):
        data[column] = data[column].map(ANSWERS)
    whole = data.notna().all(axis=1)
    print(f"{len(data)} rows, {(~whole).sum()} of them left out: something is missing")

    data = data[whole].astype({"intl_plan": int, "vmail_plan": int, "churn": int})
    train, validation = train_test_split(
        data, test_size=args.validation_share, random_state=args.seed, stratify=data["churn"]
    )
    for name, rows in {"train": train, "validation": validation}.items():
        (args.output / name).mkdir(parents=True, exist_ok=True)
        rows.to_csv(args.output / name / f"{name}.csv", index=False)
        print(f"{name}: {len(rows)} rows, {rows['churn'].mean():.1%} of the customers left")


if __name__ == "__main__":
    main()
