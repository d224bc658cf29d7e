"""Harnesses for the stores of subjects: what experiments count, copy, corrupt and break there."""
