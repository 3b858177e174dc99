"""Writes train.csv into a folder, for the model's input in S3:

python models/diabetes/prepare_data.py data/
"""

import argparse
from pathlib import Path

from sklearn.datasets import load_diabetes


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder

    data = load_diabetes(as_frame=True, scaled=False).frame.rename(columns={"target": "progression"})
    folder.mkdir(parents=True, exist_ok=True)
    data.to_csv(folder / "train.csv", index=False)


if __name__ == "__main__":
    main()
