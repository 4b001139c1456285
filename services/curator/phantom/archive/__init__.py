"""Phantom archives: folders that look like downloads of CBIS-DDSM and CMMD, with their traps."""
