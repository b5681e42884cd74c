"""Floor 3: many trainings, on one machine or a cluster, and the command line over them."""
