"""Trains boosted trees on train.csv, and stops when validation.csv gets no better."""

import argparse
import json
import os
from pathlib import Path

import joblib
import pandas as pd
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error
from xgboost import XGBRegressor

TARGET = "rings"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--num_round", type=int, default=400)
    parser.add_argument("--max_depth", type=int, default=4)
    parser.add_argument("--eta", type=float, default=0.05)
    parser.add_argument("--subsample", type=float, default=0.8)
    parser.add_argument("--early_stopping_rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--train", type=Path, default=os.environ.get("SM_CHANNEL_TRAIN"))
    parser.add_argument("--validation", type=Path, default=os.environ.get("SM_CHANNEL_VALIDATION"))
    parser.add_argument("--model_dir", type=Path, default=os.environ.get("SM_MODEL_DIR"))
    parser.add_argument("--output_data_dir", type=Path, default=os.environ.get("SM_OUTPUT_DATA_DIR"))
    args = parser.parse_args()

    train = pd.read_csv(args.train / "train.csv")
    validation = pd.read_csv(args.validation / "validation.csv")
    print(f"{len(train)} rows to train on, {len(validation)} to validate with")

    model = XGBRegressor(
        objective="reg:squarederror",
        n_estimators=args.num_round,
        max_depth=args.max_depth,
        learning_rate=args.eta,
        subsample=args.subsample,
        early_stopping_rounds=args.early_stopping_rounds,
        random_state=args.seed,
    )
    features = validation.drop(columns=TARGET)
    model.fit(train.drop(columns=TARGET), train[TARGET], eval_set=[(features, validation[TARGET])], verbose=50)
    model.set_params(n_jobs=1)  # a request is one row: threads would only cost time

    predicted = model.predict(features)
    metrics = {
        "rmse": float(root_mean_squared_error(validation[TARGET], predicted)),
        "mae": float(mean_absolute_error(validation[TARGET], predicted)),
        "r2": float(r2_score(validation[TARGET], predicted)),
    }
    for name, value in metrics.items():
        print(f"{name}={value:.4f}")

    joblib.dump(model, args.model_dir / "model.joblib")
    (args.output_data_dir / "metrics.json").write_text(json.dumps(metrics, indent=2))
    (args.output_data_dir / "importance.md").write_text(importance(model))


def importance(model):
    """As a table: how much of what the trees gained came from each column."""
    pairs = zip(model.feature_names_in_, model.feature_importances_, strict=True)
    rows = sorted(pairs, key=lambda pair: -pair[1])
    lines = "".join(f"| {name} | {gain:.1%} |\n" for name, gain in rows)
    return f"| column | share of the gain |\n|---|---:|\n{lines}"


if __name__ == "__main__":
    main()
