"""The texts in cookies: their signatures and the format of a session in a cookie."""
