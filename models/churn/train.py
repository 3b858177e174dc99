"""Trains boosted trees on train.csv, and stops when validation.csv gets no better."""

import argparse
import json
import os
from pathlib import Path

import joblib
import pandas as pd
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, log_loss, roc_auc_score
from xgboost import XGBClassifier

TARGET = "churn"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--num_round", type=int, default=300)
    parser.add_argument("--max_depth", type=int, default=4)
    parser.add_argument("--eta", type=float, default=0.08)
    parser.add_argument("--subsample", type=float, default=0.8)
    parser.add_argument("--early_stopping_rounds", type=int, default=20)
    parser.add_argument("--threshold", type=float, default=0.4)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--train", type=Path, default=os.environ.get("SM_CHANNEL_TRAIN"))
    parser.add_argument("--validation", type=Path, default=os.environ.get("SM_CHANNEL_VALIDATION"))
    parser.add_argument("--model_dir", type=Path, default=os.environ.get("SM_MODEL_DIR"))
    parser.add_argument("--output_data_dir", type=Path, default=os.environ.get("SM_OUTPUT_DATA_DIR"))
    args = parser.parse_args()

    train = pd.read_csv(args.train / "train.csv")
    validation = pd.read_csv(args.validation / "validation.csv")
    print(f"{len(train)} rows to train on, {len(validation)} to validate with")

    model = XGBClassifier(
        objective="binary:logistic",
        n_estimators=args.num_round,
        max_depth=args.max_depth,
        learning_rate=args.eta,
        subsample=args.subsample,
        early_stopping_rounds=args.early_stopping_rounds,
        random_state=args.seed,
    )
    features, left = validation.drop(columns=TARGET), validation[TARGET]
    model.fit(train.drop(columns=TARGET), train[TARGET], eval_set=[(features, left)], verbose=50)
    model.set_params(n_jobs=1)  # a request is one row: threads would only cost time

    probability = model.predict_proba(features)[:, 1]
    predicted = probability >= args.threshold
    metrics = {
        "roc_auc": float(roc_auc_score(left, probability)),
        "f1": float(f1_score(left, predicted)),
        "accuracy": float(accuracy_score(left, predicted)),
        "log_loss": float(log_loss(left, probability)),
    }
    for name, value in metrics.items():
        print(f"{name}={value:.6f}")

    joblib.dump(model, args.model_dir / "model.joblib")
    (args.output_data_dir / "metrics.json").write_text(json.dumps(metrics, indent=2))
    (args.output_data_dir / "confusion.md").write_text(confusion(left, predicted))


def confusion(actual, predicted):
    """As a table: who is taken for leaving gets an offer, who leaves without one is lost."""
    (true_no, false_yes), (false_no, true_yes) = confusion_matrix(actual, predicted)
    return (
        "| | said to stay | said to leave |\n"
        "|---|---:|---:|\n"
        f"| **stayed** | {true_no} | {false_yes} |\n"
        f"| **left** | {false_no} | {true_yes} |\n"
    )


if __name__ == "__main__":
    main()
