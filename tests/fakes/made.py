"""Values that many tests need and few care about; each takes what a test does care about."""

import gzip
import hashlib
import io
import tarfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from mergemaker.domain.lineage import Ingredients, Lineage, Origin
from mergemaker.domain.model_toml import parse_model
from mergemaker.domain.names import image_tag
from mergemaker.domain.run import Run, Status
from mergemaker.steps.bundle import digest_of
from mergemaker.steps.submit import Folder, Packed

HEAD = "a1b2c3d4" * 5
MODEL_TOML = """
[hyperparameters]
depth = 3

[channels.training]
prefix = "train/"

[metrics.rmse]
goal = "minimize"
regex = 'rmse=([0-9.]+)'

[metrics.r2]
goal = "maximize"
"""


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def origin(**changed: Any) -> Origin:
    """Merge request !7 in pipeline 70."""
    before = Origin(
        gitlab_project=5,
        merge_request=7,
        commit=HEAD,
        branch="deeper-trees",
        ref="refs/merge-requests/7/head",
        pipeline=70,
        pipeline_commit=HEAD,
    )
    return replace(before, **changed)


def lineage(**changed: Any) -> Lineage:
    before = Lineage(
        project="shop",
        model="prices",
        run_key=digest("run"),
        source=digest("source"),
        code=digest("code"),
        image=image_tag("prices", digest("image")),
        data=digest("data"),
        spec=digest(MODEL_TOML),
        origin=origin(),
    )
    return replace(before, **changed)


def run(**changed: Any) -> Run:
    """A completed run."""
    before = Run(
        job="prices-0123456789ab",
        lineage=lineage(),
        status=Status.COMPLETED,
        phase="Completed",
        reason="",
        created=datetime(2026, 3, 1, 12, 0, tzinfo=UTC),
        ended=datetime(2026, 3, 1, 12, 5, tzinfo=UTC),
        billed_seconds=185,
        instance="1 × ml.m5.large",
        image=f"111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop@sha256:{'0' * 64}",
        artifact="s3://shop-111122223333-eu-west-1/prices/output/prices-0123456789ab/output/model.tar.gz",
        hyperparameters={"depth": "3"},
        metrics={"rmse": 54.25, "r2": 0.5},
        version=4,
    )
    return replace(before, **changed)


def bundle_digest(code: str) -> str:
    """Of a bundle whose one file has this text."""
    return digest_of([("train.py", False, digest(code))])


def packed(files: Mapping[str, bytes]) -> bytes:
    """A compressed archive; the same files give the same bytes."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text))
    return gzip.compress(content.getvalue(), mtime=0)


def folder(text: str = MODEL_TOML, *, code: str = "code", image: str = "image", model: str = "prices") -> Folder:
    """A model folder with these contents."""
    spec = parse_model(model, text)
    return Folder(
        spec=spec,
        settings=text.encode(),
        code=Packed(bundle_digest(code), archive=lambda: packed({"train.py": code.encode()})),
        image_tag=spec.image.uri or image_tag(model, digest(image)),
        image_context=image.encode,
    )


def ingredients(**changed: Any) -> Ingredients:
    return replace(folder().ingredients(data=digest("data")), **changed)
