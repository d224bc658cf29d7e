"""Answers and requests in general: errors, headers, cookies, the log, the layout of pages."""
