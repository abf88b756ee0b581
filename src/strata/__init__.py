"""strata: what three papers about layers in transformers really show."""
