"""The report of a run, and the forms it is written in."""
