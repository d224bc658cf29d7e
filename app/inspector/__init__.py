"""What the browser and the server hold of a session, for one backend and for all side by side."""
