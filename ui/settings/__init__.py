"""Settings: options, variables, the config file, named servers, start lines."""
