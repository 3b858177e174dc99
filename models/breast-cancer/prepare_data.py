"""Writes train.csv into a folder, for the model's input in S3:

python models/breast-cancer/prepare_data.py data/
"""

import argparse
from pathlib import Path

from sklearn.datasets import load_breast_cancer


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder

    data = load_breast_cancer(as_frame=True).frame
    data["malignant"] = 1 - data.pop("target")  # the set counts a benign tumour as 1
    folder.mkdir(parents=True, exist_ok=True)
    data.to_csv(folder / "train.csv", index=False)


if __name__ == "__main__":
    main()
