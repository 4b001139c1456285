"""Starts the orchestrator as a service."""

import asyncio
import sys
from functools import partial

from mammosynth.v1 import generation_pb2, generation_pb2_grpc

from services.orchestrator.children import running_services
from services.orchestrator.configuration import OrchestratorConfiguration
from services.orchestrator.generation import make_generation
from services.orchestrator.peers import GrpcPeers
from services.orchestrator.policy import load_policy, shipped_policies
from services.orchestrator.servicer import GenerationServicer
from shared.dataset import Dataset
from shared.rpc.server import serve

SERVICE = generation_pb2.DESCRIPTOR.services_by_name["GenerationService"].full_name


def run(configuration: OrchestratorConfiguration) -> int:
    """Serve accepted samples until told to stop; returns the exit code."""
    return asyncio.run(_serve(configuration))


async def _serve(configuration: OrchestratorConfiguration) -> int:
    dataset = Dataset.open(configuration.dataset)
    default = load_policy(configuration.policy)
    policies = {name: load_policy(name) for name in shipped_policies()} | {default.name: default}
    async with (
        running_services(configuration, logs=None) as (addresses, broken),
        GrpcPeers.of(configuration, addresses) as peers,
    ):
        facts = await peers.facts(timeout_s=configuration.start_timeout_s)
        peers.pin(facts.models)
        generation = make_generation(dataset, default, 0, peers, facts, any_size=configuration.any_size)
        servicer = GenerationServicer(
            generation,
            facts,
            policies=policies,
            in_flight=configuration.in_flight or 2 * max(1, facts.slots),
            any_size=configuration.any_size,
        )
        return await serve(
            configuration=configuration,
            register=partial(generation_pb2_grpc.add_GenerationServiceServicer_to_server, servicer),
            services=[SERVICE],
            broken=broken,
        )


if __name__ == "__main__":
    sys.exit(run(OrchestratorConfiguration.resolve({})))
