"""Users, and the credentials of browsers and scripts."""
