"""What a session costs, for people: the figures of the kept bench in sentences and pictures."""
