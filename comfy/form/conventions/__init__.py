"""Authors' declarations about forms, in the notations of this and other programs."""
