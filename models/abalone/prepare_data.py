"""Writes abalone.csv into a folder, for the model's input in S3: made up, with the columns of the well-known data set.

python models/abalone/prepare_data.py data/
"""

import argparse
import csv
import math
import random
from pathlib import Path

COLUMNS = (
    "sex",
    "length",
    "diameter",
    "height",
    "whole_weight",
    "shucked_weight",
    "viscera_weight",
    "shell_weight",
    "rings",
)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()

    chance = random.Random(args.seed)
    args.folder.mkdir(parents=True, exist_ok=True)
    with (args.folder / "abalone.csv").open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        table.writerows(abalone(chance) for _ in range(args.rows))


def abalone(chance):
    """One animal, in millimetres and grams divided by 200, as the original has them.

    Shells grow fast and then hardly at all; weight follows volume; the shell goes on getting thicker with age, which is
    what tells a young one from an old one of the same length.
    """
    age = chance.gammavariate(8.5, 1.15)
    rings = max(1, round(age * chance.gauss(1, 0.11)))  # counted under a microscope, and not all of them show
    length = chance.gauss(0.62, 0.06) * (1 - math.exp(-0.2 * (age + 0.5))) * chance.gauss(1, 0.03)
    length = max(0.07, length)
    diameter = length * chance.gauss(0.79, 0.02)
    # Some have no height, as two of the original: somebody forgot to measure.
    height = 0.0 if chance.random() < 0.002 else diameter * (0.32 + 0.004 * age) * chance.gauss(1, 0.04)
    body = 4.6 * length**3 * chance.gauss(1, 0.06)
    shell = body * (0.19 + 0.011 * age) * chance.gauss(1, 0.05)
    shucked = body * (0.48 - 0.004 * age) * chance.gauss(1, 0.05)
    viscera = body * 0.22 * chance.gauss(1, 0.07)
    whole = (shell + shucked + viscera) * chance.gauss(1.08, 0.02)
    young = length < chance.gauss(0.48, 0.06)
    sex = "I" if young else chance.choice("FM")
    return [sex, *(round(value, 4) for value in (length, diameter, height, whole, shucked, viscera, shell)), rings]


if __name__ == "__main__":
    main()
