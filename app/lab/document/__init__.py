"""The document under test, statement by statement, and what is so."""
