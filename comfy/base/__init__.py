"""What every package may use: errors, messages, wording, JSON values, file names, threads."""
