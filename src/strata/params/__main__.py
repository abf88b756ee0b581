"""`python -m strata.params --profile NAME` writes results/NAME/params.yaml."""

from strata.params import from_command_line

from_command_line("Compose a profile's parameters into results/<profile>/.")
