"""How far a run is: the numbers of its manifest, told while it goes on."""
