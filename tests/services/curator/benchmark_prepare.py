"""Measures `mammosynth dataset prepare`: films a second, peak memory, and where a film's time goes.

    python tests/services/curator/benchmark_prepare.py --films 100 --folder /var/tmp/benchmark

Films are one phantom of the size asked for, shifted by another number of pixels in each file, as 12-bit DICOM; drawing
large phantoms takes longer than preparing them.
"""

import argparse
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[3]
sys.path[:0] = [str(REPOSITORY)]

import numpy as np  # noqa: E402  the path comes first
import psutil  # noqa: E402

from services.curator import breast_mask, film_file, framing, preparation  # noqa: E402
from services.curator.entry import Entry  # noqa: E402
from services.curator.phantom import make_phantom  # noqa: E402
from services.curator.phantom.dicom import write_dicom  # noqa: E402
from services.curator.preparation import FilmPreparation  # noqa: E402
from services.curator.source import SourceFilm  # noqa: E402
from shared.dataset import DatasetWriter, Laterality  # noqa: E402


def say(text: str) -> None:
    """Print a line."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def make_films(folder: Path, films: int, rows: int, columns: int) -> None:
    """Write films and their table, unless they are there."""
    if (folder / "table.csv").exists():
        return
    (folder / "films").mkdir(parents=True, exist_ok=True)
    phantom = make_phantom(seed=1, malignant=True, rows=rows, columns=columns)
    lines = ["path,patient_id,pathology,laterality,view"]
    original = phantom.film.copy()
    for number in range(films):
        phantom.film[:] = np.roll(original, number, axis=0)
        write_dicom(folder / "films" / f"{number:05d}.dcm", phantom, patient_id=f"P{number}", seed=number)
        lines.append(f"films/{number:05d}.dcm,P{number},{('BENIGN', 'MALIGNANT')[number % 2]},LEFT,CC")
    (folder / "table.csv").write_text("\n".join(lines) + "\n")


def measure_command(folder: Path, workers: int) -> None:
    """Run the command, and watch the memory of its processes."""
    output = folder / f"prepared-{time.time_ns()}"
    command = [sys.executable, "-m", "services.cli", "dataset", "prepare", "--images", str(folder)]
    command += ["--table", str(folder / "table.csv"), "--output", str(output), "--workers", str(workers)]
    started = time.perf_counter()
    child = psutil.Popen(command, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    whole = single = 0
    while child.poll() is None:
        sizes = [size for process in [child, *child.children(recursive=True)] if (size := _resident(process))]
        whole, single = max(whole, sum(sizes)), max(single, *sizes, 0)
        time.sleep(0.05)
    took = time.perf_counter() - started
    films = len(list((output / "images").iterdir()))
    say(f"{films} films, {workers} workers: {took:.1f} s, {films / took:.2f} films/s, exit code {child.returncode}")
    say(f"peak memory: {whole >> 20} MiB together, {single >> 20} MiB the largest process")


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0


def measure_shares(folder: Path, films: int) -> None:
    """Prepare some films in this process, and add up what decoding and resizing take of its processor time."""
    spent: dict[str, float] = defaultdict(float)

    def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*values: Any, **named: Any) -> Any:
            started = time.process_time()
            try:
                return function(*values, **named)
            finally:
                spent[name] += time.process_time() - started

        return run

    film_file.read_dicom_film = timed("decoding", film_file.read_dicom_film)
    for module in (breast_mask, framing):
        module.resize_film = timed("resizing", module.resize_film)  # type: ignore[attr-defined]
    framing.resize_mask = timed("resizing", framing.resize_mask)
    output = folder / f"shares-{time.time_ns()}"
    work = FilmPreparation(writer=DatasetWriter(output, size=256, options={}, seed=0), size=256, mirror_right=True)
    paths = sorted((folder / "films").iterdir())[:films]
    started = time.process_time()
    for path in paths:
        entry = Entry(
            path=path.name, patient_id="P", pathology="BENIGN", laterality=Laterality.LEFT, view="", source="a", row=2
        )
        assert isinstance(work.prepare(SourceFilm(entry=entry, file=path), path.stem), preparation.PreparedFilm)
    whole = time.process_time() - started
    spent["the rest"] = whole - sum(spent.values())
    for name, seconds in sorted(spent.items(), key=lambda item: -item[1]):
        say(f"{name}: {seconds / len(paths):.3f} s a film, {seconds / whole:.0%}")


def main() -> None:
    """Make films, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=int, default=100)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--columns", type=int, default=3000)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    make_films(given.folder, given.films, given.rows, given.columns)
    measure_shares(given.folder, min(given.films, 10))
    measure_command(given.folder, given.workers)


if __name__ == "__main__":
    main()
