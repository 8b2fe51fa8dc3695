"""Which field comes of which: read and write paths of maps, followed through a landscape."""
