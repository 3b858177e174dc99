"""Trains a logistic regression on train.csv and tests it on a part that it has not seen."""

import argparse
import json
import os
from pathlib import Path

import joblib
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, log_loss, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

TARGET = "malignant"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--regularization", type=float, default=1.0)
    parser.add_argument("--test_share", type=float, default=0.25)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--training", type=Path, default=os.environ.get("SM_CHANNEL_TRAINING"))
    parser.add_argument("--model_dir", type=Path, default=os.environ.get("SM_MODEL_DIR"))
    parser.add_argument("--output_data_dir", type=Path, default=os.environ.get("SM_OUTPUT_DATA_DIR"))
    args = parser.parse_args()

    data = pd.read_csv(args.training / "train.csv")
    train, test = train_test_split(data, test_size=args.test_share, random_state=args.seed, stratify=data[TARGET])
    print(f"{len(train)} rows to train on, {len(test)} to test on")

    model = make_pipeline(StandardScaler(), LogisticRegression(C=1 / args.regularization, max_iter=1000))
    model.fit(train.drop(columns=TARGET), train[TARGET])

    probability = model.predict_proba(test.drop(columns=TARGET))[:, 1]
    predicted = probability >= 0.5
    metrics = {
        "roc_auc": float(roc_auc_score(test[TARGET], probability)),
        "accuracy": float(accuracy_score(test[TARGET], predicted)),
        "f1": float(f1_score(test[TARGET], predicted)),
        "log_loss": float(log_loss(test[TARGET], probability)),
    }
    for name, value in metrics.items():
        print(f"{name}={value:.6f}")

    joblib.dump(model, args.model_dir / "model.joblib")
    (args.output_data_dir / "metrics.json").write_text(json.dumps(metrics, indent=2))
    (args.output_data_dir / "confusion.md").write_text(confusion(test[TARGET], predicted))


def confusion(actual, predicted):
    """As a table: a missed tumour is what this model is about."""
    (true_no, false_yes), (false_no, true_yes) = confusion_matrix(actual, predicted)
    return (
        "| | said benign | said malignant |\n"
        "|---|---:|---:|\n"
        f"| **is benign** | {true_no} | {false_yes} |\n"
        f"| **is malignant** | {false_no} | {true_yes} |\n"
    )


if __name__ == "__main__":
    main()
