"""Time: the limit of a step of a request, and how often something is done."""
