"""Writes churn.csv into a folder, for the model's input in S3: made up, with the columns of the well-known data set.

python models/churn/prepare_data.py data/
"""

import argparse
import csv
import math
import random
from pathlib import Path

STATES = ("AL", "AZ", "CA", "CO", "FL", "IL", "KS", "MA", "MN", "NJ", "NY", "OH", "OR", "TX", "UT", "VA", "WA", "WV")
CENTS = {"day": 17.0, "eve": 8.5, "night": 4.5, "intl": 27.0}
"""What a minute costs; the charges are nothing but this times the minutes."""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()

    chance = random.Random(args.seed)
    args.folder.mkdir(parents=True, exist_ok=True)
    with (args.folder / "churn.csv").open("w", newline="") as file:
        rows = [customer(chance) for _ in range(args.rows)]
        table = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def customer(chance):
    """One customer and whether they left.

    People leave because of a high bill without a plan that fits, an international plan that does not pay, or a service
    that they had to call again and again; and some for no reason that the data knows.
    """
    voicemail = chance.random() < 0.28
    abroad = chance.random() < 0.1
    minutes = {
        "day": max(0.0, chance.gauss(180, 54)),
        "eve": max(0.0, chance.gauss(200, 50)),
        "night": max(0.0, chance.gauss(200, 50)),
        "intl": max(0.0, chance.gauss(10, 2.8)),
    }
    minutes = {part: round(value, 1) for part, value in minutes.items()}
    calls = {"day": chance.gauss(100, 20), "eve": chance.gauss(100, 20), "night": chance.gauss(100, 20)}
    calls = {part: max(0, round(value)) for part, value in calls.items()}
    calls["intl"] = min(20, 1 + int(chance.expovariate(0.28)))
    service = min(9, int(chance.expovariate(0.5)))
    bill = sum(minutes[part] * CENTS[part] / 100 for part in CENTS)

    upset = -4.2
    upset += 4.6 if bill > 68 and not voicemail else 0
    upset += 4.4 if service >= 4 else 0
    upset += 5.5 if abroad and (calls["intl"] < 3 or minutes["intl"] > 13) else 0.4 * abroad
    row = {
        "state": chance.choice(STATES),
        "account_length": max(1, round(chance.gauss(101, 40))),
        "area_code": chance.choice((408, 415, 510)),
        "phone": f"{chance.randint(327, 422)}-{chance.randint(1000, 9999)}",
        "intl_plan": "yes" if abroad else "no",
        "vmail_plan": "yes" if voicemail else "no",
        "vmail_message": max(1, round(chance.gauss(29, 7))) if voicemail else 0,
    }
    for part, cents in CENTS.items():
        row[f"{part}_mins"] = minutes[part]
        row[f"{part}_calls"] = calls[part]
        row[f"{part}_charge"] = round(minutes[part] * cents / 100, 2)
    row["custserv_calls"] = service
    row["churn"] = "True" if chance.random() < 1 / (1 + math.exp(-upset)) else "False"
    return row


if __name__ == "__main__":
    main()
