"""Which session backend to use: four questions, answered from claims and figures."""
