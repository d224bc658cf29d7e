"""What sessions need of HTTP: cookies, and responses that are refused after the view."""
