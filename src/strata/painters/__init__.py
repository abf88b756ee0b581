"""Paper C's experiments: (model, data, params) -> tables and measurements."""
