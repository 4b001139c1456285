"""Starts the stylizer."""

import asyncio
import sys
from functools import partial
from pathlib import Path

import torch
from mammosynth.v1 import stylizer_pb2, stylizer_pb2_grpc

from services.stylizer.configuration import StylizerConfiguration
from services.stylizer.engine import Engine
from services.stylizer.precision import choose_dtype
from services.stylizer.servicer import StylizerServicer
from services.stylizer.slots import choose_device
from services.stylizer.weights import TrunkName, TrunkWeights, resolve_weights
from shared.descriptions import ModelIdentity
from shared.log import configure
from shared.rpc.server import serve

SERVICE = stylizer_pb2.DESCRIPTOR.services_by_name["StylizerService"].full_name


def run(configuration: StylizerConfiguration) -> int:
    """Serve style transfer until told to stop; returns the exit code."""
    return asyncio.run(_serve(configuration))


async def _serve(configuration: StylizerConfiguration) -> int:
    weights = _weights(configuration.trunk)
    device = choose_device(configuration.device)
    if configuration.threads is not None:
        torch.set_num_threads(configuration.threads)
    engine = Engine(
        weights,
        slots=configuration.slots,
        queue=configuration.queue_limit,
        history=configuration.history,
        device=device,
        dtype=choose_dtype(configuration.dtype, device),
    )
    servicer = StylizerServicer(engine, ModelIdentity(name=weights.name, sha256=weights.sha256))
    return await serve(
        configuration=configuration,
        register=partial(stylizer_pb2_grpc.add_StylizerServiceServicer_to_server, servicer),
        services=[SERVICE],
        warm_up=partial(asyncio.to_thread, engine.warm_up),
        close=partial(asyncio.to_thread, engine.stop),
    )


def _weights(trunk: str) -> TrunkWeights:
    named = trunk in tuple(TrunkName)
    return resolve_weights(trunk=TrunkName(trunk)) if named else resolve_weights(path=Path(trunk))


if __name__ == "__main__":
    configure()
    sys.exit(run(StylizerConfiguration.resolve({})))
