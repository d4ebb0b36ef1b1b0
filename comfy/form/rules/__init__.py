"""Rules that place an input without an author's declaration, and the facts they use. Pure."""
