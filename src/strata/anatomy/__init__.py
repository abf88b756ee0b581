"""Paper A's experiments: (model, data, params) -> tables and measurements."""
