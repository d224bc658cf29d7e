"""Harnesses, through which experiments read, corrupt and stop stores."""
