"""How far two sets of films are from each other, by several measures."""
