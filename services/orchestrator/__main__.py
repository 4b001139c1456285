"""Starts the orchestrator as a service."""

import asyncio
import sys
from functools import partial

from mammosynth.v1 import generation_pb2, generation_pb2_grpc

from services.orchestrator.children import running_services
from services.orchestrator.configuration import OrchestratorConfiguration
from services.orchestrator.generation import make_generation
from services.orchestrator.peers import GrpcPeers
from services.orchestrator.policy import Policy, load_policy, shipped_policies
from services.orchestrator.runs.records import Records
from services.orchestrator.runs.request import JobTemplate
from services.orchestrator.runs.runs import Runs
from services.orchestrator.servicer import GenerationServicer
from shared.dataset import Dataset
from shared.errors import ConfigurationError
from shared.log import configure
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
        running_services(configuration, logs=None, names=configuration.services) as (addresses, broken),
        GrpcPeers.of(configuration, addresses) as peers,
    ):
        facts = await peers.facts(timeout_s=configuration.start_timeout_s)
        peers.pin(facts.models, facts.dtype)
        runs = _runs(configuration, {name: name for name in policies} | {default.name: configuration.policy}, default)
        generation = make_generation(dataset, default, 0, peers, facts, any_size=configuration.any_size)
        servicer = GenerationServicer(
            generation,
            facts,
            policies=policies,
            in_flight=configuration.in_flight or 2 * max(1, facts.slots),
            any_size=configuration.any_size,
            runs=runs,
        )
        return await serve(
            configuration=configuration,
            register=partial(generation_pb2_grpc.add_GenerationServiceServicer_to_server, servicer),
            services=[SERVICE],
            broken=broken,
        )


def _runs(configuration: OrchestratorConfiguration, policies: dict[str, str], default: Policy) -> Runs | None:
    if configuration.runs is None and configuration.job_template is None:
        return None
    if configuration.runs is None or configuration.job_template is None:
        raise ConfigurationError("--runs, --job-template: found one of them, needed both or none")
    # The client of Kubernetes takes a second to import, which a service without runs need not wait for.
    from services.orchestrator.runs.jobs import Jobs  # noqa: PLC0415

    template = JobTemplate.read(configuration.job_template)
    return Runs(
        Jobs.connect(template.labels),
        Records(configuration.runs),
        template,
        policies=policies,
        default_policy=default.name,
    )


if __name__ == "__main__":
    configure()
    sys.exit(run(OrchestratorConfiguration.resolve({})))
