"""The command line: what it imports, what it takes, and the exit codes that it ends with."""

import importlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
import structlog

from services import cli
from services.orchestrator import finalise, generate
from services.orchestrator.configuration import FinaliseConfiguration, GenerateConfiguration
from shared.dataset import Dataset, DatasetWriter
from shared.errors import SkippedFilesError, UnfinishedPairsError
from tests.services.orchestrator.made import cohort

ROOT = Path(__file__).resolve().parents[2]
PREFIXES = {
    "submit": "MAMMOSYNTH_SUBMIT_",
    "cancel": "MAMMOSYNTH_CANCEL_",
    "logs": "MAMMOSYNTH_LOGS_",
    "fetch": "MAMMOSYNTH_FETCH_",
    "ping": "MAMMOSYNTH_PING_",
    "dataset phantom": "MAMMOSYNTH_DATASET_PHANTOM_",
    "dataset prepare": "MAMMOSYNTH_DATASET_PREPARE_",
    "dataset check": "MAMMOSYNTH_DATASET_CHECK_",
    "export dicom": "MAMMOSYNTH_EXPORT_DICOM_",
    "export folder": "MAMMOSYNTH_EXPORT_FOLDER_",
    "export parquet": "MAMMOSYNTH_EXPORT_PARQUET_",
    "train anomaly": "MAMMOSYNTH_TRAIN_ANOMALY_",
    "train classifier": "MAMMOSYNTH_TRAIN_CLASSIFIER_",
    "tune": "MAMMOSYNTH_TUNE_",
    "sweep": "MAMMOSYNTH_SWEEP_",
    "battery make": "MAMMOSYNTH_BATTERY_",
    "battery score": "MAMMOSYNTH_BATTERY_SCORE_",
    "serve stylizer": "MAMMOSYNTH_STYLIZER_",
    "serve anomaly": "MAMMOSYNTH_ANOMALY_",
    "serve classifier": "MAMMOSYNTH_CLASSIFIER_",
    "serve orchestrator": "MAMMOSYNTH_ORCHESTRATOR_",
    "generate": "MAMMOSYNTH_GENERATE_",
    "finalise": "MAMMOSYNTH_FINALISE_",
    "replay": "MAMMOSYNTH_REPLAY_",
    "status": "MAMMOSYNTH_STATUS_",
    "evaluate": "MAMMOSYNTH_EVALUATE_",
    "convert-inception": "MAMMOSYNTH_CONVERT_INCEPTION_",
    "report": "MAMMOSYNTH_REPORT_",
    "judge": "MAMMOSYNTH_JUDGE_",
    "review make": "MAMMOSYNTH_REVIEW_MAKE_",
    "review read": "MAMMOSYNTH_REVIEW_READ_",
    "uplift": "MAMMOSYNTH_UPLIFT_",
}


class Ended(NamedTuple):
    code: int
    out: str
    err: str


Invoke = Callable[..., Ended]


@pytest.fixture
def invoke(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Invoke]:
    """Runs the command line in this process."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")

    def run(*arguments: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["mammosynth", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return Ended(int(ended.value.code or 0), *capsys.readouterr())

    yield run
    structlog.reset_defaults()


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """A prepared data set of black films."""
    writer = DatasetWriter(tmp_path / "dataset", size=32, options={}, seed=0)
    black = np.zeros((32, 32), dtype=np.float32)
    films = cohort(1, 1)
    for film in films:
        writer.write_film(film.image_id, black, black == 0)
    writer.finish(films)
    return Dataset.open(tmp_path / "dataset")


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Configurations that `generate` and `finalise` were called with; nothing else happens."""
    found: list[Any] = []
    for module in (generate, finalise):
        monkeypatch.setattr(module, "run", found.append)
    return found


@pytest.fixture
def nothing_started(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("services were started")

    monkeypatch.setattr(generate, "running_services", refuse)


def test_help_imports_no_service_and_nothing_heavy() -> None:
    program = (
        "import sys\n"
        "from services import cli\n"
        "sys.argv = ['mammosynth', '--help']\n"
        "try:\n"
        "    cli.main()\n"
        "finally:\n"
        "    print('imported', *sys.modules, file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert "generate" in done.stdout
    imported = set(done.stderr.split())
    assert "services.stylizer.configuration" in imported
    heavy = {"torch", "torchvision", "onnx", "onnxruntime", "pydicom", "scipy", "sklearn", "matplotlib", "pyarrow"}
    cores = {"services.orchestrator.generate", "services.stylizer.engine", "services.anomaly.detector"}
    assert not imported & (heavy | cores)


@pytest.mark.parametrize("service", cli._SERVICES)
def test_a_tree_of_one_service_has_the_commands_of_that_service_alone(service: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "shared", tmp_path / "shared")
    for name in ("__init__.py", "cli.py"):
        (tmp_path / "services").mkdir(exist_ok=True)
        shutil.copy(ROOT / "services" / name, tmp_path / "services" / name)
    shutil.copytree(ROOT / "services" / service, tmp_path / "services" / service)
    program = "from services import cli\nprint(cli.__file__, sorted(cli.names()))"
    variables = os.environ | {"PYTHONPATH": f"{tmp_path}:{ROOT / 'protos'}"}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=tmp_path, env=variables
    )
    names = sorted(command.name for command in importlib.import_module(f"services.{service}.commands").COMMANDS)
    assert (done.stdout, done.stderr) == (f"{tmp_path}/services/cli.py {names}\n", "")


def test_the_first_process_of_a_container_ends_with_143_at_sigterm() -> None:
    program = (
        "import os, signal, sys\n"
        "from services import cli\n"
        "os.getpid = lambda: 1\n"
        "cli.app = lambda: signal.raise_signal(signal.SIGTERM)\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "cli.main()\n"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=60, check=False).returncode == 143


def test_every_command_is_known_here() -> None:
    assert cli.names() == set(PREFIXES)


@pytest.mark.parametrize(("command", "prefix"), PREFIXES.items(), ids=PREFIXES)
def test_help_of_a_command_says_what_its_variables_are_called(command: str, prefix: str, invoke: Invoke) -> None:
    ended = invoke(*command.split(), "--help")
    assert ended.code == 0
    assert f"{prefix}<OPTION>" in ended.out
    assert "--config" in ended.out


WRONG = {
    "no such command": (("generat",), "No such command 'generat'"),
    "no such option": (("generate", "--pairz", 3), "No such option: --pairz"),
    "an option without its value": (("generate", "--pairs"), "'--pairs' requires an argument"),
    "one argument too many": (("finalise", "run", "run"), "unexpected extra argument"),
    "a file that is not there": (("finalise", "--config", "none.yaml", "run"), "--config: cannot read none.yaml"),
    "a log level": (("--log-level", "loud", "finalise", "run"), "found 'loud', needed debug, info, warning or error"),
    "an option that is needed": (("generate", "--pairs", 3), "--dataset (MAMMOSYNTH_GENERATE_DATASET): is needed"),
    "an argument that is needed": (("finalise",), "RUN (MAMMOSYNTH_FINALISE_RUN): is needed"),
}


@pytest.mark.parametrize(("arguments", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_command_line_ends_with_2_and_names_what_is_wrong(
    arguments: tuple[object, ...], message: str, invoke: Invoke, seen: list[Any]
) -> None:
    ended = invoke(*arguments)
    assert ended.code == 2
    assert message in ended.err
    assert not seen


GENERATE = ("generate", "--dataset", "data", "--output", "run")

VALUES = {
    "pairs": ("none", "found 'none'"),
    "shard": ("1", "found '1'"),
    "keep_rejected": ("1.5", "found '1.5'"),
    "stylizer": ("nowhere", "found 'nowhere'"),
    "any_size": ("perhaps", "found 'perhaps'"),
}


@pytest.mark.parametrize(("field", "value"), VALUES.items(), ids=VALUES)
def test_a_wrong_variable_ends_with_2_and_is_named(
    field: str, value: tuple[str, str], invoke: Invoke, seen: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAMMOSYNTH_GENERATE_PAIRS", "3")
    monkeypatch.setenv(f"MAMMOSYNTH_GENERATE_{field.upper()}", value[0])
    ended = invoke(*GENERATE)
    assert ended.code == 2
    assert f"--{field.replace('_', '-')} (MAMMOSYNTH_GENERATE_{field.upper()}): {value[1]}" in ended.err
    assert not seen


def test_options_win_over_variables_and_variables_over_the_file(
    tmp_path: Path, invoke: Invoke, seen: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run.yaml").write_text("pairs: 3\nseed: 3\npolicy: paper\noutput: elsewhere\n")
    monkeypatch.setenv("MAMMOSYNTH_GENERATE_PAIRS", "4")
    monkeypatch.setenv("MAMMOSYNTH_GENERATE_SEED", "4")
    assert invoke(*GENERATE, "--config", tmp_path / "run.yaml", "--seed", 5).code == 0
    assert seen == [
        GenerateConfiguration(dataset=Path("data"), output="run", pairs=4, seed=5, policy="paper"),
    ]


def test_a_wrong_name_in_the_file_is_refused(tmp_path: Path, invoke: Invoke, seen: list[Any]) -> None:
    (tmp_path / "run.yaml").write_text("pairs: 3\npairz: 3\n")
    ended = invoke(*GENERATE, "--config", tmp_path / "run.yaml")
    assert (ended.code, ended.err.strip()) == (2, "configuration_invalid: pairz: no such option")
    assert not seen


@pytest.mark.parametrize(("value", "level"), [("warning", "warning"), ("", "info")], ids=["set", "empty"])
def test_a_log_level_can_come_from_the_environment(value: str, level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setenv("MAMMOSYNTH_LOG_LEVEL", value)
        assert importlib.reload(cli)._common.__defaults__ == (level,)
    importlib.reload(cli)


def test_a_run_ends_with_the_code_that_the_command_gives(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finalise, "run", lambda _: 143)
    assert invoke("finalise", "run").code == 143


FAULTS: dict[str, tuple[BaseException, int]] = {
    "a fault": (UnfinishedPairsError("2 of 8 pairs [a] [/b]"), 1),
    "skipped files": (SkippedFilesError("2 files [a] [/b]"), 3),
}


@pytest.mark.parametrize(("error", "code"), FAULTS.values(), ids=FAULTS)
def test_an_error_of_the_domain_is_one_line_as_it_is(
    error: Any, code: int, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finalise, "run", raising(error))
    ended = invoke("finalise", "run")
    assert (ended.code, ended.err, ended.out) == (code, f"{error.code}: {error.message}\n", "")


def test_ctrl_c_ends_with_130_and_no_traceback(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finalise, "run", raising(KeyboardInterrupt()))
    ended = invoke("finalise", "run")
    assert ended.code == 130
    assert "Traceback" not in ended.err


def test_the_unexpected_is_one_line_of_log_without_the_values_of_variables(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(_: FinaliseConfiguration) -> None:
        patient = SimpleNamespace(name="Doe^Jane")
        raise ZeroDivisionError("what" + patient.name[:0])

    monkeypatch.setattr(finalise, "run", run)
    ended = invoke("finalise", "run")
    assert (ended.code, ended.out) == (1, "")
    (line,) = ended.err.splitlines()
    said = json.loads(line)
    assert (said["event"], said["level"], said["component"]) == ("unexpected error", "error", "cli")
    assert said["exception"][0]["exc_type"] == "ZeroDivisionError"
    assert "Doe" not in line


def raising(error: BaseException) -> Callable[[object], int]:
    def run(_: object) -> int:
        raise error

    return run


REFUSED: dict[str, tuple[tuple[object, ...], str]] = {
    "a data set that is not there": (("--dataset", "no/[/such]"), "dataset_invalid: no/[/such]: no such folder"),
    "a policy that is not there": (
        ("--policy", "wild"),
        "policy: found 'wild', needed a file or one of lesion, paper, stable",
    ),
    "a shard beyond the last": (("--shard", "4/4"), "--shard: found 4/4, needed K/N with K from 0 to N-1"),
    "a scheme that is not there": (("--output", "nothing://bucket"), "cannot use 'nothing://bucket'"),
}


@pytest.mark.parametrize(("arguments", "message"), REFUSED.values(), ids=REFUSED)
@pytest.mark.usefixtures("nothing_started")
def test_generate_refuses_before_any_service_is_started(
    arguments: tuple[object, ...], message: str, invoke: Invoke, dataset: Dataset, tmp_path: Path
) -> None:
    ended = invoke(
        *("generate", "--dataset", dataset.path, "--output", tmp_path / "run", "--pairs", 3),
        *arguments,
    )
    assert ended.code == 2
    assert message in ended.err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "command",
    [("finalise", "{run}"), ("replay", "{run}", 3), ("status", "{run}")],
    ids=["finalise", "replay", "status"],
)
def test_where_there_is_no_run_the_command_ends_with_2(
    command: tuple[object, ...], invoke: Invoke, tmp_path: Path
) -> None:
    ended = invoke(*(str(part).format(run=tmp_path / "run") for part in command))
    assert ended.code == 2
    assert ended.err.startswith("not_found: ")
    assert str(tmp_path / "run") in ended.err
    assert not (tmp_path / "run").exists()
