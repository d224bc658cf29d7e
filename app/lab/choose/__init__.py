"""Which session backend to use: a few questions, answered from claims and figures."""
