"""Who is near whom, at any size: sums over boxes of a grid, cell lists of a plane, links of a network."""
