"""Who may use the app, and what shows that a browser or a script is theirs."""
