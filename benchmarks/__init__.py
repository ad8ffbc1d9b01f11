"""Speed, as ratios to the floor and to peers in the same run. `make bench` runs all; results are stored as JSON, losses included."""
