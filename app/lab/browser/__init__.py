"""The browsers of experiments: one with the cookie rules of RFC 6265bis, and a real one."""
