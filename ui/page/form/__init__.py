"""The form of one workflow on the page: its fields, its heading, its tools."""
