"""Cold data: days of a simulated fleet as Arrow tables, at simulation speed, with the instants at which they would have arrived."""
