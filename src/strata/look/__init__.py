"""One command on a model of the user's own: what the papers' experiments say of it."""
