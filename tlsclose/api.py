"""probe(), listen() and what a run ends with: wires the rooms together."""
