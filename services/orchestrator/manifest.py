"""What a run came to: counts by decision, the run digest, the numerics seen, and whether it is complete."""

import hashlib
import json
from collections import Counter
from typing import Any

from shared.placebo import compare
from shared.record import Decision, PairRecord

SCHEMA_VERSION = 1


def run_digest(records: list[PairRecord]) -> str:
    """Hash over decisions and accepted films in the order of the pairs: equal digests mean the same run."""
    digest = hashlib.sha256()
    for record in sorted(records, key=lambda item: (item.pair, item.placebo)):
        digest.update(record.digest_line().encode())
    return digest.hexdigest()


def make_manifest(pins: dict[str, Any], everything: list[PairRecord]) -> dict[str, Any]:
    """Sum up the records of a run that was started with `pins`, pairs and placebo twins."""
    records = [record for record in everything if not record.placebo]
    twins = [record for record in everything if record.placebo]
    missing_twins = sorted(set(pins.get("placebo", ())) - {record.pair for record in twins})
    done = {record.pair for record in records}
    numerics: dict[str, list[Any]] = {}
    for record in everything:
        for service, kinds in record.numerics.items():
            seen = numerics.setdefault(service, [])
            seen.extend(kind for kind in kinds if kind not in seen)
    for kinds in numerics.values():
        kinds.sort(key=lambda kind: json.dumps(kind, sort_keys=True))
    accepted = [record for record in records if record.decision is Decision.ACCEPTED]
    missing = [pair for pair in range(pins["pairs"]) if pair not in done]
    return {
        "schema_version": SCHEMA_VERSION,
        "complete": not missing and not missing_twins,
        "pairs": pins["pairs"],
        "done": len(done),
        "missing": len(missing),
        "first_missing": missing[:20],
        "accepted": len(accepted),
        "rejected": dict(sorted(Counter(str(record.reason) for record in records if record.reason).items())),
        "trials": sum(len(record.trials) for record in records),
        "trials_by_reason": dict(
            sorted(
                Counter(
                    str(trial.reasons[0]) if trial.reasons else "accepted"
                    for record in records
                    for trial in record.trials
                ).items()
            )
        ),
        "accepted_by_trial": dict(sorted(Counter(str(record.accepted_trial) for record in accepted).items())),
        "run_digest": run_digest(everything),
        "placebo": {"missing": len(missing_twins), **compare(records, twins)},
        "policy": pins["policy"]["name"],
        "policy_sha256": pins["policy_sha256"],
        "seed": pins["seed"],
        "dataset_sha256": pins["dataset_sha256"],
        "models": pins["models"],
        "thresholds": pins["thresholds"],
        "numerics": numerics,
        "uniform": all(len(kinds) == 1 for kinds in numerics.values()),
        "version": pins["version"],
    }
