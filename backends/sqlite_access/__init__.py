"""The SQLite file: its connections, its tables, and what to do about its errors."""
