"""Starts the anomaly service."""

import asyncio
import sys
from functools import partial

from mammosynth.v1 import anomaly_pb2, anomaly_pb2_grpc

from services.anomaly.configuration import AnomalyConfiguration
from services.anomaly.detector import AnomalyDetector
from services.anomaly.servicer import AnomalyServicer
from shared.log import configure
from shared.models import read_model
from shared.rpc.server import serve
from shared.scoring.batcher import Batcher
from shared.scoring.session import ScoringSession

SERVICE = anomaly_pb2.DESCRIPTOR.services_by_name["AnomalyService"].full_name


def run(configuration: AnomalyConfiguration) -> int:
    """Serve an anomaly detector until it is told to stop; returns the exit code."""
    return asyncio.run(_serve(configuration))


async def _serve(configuration: AnomalyConfiguration) -> int:
    artefact = read_model(configuration.model, "anomaly", expected_sha256=configuration.sha256)
    session = ScoringSession(
        artefact, provider=configuration.provider, batch=configuration.batch, threads=configuration.threads
    )
    if configuration.check_only:
        return 0
    detector = AnomalyDetector(session)
    batcher = Batcher(detector.score, size=session.batch, limit=configuration.queue_limit)
    servicer = AnomalyServicer(detector, batcher, description=session.description, numerics=session.numerics)
    return await serve(
        configuration=configuration,
        register=partial(anomaly_pb2_grpc.add_AnomalyServiceServicer_to_server, servicer),
        services=[SERVICE],
        warm_up=partial(asyncio.to_thread, session.warm_up),
        close=batcher.close,
    )


if __name__ == "__main__":
    configure()
    sys.exit(run(AnomalyConfiguration.resolve({})))
