"""Runs from the command to the manifest: real services with tiny gates, films of 48 pixels, a dozen steps."""

import asyncio
import json
import os
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from mammosynth.client import Generator

from services.orchestrator import generate
from services.orchestrator.configuration import GenerateConfiguration
from services.orchestrator.peers import GrpcPeers
from services.orchestrator.retry_loop import Outcome, RetryLoop
from services.orchestrator.sampler import Pair
from shared.dataset import Label
from shared.errors import (
    InvalidInputError,
    RefusedRunError,
    UnavailableError,
    UnfinishedPairsError,
)
from shared.images import sha256_pixels
from tests.loopback import process
from tests.services.orchestrator.small_runs import (
    ENDS,
    PAIRS,
    Run,
    Workshop,
    accepted,
    bytes_of,
    ledger,
    manifest,
)


def test_a_run_ends_with_0_and_sums_itself_up(run: Run) -> None:
    assert run.done.returncode == 0, run.done.stderr
    found = manifest(run.output)
    assert (found["complete"], found["done"], found["uniform"]) == (True, PAIRS, True)
    for part in (f"{PAIRS} pairs, policy quick, seed 0", found["run_digest"], str(run.output)):
        assert part in run.done.stdout


def test_every_pair_ends_by_its_own_scores(run: Run, workshop: Workshop) -> None:
    records = [ledger(run.output).record(pair) for pair in range(PAIRS)]
    assert {record.content.image_id for record in records} == set(ENDS), "each content once before one comes again"
    for record in records:
        reasons = [str(trial.reasons[0]) if trial.reasons else None for trial in record.trials]
        assert (record.decision, record.reason, reasons) == ENDS[record.content.image_id]
        assert record.content.patient_id != record.style.patient_id
        assert record.content.sha256 == sha256_pixels(workshop.dataset.pixels(record.content.image_id))
    counts = Counter(str(record.reason) for record in records if record.reason)
    assert manifest(run.output)["rejected"] == counts


def test_accepted_films_are_the_only_ones_kept_as_such_and_are_what_their_records_say(
    run: Run, workshop: Workshop
) -> None:
    kept = ledger(run.output)
    records = [kept.record(pair) for pair in range(PAIRS)]
    assert accepted(run.output) == [record.pair for record in records if record.accepted] != []
    for record in (record for record in records if record.accepted):
        film = kept.accepted_film(record.pair)
        original = workshop.dataset.pixels(record.content.image_id)
        assert sha256_pixels(film) == record.sha256 != record.content.sha256
        outside = ~workshop.dataset.mask(record.content.image_id)
        assert np.array_equal(film[outside], original[outside]), "nothing outside the breast is touched"
    rejected = {path.name for path in (run.output / "rejected").iterdir()}
    assert rejected == {
        f"{record.pair:06d}-{trial.trial}.png" for record in records for trial in record.trials if trial.reasons
    }


def test_the_ledger_has_a_row_for_every_trial(run: Run) -> None:
    rows = pq.read_table(run.output / "ledger.parquet").to_pylist()
    records = [ledger(run.output).record(pair) for pair in range(PAIRS)]
    assert len(rows) == sum(max(1, len(record.trials)) for record in records)
    assert sum(row["kept"] or False for row in rows) == len(accepted(run.output))


def test_a_run_keeps_what_it_was_started_with_such_that_it_can_be_used_from_anywhere(
    run: Run, workshop: Workshop
) -> None:
    kept = yaml.safe_load((run.output / "configuration.yaml").read_text())
    assert (kept["dataset"], kept["models"]) == (str(workshop.folder / "dataset"), str(workshop.folder / "models"))
    assert (kept["policy"], kept["trunk"], kept["pairs"]) == (str(workshop.folder / "quick.yaml"), "vgg16", PAIRS)
    assert GenerateConfiguration.resolve({}, run.output / "configuration.yaml").pairs == PAIRS
    assert sorted(path.name for path in (run.output / "logs").iterdir()) == ["anomaly.log", "classifier.log"]
    assert len(list((run.output / "timings").iterdir())) == 1


def test_a_second_call_finds_nothing_to_do(run: Run, workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(_: RetryLoop, pair: Pair) -> Outcome:
        raise AssertionError(f"pair {pair.index} was worked on")

    monkeypatch.setattr(RetryLoop, "work", refuse)
    packed = ("pairs", "accepted", "rejected", "timings", "manifest.json", "ledger.parquet", "run.json")
    before = bytes_of(run.output, *packed)
    assert generate.run(workshop.configuration(run.output)) == 0
    assert bytes_of(run.output, *packed) == before


def test_two_shards_make_the_same_run_as_one(run: Run, workshop: Workshop, tmp_path: Path) -> None:
    assert generate.run(workshop.configuration(tmp_path, shard="1/2", in_flight=1)) == 0
    assert (manifest(tmp_path)["complete"], manifest(tmp_path)["first_missing"]) == (False, [0, 2, 4])
    assert generate.run(workshop.configuration(tmp_path, shard="0/2", in_flight=3)) == 0
    assert manifest(tmp_path) == manifest(run.output)
    assert bytes_of(tmp_path) == bytes_of(run.output)


def test_pairs_that_cannot_be_finished_fail_the_run_at_its_end_and_are_made_by_the_next(
    run: Run, workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = RetryLoop.work

    async def failing(loop: RetryLoop, pair: Pair) -> Outcome:
        if pair.index in (1, 4):
            raise UnavailableError("anomaly: gone")
        return await work(loop, pair)

    with monkeypatch.context() as patched:
        patched.setattr(RetryLoop, "work", failing)
        message = r"2 of 6 pairs could not be finished: 1, 4; run the same .* pair 1: unavailable: anomaly: gone"
        with pytest.raises(UnfinishedPairsError, match=message):
            generate.run(workshop.configuration(tmp_path))
        assert ledger(tmp_path).recorded() == {0, 2, 3, 5}
        assert not (tmp_path / "manifest.json").exists()
    assert generate.run(workshop.configuration(tmp_path)) == 0
    assert manifest(tmp_path) == manifest(run.output)
    assert bytes_of(tmp_path) == bytes_of(run.output)


DIFFERENT: dict[str, tuple[dict[str, Any], str]] = {
    "another seed": ({"seed": 5}, "seed: begun with 0, now 5"),
    "other pairs": ({"pairs": 5}, "pairs: begun with 6, now 5"),
    "another policy": ({"policy": "paper"}, "policy_sha256: begun with"),
    "another share": ({"keep_rejected": 0.5}, "keep_rejected: begun with 1.0, now 0.5"),
}


@pytest.mark.parametrize(("changes", "message"), DIFFERENT.values(), ids=DIFFERENT)
def test_a_run_is_not_continued_with_other_inputs(
    changes: dict[str, Any], message: str, run: Run, workshop: Workshop
) -> None:
    before = bytes_of(run.output, "configuration.yaml", "run.json", "pairs")
    with pytest.raises(RefusedRunError, match=message):
        generate.run(workshop.configuration(run.output, **changes))
    assert bytes_of(run.output, "configuration.yaml", "run.json", "pairs") == before


def test_more_pairs_than_the_policys_limits_allow_are_refused_before_any_work(
    workshop: Workshop, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInputError, match="finds no style left: each may be used 5 times"):
        generate.run(workshop.configuration(tmp_path / "run", pairs=16))
    assert not (tmp_path / "run" / "run.json").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_who_waits_for_services_that_do_not_come_can_be_stopped(
    number: int, workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def wait(_: GrpcPeers, *, timeout_s: float) -> None:
        os.kill(os.getpid(), number)
        await asyncio.sleep(timeout_s)

    monkeypatch.setattr(GrpcPeers, "facts", wait)
    assert generate.run(workshop.configuration(tmp_path / "run", start_timeout_s=100)) == 143
    assert not (tmp_path / "run" / "run.json").exists()


def test_pairs_in_progress_end_within_the_grace_time_and_no_other_begins(
    run: Run, workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = RetryLoop.work

    async def told_to_stop(loop: RetryLoop, pair: Pair) -> Outcome:
        if pair.index == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return await work(loop, pair)

    with monkeypatch.context() as patched:
        patched.setattr(RetryLoop, "work", told_to_stop)
        assert generate.run(workshop.configuration(tmp_path, in_flight=2, grace_s=60)) == 143
    assert ledger(tmp_path).recorded() == {0, 1}
    assert not (tmp_path / "manifest.json").exists()
    assert generate.run(workshop.configuration(tmp_path)) == 0
    assert bytes_of(tmp_path) == bytes_of(run.output)


def test_the_service_streams_the_films_that_a_run_accepts(run: Run, workshop: Workshop) -> None:
    variables = {
        "MAMMOSYNTH_ORCHESTRATOR_DATASET": str(workshop.dataset.path),
        "MAMMOSYNTH_ORCHESTRATOR_POLICY": str(workshop.folder / "quick.yaml"),
        **{f"MAMMOSYNTH_ORCHESTRATOR_{name.upper()}": address for name, address in workshop.services.items()},
    }
    with process("services.orchestrator", **variables) as (_, address), Generator(address) as generator:
        info = generator.info()
        assert (info.policies, info.default_policy) == (("lesion", "paper", "stable", "quick"), "quick")
        samples = list(generator.generate(pair_limit=PAIRS, timeout=60))
    assert [sample.pair for sample in samples] == accepted(run.output)
    for sample in samples:
        assert np.array_equal(sample.film, ledger(run.output).accepted_film(sample.pair))
        assert sample.record == json.loads((run.output / "pairs" / f"{sample.pair:06d}.json").read_text())


def test_placebo_twins_are_recorded_beside_their_pairs_and_enter_no_data_set(
    run: Run, workshop: Workshop, tmp_path: Path
) -> None:
    assert generate.run(workshop.configuration(tmp_path, placebo=1.0)) == 0
    assert bytes_of(tmp_path, "accepted") == bytes_of(run.output, "accepted"), "twins change nothing about the pairs"
    twins = ledger(tmp_path).twins
    assert twins.recorded()
    for number in twins.recorded():
        pair, twin = ledger(tmp_path).record(number), twins.record(number)
        assert (pair.placebo, twin.placebo) == (False, True)
        assert twin.content == pair.content
        assert twin.style.image_id in {film.image_id for film in workshop.dataset.select(label=Label.BENIGN)}
        assert (tmp_path / "placebo" / f"{number:06d}.png").exists() == twin.accepted
    found = manifest(tmp_path)
    assert (found["complete"], found["accepted"]) == (True, manifest(run.output)["accepted"])
    assert found["placebo"]["twins"] == len(twins.recorded())
    assert found["placebo"]["accepted"] == len(list((tmp_path / "placebo").glob("*.png")))
    assert found["run_digest"] != manifest(run.output)["run_digest"]
    lost = tmp_path / "pairs" / f"{min(twins.recorded()):06d}-placebo.json"
    before = lost.read_bytes()
    lost.unlink()
    assert ledger(tmp_path).finalise()["complete"] is False
    assert generate.run(workshop.configuration(tmp_path, placebo=1.0)) == 0
    assert lost.read_bytes() == before
    assert manifest(tmp_path) == found


def test_a_run_is_not_continued_with_other_twins(run: Run, workshop: Workshop, tmp_path: Path) -> None:
    assert generate.run(workshop.configuration(tmp_path, placebo=0.0)) == 0
    with pytest.raises(RefusedRunError, match="placebo: begun with"):
        generate.run(workshop.configuration(tmp_path, placebo=1.0))
