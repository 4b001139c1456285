"""What second classifiers said of the films: `judge-*.json` of a run, written by `mammosynth judge`."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.evaluator.judge.command import SCHEMA_VERSION
from services.evaluator.judge.films import Group
from services.evaluator.run_directory import RunDirectory


@dataclass(frozen=True)
class JudgeGroup:
    """Mean change from the content over the films of one group, each with its interval as text."""

    name: str
    films: int
    contents: int
    gate_logit: str
    judge_logit: str
    judge_probability: str


@dataclass(frozen=True)
class JudgeReport:
    """One judge file."""

    name: str
    sha256: str
    independence: str
    """What speaks against its independence of the gate; empty where nothing does."""
    groups: tuple[JudgeGroup, ...]
    excess: Mapping[str, str]
    """Accepted films less accepted placebo films, by figure."""
    agreement: Mapping[str, str]
    """By figure."""
    films: int
    """That both judged."""
    left_out: int
    """Accepted films of the run that it has not seen: they came later."""
    vetoed_since: int
    """Films in its figures that people have vetoed since."""


def read_judges(run: RunDirectory) -> tuple[list[JudgeReport], list[str]]:
    """Read a run's judge files; returns them in the order of their names, and what is wrong with the others."""
    found, problems = [], []
    for name in run.store.names("", ".json"):
        if not name.startswith("judge-"):
            continue
        try:
            values = json.loads(run.store.read(f"{name}.json"))
            if values["schema_version"] != SCHEMA_VERSION:
                raise ValueError(f"schema version {values['schema_version']}, needed {SCHEMA_VERSION}")
            found.append(_judge(values, run))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            problems.append(f"{name}.json: is no file of mammosynth judge: {error!r}")
    return found, problems


def _judge(values: Mapping[str, Any], run: RunDirectory) -> JudgeReport:
    groups = {
        name: JudgeGroup(
            name=name.replace("_", ", "),
            films=int(group["films"]),
            contents=int(group["contents"]),
            gate_logit=_written(group["gate_logit"]),
            judge_logit=_written(group["judge_logit"]),
            judge_probability=_written(group["judge_probability"]),
        )
        for name, group in values["groups"].items()
    }
    agreement = values["agreement"]
    judged = {film["pair"] for film in values["films"] if film["group"] == Group.ACCEPTED}
    return JudgeReport(
        name=str(values["judge"]["name"]),
        sha256=str(values["judge"]["sha256"]),
        independence=str(values["independence"]),
        groups=tuple(groups.values()),
        excess={name: _written(item) for name, item in values["accepted_less_placebo_accepted"].items()},
        agreement={name: _written(agreement[name], sign=False) for name in ("same_call", "kappa", "rank_correlation")},
        films=int(agreement["films"]),
        left_out=len({record.pair for record in run.kept} - judged),
        vetoed_since=len(judged & set(run.vetoes)),
    )


def _written(estimate: Mapping[str, float | None] | None, *, sign: bool = True) -> str:
    """Write a figure with its interval; a dash where it is not known."""
    if estimate is None or estimate["value"] is None:
        return "–"  # noqa: RUF001  the dash is meant
    form = "+.3f" if sign else ".3f"
    text = format(estimate["value"], form)
    low, high = estimate["low"], estimate["high"]
    return text if low is None or high is None else f"{text} ({format(low, form)} to {format(high, form)})"
