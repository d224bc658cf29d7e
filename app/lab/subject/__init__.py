"""The subjects of experiments: an application on a backend, or somebody's own."""
