"""Trains a random forest on train.csv and tests it on a part that it has not seen."""

import argparse
import json
import os
from pathlib import Path

import joblib
import pandas as pd
from sklearn.ensemble import RandomForestRegressor
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error
from sklearn.model_selection import train_test_split

TARGET = "progression"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--n_estimators", type=int, default=100)
    parser.add_argument("--max_depth", type=int, default=8)
    parser.add_argument("--min_samples_leaf", type=int, default=4)
    parser.add_argument("--test_share", type=float, default=0.2)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--training", type=Path, default=os.environ.get("SM_CHANNEL_TRAINING"))
    parser.add_argument("--model_dir", type=Path, default=os.environ.get("SM_MODEL_DIR"))
    parser.add_argument("--output_data_dir", type=Path, default=os.environ.get("SM_OUTPUT_DATA_DIR"))
    args = parser.parse_args()

    data = pd.read_csv(args.training / "train.csv")
    train, test = train_test_split(data, test_size=args.test_share, random_state=args.seed)
    print(f"{len(train)} rows to train on, {len(test)} to test on")

    model = RandomForestRegressor(
        n_estimators=args.n_estimators,
        max_depth=args.max_depth,
        min_samples_leaf=args.min_samples_leaf,
        random_state=args.seed,
        n_jobs=-1,
    )
    model.fit(train.drop(columns=TARGET), train[TARGET])
    model.set_params(n_jobs=1)  # a request is one row: threads would only cost time, and change the last digit

    predicted = model.predict(test.drop(columns=TARGET))
    metrics = {
        "rmse": float(root_mean_squared_error(test[TARGET], predicted)),
        "mae": float(mean_absolute_error(test[TARGET], predicted)),
        "r2": float(r2_score(test[TARGET], predicted)),
    }
    for name, value in metrics.items():
        print(f"{name}={value:.4f}")

    joblib.dump(model, args.model_dir / "model.joblib")
    (args.output_data_dir / "metrics.json").write_text(json.dumps(metrics, indent=2))
    predictions = pd.DataFrame({"actual": test[TARGET], "predicted": predicted.round(1)})
    predictions.to_csv(args.output_data_dir / "predictions.csv", index_label="row")


if __name__ == "__main__":
    main()
