"""Extensions are tested as the contract is, at any speed of the machine."""

from backends import BACKENDS
from tests.backends.places import at_any_speed, placed_on

OF_EACH_KIND = [(BACKENDS[name], "real") for name in ("cookie", "filesystem", "redis")]
"""In the cookie, in a store, and in one that ends sessions itself: an extension sees no more."""


placed, time_limit = placed_on(OF_EACH_KIND), at_any_speed
