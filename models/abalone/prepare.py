"""Makes the channels `train` and `validation` out of abalone.csv: rows of numbers, without impossible ones.

It runs by itself, as a SageMaker Processing job, whose folders are its defaults. By hand:

python models/abalone/prepare.py --input data/ --output channels/
"""

import argparse
import sys
from pathlib import Path

import pandas as pd
from sklearn.model_selection import train_test_split

SEXES = {"I": 0, "F": 1, "M": 2}
"""Infant, female, male: trees split numbers wherever they need to."""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--input", type=Path, default="/opt/ml/processing/input/data")
    parser.add_argument("--output", type=Path, default="/opt/ml/processing/output")
    parser.add_argument("--validation_share", type=float, default=0.2)
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()

    source = args.input / "abalone.csv"
    if not source.is_file():
        sys.exit(f"there is no {source}: put an abalone.csv into the model's input")
    data = pd.read_csv(source)
    data["sex"] = data["sex"].map(SEXES)
    sound = data.notna().all(axis=1) & (data.drop(columns="sex") > 0).all(axis=1)
    print(f"{len(data)} rows, {(~sound).sum()} of them left out: something is missing or not above 0")

    data = data[sound].astype({"sex": int})
    train, validation = train_test_split(data, test_size=args.validation_share, random_state=args.seed)
    for name, rows in {"train": train, "validation": validation}.items():
        (args.output / name).mkdir(parents=True, exist_ok=True)
        rows.to_csv(args.output / name / f"{name}.csv", index=False)
        print(f"{name}: {len(rows)} rows")


if __name__ == "__main__":
    main()
