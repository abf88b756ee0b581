"""`python -m strata.params --profile NAME` writes results/NAME/params.yaml."""

from strata.command_line import parameters, parser

parameters(parser("Compose a profile's parameters into results/<profile>/.").parse_args())
