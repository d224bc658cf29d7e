"""Moves sessions from the interface that an application had before, without a new login."""
