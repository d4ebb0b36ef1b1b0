"""What authors say about their forms, in the notations of this and of other programs."""
