"""The browsers of experiments: one that follows RFC 6265bis, and a real one."""
