"""Starts the classifier service."""

import asyncio
import sys
from functools import partial

from mammosynth.v1 import classifier_pb2, classifier_pb2_grpc

from services.classifier.classifier import Classifier
from services.classifier.configuration import ClassifierConfiguration
from services.classifier.servicer import ClassifierServicer
from shared.log import configure
from shared.models import read_model
from shared.rpc.server import serve
from shared.scoring.batcher import Batcher
from shared.scoring.session import ScoringSession

SERVICE = classifier_pb2.DESCRIPTOR.services_by_name["ClassifierService"].full_name


def run(configuration: ClassifierConfiguration) -> int:
    """Serve a classifier until it is told to stop; returns the exit code."""
    return asyncio.run(_serve(configuration))


async def _serve(configuration: ClassifierConfiguration) -> int:
    artefact = read_model(configuration.model, "classifier", expected_sha256=configuration.sha256)
    session = ScoringSession(
        artefact, provider=configuration.provider, batch=configuration.batch, threads=configuration.threads
    )
    if configuration.check_only:
        return 0
    classifier = Classifier(session)
    batcher = Batcher(classifier.classify, size=session.batch, limit=configuration.queue_limit)
    servicer = ClassifierServicer(classifier, batcher, description=session.description, numerics=session.numerics)
    return await serve(
        configuration=configuration,
        register=partial(classifier_pb2_grpc.add_ClassifierServiceServicer_to_server, servicer),
        services=[SERVICE],
        warm_up=partial(asyncio.to_thread, session.warm_up),
        close=batcher.close,
    )


if __name__ == "__main__":
    configure()
    sys.exit(run(ClassifierConfiguration.resolve({})))
