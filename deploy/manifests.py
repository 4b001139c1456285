"""Write deploy/jobs/*.yaml from the chart mammosynth-batch: `python deploy/manifests.py [--check]`.

Each file is one Job with all that it needs, for `kubectl apply`. With --check nothing is written, and the exit code is
1 where a file is not what the chart gives.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
CHART = ROOT / "charts" / "mammosynth-batch"
JOBS = ROOT / "jobs"
TASKS = ("demo", "prepare", "train", "generate", "generate-standalone", "finalise", "report", "uplift")

HEADER = """\
# Made from the chart mammosynth-batch by `make manifests`; change that, not this.
# kubectl apply -f deploy/jobs/{task}.yaml
"""


def manifest(task: str) -> str:
    """What the chart renders for a task, under the values' defaults."""
    command = ["helm", "template", task, str(CHART), "--set", f"task={task}"]
    rendered = subprocess.run(command, capture_output=True, text=True, check=False)
    if rendered.returncode:
        raise SystemExit(rendered.stderr)
    lines = [line for line in rendered.stdout.splitlines() if line.strip() and not line.startswith("# Source: ")]
    return HEADER.format(task=task) + "\n".join(lines) + "\n"


def main(*, check: bool) -> int:
    """Write the files, or say which are stale; returns the exit code."""
    stale = []
    for task in TASKS:
        file, text = JOBS / f"{task}.yaml", manifest(task)
        if file.is_file() and file.read_text(encoding="utf-8") == text:
            continue
        stale.append(file.name)
        if not check:
            file.write_text(text, encoding="utf-8")
    if check and stale:
        sys.stderr.write(f"not what the chart gives: {', '.join(stale)}; run `make manifests`\n")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv[1:]))
