"""Style transfer after Gatys et al.: many independent films optimised at once, served over gRPC."""
