"""Writes run directories as plain data, the way the orchestrator leaves them."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from shared.dataset import Dataset, DatasetWriter, Film, Label, Laterality, Origin, Split
from shared.images import Film as Pixels
from shared.images import encode_png16, sha256_pixels
from shared.store import Store

THRESHOLDS = {"anomaly": 0.5, "classifier": 0.7, "benign_below": 0.5, "minimum_change": 0.002}
MODELS = {
    service: {"name": f"{service}-model", "sha256": hashlib.sha256(service.encode()).hexdigest()}
    for service in ("stylizer", "anomaly", "classifier")
}
NUMERICS = {
    service: [
        {
            "device_kind": "cpu",
            "dtype": "float32",
            "slots": 1,
            "threads": 1,
            "instruction_set": "AVX2",
            "versions": {"mammosynth": "0.1.0"},
        }
    ]
    for service in MODELS
}
RECIPES = [
    {"content_layer": "conv_5", "content_weight": 1.0, "style_weight": 1e5, "steps": 100},
    {"content_layer": "conv_5", "content_weight": 1.0, "style_weight": 1e6, "steps": 250},
]


def breast(seed: int, size: int) -> tuple[Pixels, Any]:
    """A half disc of texture on black, and its mask."""
    rows, columns = np.mgrid[0:size, 0:size] / size
    mask = (rows - 0.5) ** 2 + columns**2 < 0.2
    texture = 0.4 + 0.2 * np.random.default_rng(seed).random((size, size))
    return np.where(mask, texture, 0.0).astype(np.float32), mask


def write_dataset(
    path: Path,
    *,
    contents: int = 3,
    styles: int = 2,
    size: int = 32,
    test_styles: int = 0,
    sources: tuple[str, ...] = ("phantom",),
) -> Dataset:
    """Write a prepared data set of the split generation, but for so many styles of the split test."""
    writer = DatasetWriter(path, size=size, options={}, seed=0)
    films = []
    for number in range(contents + styles):
        label = Label.BENIGN if number < contents else Label.MALIGNANT
        image_id = f"{label}-{number}"
        pixels, mask = breast(number, size)
        films.append(
            Film(
                image_id=image_id,
                patient_id=f"patient-{number}",
                source=sources[number % len(sources)],
                laterality=Laterality.LEFT,
                view="CC",
                pathology=str(label).upper(),
                label=label,
                split=Split.TEST if number >= contents + styles - test_styles else Split.GENERATION,
                sha256=writer.write_film(image_id, pixels, mask),
                origin=Origin(f"{image_id}.png", size, size, (0, 0, size, size), 1.0, False, (0, 0, 0, 0)),
            )
        )
    writer.finish(films)
    return Dataset.open(path)


class RunWriter:
    """A run directory that pairs are added to."""

    def __init__(self, path: Path, dataset: Dataset, *, pairs: int) -> None:
        self.path = path
        self.dataset = dataset
        self.pairs = pairs
        self.contents = dataset.select(label=Label.BENIGN)
        self.styles = dataset.select(label=Label.MALIGNANT)
        self.pins = {
            "pairs": pairs,
            "seed": 7,
            "size": dataset.size,
            "dataset_sha256": dataset.sha256,
            "policy": {
                "name": "stable",
                "description": f"Matched pairs, tuned on the data set {'ab' * 32}.",
                "region": "breast",
                "optimizer": "unclamped",
                "recipes": [{**recipe, "region": None} for recipe in RECIPES],
            },
            "policy_sha256": "ab" * 32,
            "keep_rejected": 0.1,
            "models": MODELS,
            "thresholds": THRESHOLDS,
            "version": "0.1.0",
            "schema_version": 1,
        }
        self._json("run.json", self.pins)
        self._write("configuration.yaml", yaml.safe_dump({"dataset": str(dataset.path), "pairs": pairs}).encode())

    @property
    def address(self) -> str:
        """Of the run, as commands take it."""
        return str(self.path)

    @property
    def store(self) -> Store:
        """Of the run's files."""
        return Store(self.address)

    def add_accepted(self, pair: int, *, at: int = 1, **changes: Any) -> dict[str, Any]:
        """Add a pair whose trial `at` was kept; those before it were still benign."""
        trials = [self.trial(pair, number, ["still_benign"], probability=0.4) for number in range(1, at)]
        trials.append(self.trial(pair, at, []))
        self._write(f"accepted/{pair:06d}.png", encode_png16(self.output(pair, at)))
        kept = {"decision": "accepted", "accepted_trial": at, "sha256": trials[-1]["sha256"]}
        return self.add(pair, trials=trials, **(kept | changes))

    def add_rejected(self, pair: int, *reasons: str, keep: bool = False, **changes: Any) -> dict[str, Any]:
        """Add a pair all of whose trials were rejected, for these weightiest reasons in turn."""
        trials = [self.trial(pair, number, [reason]) for number, reason in enumerate(reasons, start=1)]
        for trial in trials if keep else ():
            film = self.output(pair, trial["trial"])
            self._write(f"rejected/{pair:06d}-{trial['trial']}.png", encode_png16(film))
        return self.add(pair, trials=trials, **changes)

    def add_twin(self, pair: int, *, accepted: bool = False) -> dict[str, Any]:
        """Add the placebo twin of a pair, whose one trial was kept or not."""
        self.pins["placebo"] = sorted({*self.pins.get("placebo", ()), pair})
        self._json("run.json", self.pins)
        trial = self.trial(pair, 1, [] if accepted else ["still_benign"], probability=0.8 if accepted else 0.3)
        changes: dict[str, Any] = {"trials": [trial], "placebo": True}
        if accepted:
            changes |= {"decision": "accepted", "accepted_trial": 1, "sha256": trial["sha256"]}
            self._write(f"placebo/{pair:06d}.png", encode_png16(self.output(pair, 1)))
        return self.add(pair, name=f"{pair:06d}-placebo", **changes)

    def veto(self, *pairs: int, reason: str = "") -> None:
        """Veto the accepted films of pairs, and of no others."""
        records = [json.loads((self.path / f"pairs/{pair:06d}.json").read_bytes()) for pair in pairs]
        vetoed = [{"pair": item["pair"], "sha256": item["sha256"], "reason": reason} for item in records]
        self._json("vetoed.json", {"schema_version": 1, "vetoed": vetoed})

    def replace_film(self, pair: int, film: Pixels) -> None:
        """Make another film the accepted one of a pair, in its file and in its record."""
        path = self.path / f"pairs/{pair:06d}.json"
        record = json.loads(path.read_bytes())
        record["sha256"] = sha256_pixels(film)
        self._write(f"accepted/{pair:06d}.png", encode_png16(film))
        self._json(f"pairs/{pair:06d}.json", record)

    def add(self, pair: int, name: str = "", **changes: Any) -> dict[str, Any]:
        """Add the record of a pair."""
        content, style = self.contents[pair % len(self.contents)], self.styles[pair % len(self.styles)]
        scores = {"anomaly": 0.3, "probability": 0.2, "logit": -1.4}
        record = {
            "pair": pair,
            "decision": "rejected",
            "reason": None if changes.get("decision") == "accepted" else "exhausted",
            "content": _source(content, scores),
            "style": _source(style, None),
            "trials": [],
            "accepted_trial": None,
            "sha256": "",
            "seed": 7,
            "policy": "stable",
            "policy_sha256": "ab" * 32,
            "dataset_sha256": self.dataset.sha256,
            "models": MODELS,
            "numerics": NUMERICS,
            "placebo": False,
            "schema_version": 1,
        } | changes
        self._json(f"pairs/{name or f'{pair:06d}'}.json", record)
        return record

    def trial(self, pair: int, number: int, reasons: list[str], *, probability: float = 0.8) -> dict[str, Any]:
        """One trial as it stands in a record."""
        recipe = RECIPES[(number - 1) % len(RECIPES)]
        return {
            "trial": number,
            "recipe": recipe
            | {"style_layers": ["conv_1"], "region": "breast", "optimizer": "unclamped", "loss_convention": "tutorial"},
            "evaluations": recipe["steps"],
            "loss": 12.5,
            "content_loss": 2.5,
            "style_loss": 1e-4,
            "mean_absolute_change": 0.0123,
            "scores": {"anomaly": 0.35, "probability": probability, "logit": 1.4},
            "reasons": reasons,
            "sha256": sha256_pixels(self.output(pair, number)),
        }

    def output(self, pair: int, trial: int) -> Pixels:
        """The film of a trial: its content, a little brighter in places."""
        content = self.dataset.pixels(self.contents[pair % len(self.contents)].image_id)
        change = 0.05 * np.random.default_rng((pair, trial)).random(content.shape)
        return np.where(content > 0, content + change, 0.0).astype(np.float32)

    def add_timings(self, worker: str, seconds: dict[int, float]) -> None:
        """Add what one worker wrote down about time, one pair after the other."""
        ended, entries = 0.0, []
        for pair, value in seconds.items():
            ended += value
            entries.append({"pair": pair, "seconds": value, "ended_s": ended, "trials": 1})
        self._json(f"timings/{worker}.json", {"began": 0.0, "pairs": entries})

    def finalise(self, digest: str = "cd" * 32) -> None:
        """Sum the run up, as far as a report reads it."""
        done = len(list((self.path / "pairs").glob("*.json")))
        self._json("manifest.json", {"done": done, "pairs": self.pairs, "run_digest": digest})

    def _json(self, name: str, values: Any) -> None:
        self._write(name, json.dumps(values, indent=1).encode())

    def _write(self, name: str, data: bytes) -> None:
        (self.path / name).parent.mkdir(parents=True, exist_ok=True)
        (self.path / name).write_bytes(data)


def _source(film: Film, scores: dict[str, float] | None) -> dict[str, Any]:
    return {"image_id": film.image_id, "patient_id": film.patient_id, "sha256": film.sha256, "scores": scores}
