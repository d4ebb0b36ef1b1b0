"""Steps of the tables of sign-ins."""
