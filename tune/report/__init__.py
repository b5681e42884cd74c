"""The report of a search: one HTML file that needs nothing else."""
