"""Compare the converter, the forms and the stand-in with the newest front end and templates."""
