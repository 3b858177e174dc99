"""``python -m bench.snapshot``: what `mergemaker submit` takes for data in many small files.

Exit code 1 if an object is downloaded, or copied where nothing has changed; never because of a time.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

from bench.contest import Took, cpu_of_children
from bench.recorder import Recorder, Request
from bench.stage import MODEL, NAMES, Stage, stage
from mergemaker.domain.names import input_prefix

FEW = 20
"""Files of a first round, in which what each submit asks for is looked at."""
SUBMIT = [str(Path(sys.executable).with_name("mergemaker")), "submit", MODEL]


def fill(on: Stage, count: int) -> None:
    s3 = on.client("s3")
    with ThreadPoolExecutor(max_workers=8) as pool:
        for done in [pool.submit(put, s3, number, "1,2,3\n") for number in range(count)]:
            done.result()


def put(s3: object, number: int, text: str) -> None:
    key = f"{input_prefix(MODEL)}part-{number % 100:02}/{number:06}.csv"
    s3.put_object(Bucket=NAMES.bucket, Key=key, Body=text.encode())  # type: ignore[attr-defined]


def submit(on: Stage, *, says: str, url: str | None = None) -> Took:
    """The whole process."""
    before, start = cpu_of_children(), time.perf_counter()
    done = subprocess.run(SUBMIT, cwd=on.project, env=on.environment(url), capture_output=True, text=True, check=False)
    took = Took(time.perf_counter() - start, cpu_of_children() - before)
    if done.returncode or says not in done.stdout:
        raise SystemExit(f"submit should have said {says!r}:\n{done.stdout}{done.stderr}")
    return took


def check(requests: list[Request], *, copies: int) -> str:
    """How many requests of which kind, in words. Exits where they are not what was to be made."""
    objects = [one for one in requests if f"/{NAMES.bucket}/" in one.operation]
    made = [one for one in objects if one.operation.startswith("PUT ") and "/data/" in one.operation and not one.body]
    read = [one for one in objects if one.operation.startswith("GET ") and "list-type=2" not in one.operation]
    if read or len(made) != copies:
        raise SystemExit(f"{len(read)} objects were read, {len(made)} copied instead of {copies}")
    lists = sum("list-type=2" in one.operation for one in requests)
    return f"{len(requests):,} calls, {lists} of them lists, {copies:,} copies, no object read"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.snapshot", description=__doc__)
    parser.add_argument("--files", type=int, default=10_000, help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=5, help="submits of unchanged data (default: %(default)s)")
    asked = parser.parse_args()
    if asked.files <= FEW or asked.rounds < 1:
        parser.error(f"--files must be over {FEW}, --rounds at least 1")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, stage(Path(folder)) as on:
        submit(on, says="run")  # has the image built
        on.settle()
        with Recorder(on.port) as recorder:
            fill(on, FEW)
            submit(on, says="started", url=recorder.url)
            check(recorder.take(), copies=FEW + 1)
            on.settle()
            fill(on, asked.files)
            rows = {"first": [submit(on, says="started")]}
            on.settle()
            submit(on, says="found", url=recorder.url)
            calls = check(recorder.take(), copies=0)
        rows["unchanged"] = [submit(on, says="found") for _ in range(asked.rounds)]
        put(on.client("s3"), 0, "4,5,6\n")
        rows["one changed"] = [submit(on, says="started")]
    print(f"unchanged: {calls}\n\n{shown(rows, asked.files)}")


def shown(rows: dict[str, list[Took]], files: int) -> str:
    """A table in Markdown."""
    lines = [f"| {files:,} files | `mergemaker submit` | CPU |", "|---|--:|--:|"]
    for what, took in rows.items():
        walls = [one.wall for one in took]
        spread = f" ({min(walls):.2f}–{max(walls):.2f})" if len(walls) > 1 else ""
        lines.append(f"| {what} | {median(walls):.2f} s{spread} | {median(one.cpu for one in took):.2f} s |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
