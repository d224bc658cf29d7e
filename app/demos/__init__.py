"""Small features that use cookies and sessions as applications do."""
