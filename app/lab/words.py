"""Words that experiments share."""


def in_or_out(is_in: bool) -> str:
    """Whether somebody is logged in, in a word."""
    return "in" if is_in else "out"
