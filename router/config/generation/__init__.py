"""Documents made from contracts: valid ones, those at the edges, those with one mistake."""
