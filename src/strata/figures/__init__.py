"""Evidence tables to figures in one style."""
