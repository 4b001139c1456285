"""The sub-commands of the orchestrator."""

from services.orchestrator.configuration import (
    BatteryConfiguration,
    CancelConfiguration,
    FetchConfiguration,
    FinaliseConfiguration,
    GenerateConfiguration,
    LogsConfiguration,
    OrchestratorConfiguration,
    PingConfiguration,
    ReplayConfiguration,
    StatusConfiguration,
    SubmitConfiguration,
    SweepConfiguration,
    TuneConfiguration,
)
from shared.commands import Command

COMMANDS = (
    Command(
        "serve orchestrator",
        OrchestratorConfiguration,
        "services.orchestrator.__main__",
        "Serve accepted samples as a stream.",
    ),
    Command(
        "generate",
        GenerateConfiguration,
        "services.orchestrator.generate",
        "Generate synthetic malignant films; an interrupted run goes on where it was.",
    ),
    Command(
        "finalise",
        FinaliseConfiguration,
        "services.orchestrator.finalise",
        "Pack the records of a run, complete or not, and sum them up.",
    ),
    Command("status", StatusConfiguration, "services.orchestrator.status.command", "Say how far a run is."),
    Command(
        "replay",
        ReplayConfiguration,
        "services.orchestrator.replay",
        "Make an accepted film again and compare it to the bit.",
    ),
    Command(
        "battery make",
        BatteryConfiguration,
        "services.orchestrator.battery.make",
        "Spoil real films, in pixels and by style transfer; an interrupted making goes on where it was.",
    ),
    Command(
        "tune",
        TuneConfiguration,
        "services.orchestrator.tuning.command",
        "Sweep recipes on validation films beside their placebo, and order a policy by what is left.",
    ),
    Command(
        "sweep",
        SweepConfiguration,
        "services.orchestrator.sweep.command",
        "Show what steps, content weight and content layer do to a pair, as pictures and as data.",
    ),
    Command(
        "fetch",
        FetchConfiguration,
        "services.orchestrator.fetch",
        "Copy a folder from object storage, as an init container does for the pod's services.",
    ),
    Command("ping", PingConfiguration, "services.orchestrator.ping", "Ask running services what they serve."),
    Command("submit", SubmitConfiguration, "services.orchestrator.runs.submit", "Start a run in a cluster."),
    Command("cancel", CancelConfiguration, "services.orchestrator.runs.cancel", "Stop a run in a cluster."),
    Command("logs", LogsConfiguration, "services.orchestrator.runs.logs", "Show what the pods of a run say."),
)
